"""A question of `core.ask` is a form, answered by typing and clicking."""

from playwright.sync_api import expect

ASK = """%%attune deploy LINE
tasks:
  - name: approve
    action: core.ask
    timeout: TIMEOUT
    input:
      prompt: Deploy release 1.4 to production?
      response_schema:
        type: object
        required: [reason, servers, where]
        properties:
          reason: {type: string, minLength: 3}
          servers: {type: integer, minimum: 1}
          where: {enum: [staging, production]}
          share: {type: number, description: of the traffic}
          urgent: {type: boolean}
    next: [{do: go}]
  - {name: go, action: core.echo, input: {message: "{{ task.approve.response }}"}}
"""


def cells(line="--out run", timeout=60):
    return "%load_ext attune_nb", ASK.replace("LINE", line).replace("TIMEOUT", str(timeout))


def test_a_form_is_filled_in_and_its_answer_goes_on(lab):
    told = "run.status, dict(run.result('approve')['response'])"
    with lab.opened(*cells(), "1 + 1", told) as notebook:
        notebook.run(0)
        notebook.run(1)  # the cell comes back, although the run is not over
        form = notebook.output(1)
        expect(form).to_contain_text("Deploy release 1.4 to production?")
        notebook.run(2)  # and other cells run meanwhile
        form.get_by_label("reason").fill("ok")
        form.get_by_label("servers").fill("three")
        notebook.page.get_by_role("button", name="Answer").click()
        expect(form.get_by_role("alert")).to_contain_text("`servers` must be an integer")
        form.get_by_label("servers").fill("3")
        notebook.page.get_by_role("button", name="Answer").click()
        expect(form.get_by_role("alert")).to_contain_text("is too short")
        notebook.picture("form")
        form.get_by_label("reason").fill("tested")
        form.get_by_label("where").select_option("production")
        form.get_by_label("urgent").check()
        notebook.page.get_by_role("button", name="Answer").click()
        expect(form).to_contain_text("succeeded after", timeout=20_000)
        expect(notebook.page.get_by_role("button", name="Answer")).to_have_count(0)
        notebook.run(3)
        answer = "{'reason': 'tested', 'servers': 3, 'where': 'production', 'urgent': True}"
        expect(notebook.output(3)).to_contain_text(f"('succeeded', {answer})")


def test_a_question_that_nobody_answers_times_out(lab):
    with lab.opened(*cells(timeout=2)) as notebook:
        notebook.run(0)
        notebook.run(1)
        expect(notebook.output(1)).to_contain_text("Deploy release")
        expect(notebook.output(1)).to_contain_text(
            "the question was not answered within 2 s", timeout=20_000
        )
        expect(notebook.page.get_by_role("button", name="Answer")).to_have_count(0)


def test_a_question_is_answered_from_another_cell(lab):
    answer = "%attune answer run approve {'reason':'cell','servers':1,'where':'staging'}"
    with lab.opened(*cells("--background --out run"), answer, "(await run).status") as notebook:
        for number in range(4):
            notebook.run(number)
        expect(notebook.output(1)).to_contain_text("succeeded after", timeout=20_000)
        expect(notebook.output(3)).to_contain_text("'succeeded'")

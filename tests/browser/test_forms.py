"""A question of `core.ask` is a form, which is filled in and sent."""

import pytest
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


def ask_cells(line="--out run", timeout=60):
    """Return the sources of a cell that loads the extension, and of one that asks."""
    return "%load_ext attune_nb", ASK.replace("LINE", line).replace("TIMEOUT", str(timeout))


def test_a_form_is_filled_in_and_the_run_continues(lab):
    outcome = "run.status, dict(run.result('approve')['response'])"
    with lab.opened(*ask_cells(), "1 + 1", outcome) as notebook:
        notebook.run(0)
        # the cell returns, although the run has not ended
        notebook.run(1)
        form = notebook.output(1)
        expect(form).to_contain_text("Deploy release 1.4 to production?")
        # other cells run meanwhile
        notebook.run(2)

        form.get_by_label("reason").fill("ok")
        form.get_by_label("servers").fill("three")
        notebook.click_button("Answer")
        problems = ["`servers` must be an integer, not `three`", "`where` needs a value"]
        expect(form.get_by_role("alert")).to_have_text(problems)

        form.get_by_label("where").select_option("staging")
        form.get_by_label("servers").fill("3")
        expect(form.get_by_role("alert")).to_have_count(0)
        notebook.click_button("Answer")
        expect(form.get_by_role("alert")).to_contain_text("is too short")
        notebook.take_screenshot("form")

        form.get_by_label("reason").fill("tested")
        form.get_by_label("where").select_option("production")
        form.get_by_label("urgent").check()
        notebook.click_button("Answer")
        expect(form).to_contain_text("succeeded after")
        expect(notebook.page.get_by_role("button", name="Answer")).to_have_count(0)

        notebook.run(3)
        answer = "{'reason': 'tested', 'servers': 3, 'where': 'production', 'urgent': True}"
        expect(notebook.output(3)).to_contain_text(f"('succeeded', {answer})")


def test_an_unanswered_question_times_out(lab):
    with lab.opened(*ask_cells(timeout=2)) as notebook:
        notebook.run(0)
        notebook.run(1)
        expect(notebook.output(1)).to_contain_text("the question was not answered within 2 s")
        expect(notebook.page.get_by_role("button", name="Answer")).to_have_count(0)


def test_a_question_is_answered_from_another_cell(lab):
    answer = "%attune answer run approve {'reason':'cell','servers':1,'where':'staging'}"
    with lab.opened(*ask_cells("--background --out run"), answer, "(await run).status") as notebook:
        notebook.run(0)
        notebook.run(1)
        expect(notebook.output(1)).to_contain_text("Deploy release 1.4 to production?")

        notebook.run(2)
        expect(notebook.output(1)).to_contain_text("succeeded after")
        notebook.run(3)
        expect(notebook.output(3)).to_contain_text("'succeeded'")


SHORT_ASK = """%%attune deploy --out run
tasks:
  - name: approve
    action: core.ask
    input: {prompt: Deploy release 1.4?, response_schema: SCHEMA}
"""


@pytest.mark.parametrize(
    ("schema", "buttons", "clicked", "answer"),
    [
        ("{type: boolean}", ["Yes", "No"], "Yes", "True"),
        ("{enum: [now, tonight, never]}", ["now", "tonight", "never"], "tonight", "'tonight'"),
    ],
    ids=["boolean", "enum"],
)
def test_a_question_with_few_answers_shows_buttons(lab, schema, buttons, clicked, answer):
    """The question itself is the label of the form, and one click answers it."""
    cell = SHORT_ASK.replace("SCHEMA", schema)
    outcome = "(await run).status, run.result('approve')['response']"
    with lab.opened("%load_ext attune_nb", cell, outcome) as notebook:
        notebook.run(0)
        notebook.run(1)
        form = notebook.output(1)
        expect(form).to_contain_text("Deploy release 1.4?")
        expect(form.locator(".widget-vbox .widget-hbox").last.get_by_role("button")).to_have_text(
            buttons
        )
        notebook.take_screenshot(f"buttons {clicked}")

        form.get_by_role("button", name=clicked, exact=True).click()
        expect(form).to_contain_text("succeeded after")
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text(f"('succeeded', {answer})")


def test_a_question_without_a_schema_takes_text(lab):
    cell = SHORT_ASK.replace(", response_schema: SCHEMA", "")
    with lab.opened("%load_ext attune_nb", cell, "(await run).output") as notebook:
        notebook.run(0)
        notebook.run(1)
        form = notebook.output(1)
        form.get_by_title("Deploy release 1.4?").fill("after lunch")
        notebook.take_screenshot("text")
        notebook.click_button("Answer")
        expect(form).to_contain_text("succeeded after")

"""The page itself: errors, the dark theme, saved notebooks, and texts that contain markup."""

from playwright.sync_api import expect

# the ink of a chart's title on a dark page, and on a light one
LIGHT_INK = "rgb(236, 239, 242)"
DARK_INK = "rgb(31, 35, 40)"
MARKUP = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
CELL = f"""%%attune "{MARKUP}" --out run
description: "{MARKUP}"
tasks:
  - name: "ask"
    action: core.echo
    input: {{message: "{MARKUP}"}}
    next: [{{do: fails}}]
  - name: fails
    action: breaks
    with_items: ["{MARKUP}"]
    input: {{x: "{{{{ item }}}}"}}
    next: [{{do: asks}}]
  - name: asks
    action: core.ask
    input:
      prompt: "{MARKUP}"
      response_schema:
        type: object
        properties:
          "{MARKUP}": {{title: "{MARKUP}", description: "{MARKUP}", enum: ["{MARKUP}"]}}
"""
FLEET = """%load_ext attune_nb
import time
def check(n):
    time.sleep(0.002)
    if n % 50 == 7:
        raise ConnectionError(f"server {n} does not answer")
    return n
"""
CHECK = """%%attune health --out run
tasks:
  - name: check
    action: check
    with_items: "{{ range(400) }}"
    concurrency: 8
    input: {n: "{{ item }}"}
    next:
      - {when: "{{ failed() }}", do: report}
  - {name: report, action: core.noop}
"""


def test_a_mistake_is_shown_with_its_line_and_a_caret(lab):
    mistyped = CHECK.replace("with_items", "with_itmes")
    with lab.opened(FLEET, mistyped, "1 + 1") as notebook:
        notebook.run(0)
        notebook.run(1)

        error = notebook.output(1)
        expect(error).to_contain_text("WorkflowError")
        expect(error).to_contain_text("line 5")
        expect(error).to_contain_text("^")
        expect(error).to_contain_text("did you mean `with_items`?")
        expect(error).not_to_contain_text("Traceback")
        notebook.take_screenshot("mistake")

        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("2")


def test_a_dark_page_is_readable(lab):
    cells = (FLEET, CHECK, "run.timeline()", "%attune graph --dark")
    with lab.opened(*cells, dark=True, height=1_300) as notebook:
        for number in range(4):
            notebook.run(number)
        expect(notebook.output(1)).to_contain_text("400/400")

        notebook.wait_for_ink(notebook.output(1).locator("td").first, "light")
        # the first follows the page, the second is always dark
        for number in (2, 3):
            chart = notebook.output(number).locator("svg.attune-chart")
            expect(chart).to_be_visible()
            expect(chart.locator("text", has_text="health").first).to_have_css("fill", LIGHT_INK)
        notebook.take_screenshot("dark")


def test_a_saved_notebook_is_readable_without_a_kernel(lab):
    with lab.opened(FLEET, CHECK, "run.timeline()") as notebook:
        for number in range(3):
            notebook.run(number)
        expect(notebook.output(1)).to_contain_text("health: succeeded after")
        chart = notebook.output(2).locator("svg.attune-chart")
        expect(chart.locator("text", has_text="health").first).to_have_css("fill", DARK_INK)

        saved_notebook = notebook.save()
        assert "widgets" not in saved_notebook.metadata
        outputs = saved_notebook.cells[1].outputs
        assert [sorted(output["data"]) for output in outputs] == [["text/html", "text/plain"]]

        notebook.shut_down()
        notebook.page.reload()
        # a server does not stop if a kernel is shut down while it starts
        notebook.wait_until_idle()
        expect(notebook.output(1)).to_contain_text("400/400")
        expect(chart).to_be_visible()
        expect(notebook.output(2).locator("img")).to_be_hidden()
        expect(notebook.page.locator("body")).not_to_contain_text("Error displaying widget")


def test_texts_of_a_workflow_are_never_executed(lab):
    setup = "%load_ext attune_nb\ndef breaks(x):\n    raise ValueError(x)"
    commands = ("list", "runs", "events", "actions", "graph", "timeline", "metrics")
    lines = ("run", "run.tasks", *(f"%attune {command}" for command in commands))
    with lab.opened(setup, CELL, *lines) as notebook:
        for number in range(11):
            notebook.run(number)

        notebook.page.wait_for_timeout(500)
        assert notebook.page.evaluate("() => window.hacked") is None
        # it is shown as text
        expect(notebook.output(2)).to_contain_text("onerror")

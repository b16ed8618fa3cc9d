"""What stays on the page: errors, dark pages, saved notebooks, and texts that would be code."""

import re

from playwright.sync_api import expect

EVIL = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
CODE = f"""%%attune "{EVIL}" --out run
description: "{EVIL}"
tasks:
  - name: "ask"
    action: core.echo
    input: {{message: "{EVIL}"}}
    next: [{{do: fails}}]
  - name: fails
    action: breaks
    with_items: ["{EVIL}"]
    input: {{x: "{{{{ item }}}}"}}
    next: [{{do: asks}}]
  - name: asks
    action: core.ask
    input:
      prompt: "{EVIL}"
      response_schema:
        type: object
        properties:
          "{EVIL}": {{title: "{EVIL}", description: "{EVIL}", enum: ["{EVIL}"]}}
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


def test_a_mistake_is_told_with_its_line_and_a_caret(lab):
    wrong = CHECK.replace("with_items", "with_itmes")
    with lab.opened(FLEET, wrong, "1 + 1") as notebook:
        notebook.run(0)
        notebook.run(1)
        told = notebook.output(1)
        expect(told).to_contain_text("WorkflowError")
        expect(told).to_contain_text("line 5")
        expect(told).to_contain_text("^")
        expect(told).to_contain_text("did you mean `with_items`?")
        assert "Traceback" not in told.inner_text()
        notebook.picture("mistake")
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("2")


def test_a_dark_page_is_readable(lab):
    cells = (FLEET, CHECK, "run.timeline(dark=True)", "%attune graph --dark")
    with lab.opened(*cells, dark=True, height=1_300) as notebook:
        for number in range(4):
            notebook.run(number)
        expect(notebook.output(1)).to_contain_text("400/400")
        look = "element => getComputedStyle(element).color"
        ink = notebook.output(1).locator("td").first.evaluate(look)
        assert min(int(each) for each in re.findall(r"\d+", ink)[:3]) > 150, ink
        expect(notebook.output(3).locator("img")).to_be_visible()
        notebook.picture("dark")


def test_a_saved_page_is_read_without_a_kernel(lab):
    with lab.opened(FLEET, CHECK, "run.timeline()") as notebook:
        for number in range(3):
            notebook.run(number)
        saved = notebook.save()
        assert "widgets" not in saved.metadata
        shown = saved.cells[1].outputs
        assert [sorted(each["data"]) for each in shown] == [["text/html", "text/plain"]]
        notebook.shut_down()
        notebook.page.reload()
        notebook.page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=60_000)
        expect(notebook.output(1)).to_contain_text("400/400")
        expect(notebook.output(2).locator("img")).to_be_visible()
        assert "Error displaying widget" not in notebook.page.content()


def test_texts_of_a_workflow_are_never_code(lab):
    load = "%load_ext attune_nb\ndef breaks(x):\n    raise ValueError(x)"
    commands = ("list", "runs", "events", "actions", "graph", "timeline", "metrics")
    lines = ("run", "run.tasks", *(f"%attune {each}" for each in commands))
    with lab.opened(load, CODE, *lines) as notebook:
        for number in range(11):
            notebook.run(number)
        notebook.page.wait_for_timeout(500)
        assert notebook.page.evaluate("() => window.hacked") is None
        expect(notebook.output(2)).to_contain_text("onerror")  # it is shown, as text

"""A failed run in JupyterLab: the outcome, the folded traceback, and the line of the error."""

import pytest
from playwright.sync_api import expect
from test_panel import fan_out_cells

SETUP = """%load_ext attune_nb
def check(host):
    return httpx.get(host)
"""
FAILING = """%%attune health
tasks:
  - name: check
    action: check
    with_items: "{{ range(30) }}"
    input: {host: "{{ item }}"}
"""
HANDLED = FAILING + '    next: [{when: "{{ failed() }}", do: noop}]\n'
REASON = "all with NameError: name 'httpx' is not defined (cell [1], line 3)"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_failed_cell_shows_its_reason_and_stops_run_all(lab, dark):
    with lab.opened(SETUP, HANDLED, FAILING, "print('went on')", dark=dark) as notebook:
        notebook.execute_command("notebook:run-all-cells")

        handled = notebook.output(1)
        expect(handled).to_contain_text("1 failure handled: `check` 30 of 30 items failed")
        expect(handled).to_contain_text("▲ note: the failure of `check` looks like a mistake")

        failed = notebook.output(2)
        expect(failed).to_contain_text(
            f"RunFailed: task `check` failed: 30 of 30 items failed, {REASON}"
        )
        frames = failed.get_by_text("return httpx.get(host)")
        expect(frames).to_be_hidden()
        failed.get_by_text("first traceback of `check`").click()
        expect(frames).to_be_visible()
        notebook.take_screenshot(f"failed, dark {dark}")

        notebook.wait_until_idle()
        expect(notebook.output(3)).not_to_contain_text("went on")


def test_a_saved_panel_says_when_it_stood_still(lab):
    with lab.opened(*fan_out_cells("--background --store runs.db")) as notebook:
        notebook.run(0)
        notebook.run(1)
        bar = notebook.output(1).locator("[role=progressbar]:visible")
        expect(bar).to_have_count(1)
        # the panel that the widgets hide
        expect(notebook.output(1)).to_contain_text("last update 20")
        notebook.save()
        notebook.shut_down()

        notebook.load()
        expect(notebook.output(1)).to_contain_text("last update 20")
        expect(notebook.output(1).get_by_text("last update 20")).to_be_visible()
        expect(notebook.output(1)).to_contain_text("if its kernel is gone, `%attune resume ")
        notebook.take_screenshot("kernel gone")
        notebook.forget_errors()

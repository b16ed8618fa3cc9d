"""The panel and the buttons in JupyterLab while a workflow runs."""

from playwright.sync_api import expect

LOAD = """%load_ext attune_nb
import time
from pathlib import Path
def work(n):
    time.sleep(SLEEP)
    return n
def wait(n):
    while n >= 500 and not Path("go on").exists():
        time.sleep(0.01)
    while n >= 1_500 and not Path("finish").exists():
        time.sleep(0.01)
    return n
"""
FAN_OUT = """%%attune fan LINE
tasks:
  - name: check
    action: work
    with_items: "{{ range(COUNT) }}"
    concurrency: 8
    input: {n: "{{ item }}"}
"""


def fan_out_cells(line=""):
    """Return the sources of a cell that loads the extension, and of one that runs for minutes."""
    fan_out = FAN_OUT.replace("LINE", line).replace("COUNT", "50_000")
    return LOAD.replace("SLEEP", "0.05"), fan_out


def waiting_cells(lab, line=""):
    """Return such cells whose items wait for the files "go on", after 500, and "finish"."""
    for name in ("go on", "finish"):
        (lab.root / name).unlink(missing_ok=True)

    fan_out = FAN_OUT.replace("action: work", "action: wait")
    return LOAD.replace("SLEEP", "0"), fan_out.replace("LINE", line).replace("COUNT", "2_000")


def test_the_bar_moves_and_ends_full(lab):
    with lab.opened(*waiting_cells(lab)) as notebook:
        notebook.run(0)
        notebook.run(1, wait=False)

        bar = notebook.output(1).locator("[role=progressbar]:visible")
        expect(bar).to_be_visible()
        expect(bar).to_have_attribute("aria-valuenow", "500")

        (lab.root / "go on").touch()
        expect(bar).to_have_attribute("aria-valuenow", "1500")
        expect(notebook.output(1)).to_contain_text("interrupt the kernel to cancel")
        notebook.take_screenshot("running")

        (lab.root / "finish").touch()
        expect(notebook.output(1)).to_contain_text("2,000/2,000")
        expect(notebook.output(1)).to_contain_text("succeeded")
        expect(notebook.output(1).locator(".jp-OutputArea-child")).to_have_count(1)
        notebook.take_screenshot("ended")


def test_a_background_run_is_cancelled_by_its_button(lab):
    with lab.opened(*fan_out_cells("--background --out run"), "run.status") as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.page.get_by_role("button", name="Pause").wait_for()
        notebook.take_screenshot("background")

        notebook.click_button("Cancel")
        expect(notebook.output(1)).to_contain_text("cancelled after")
        expect(notebook.page.get_by_role("button", name="Cancel")).to_have_count(0)

        # nothing is drawn over it later
        notebook.page.wait_for_timeout(1_000)
        expect(notebook.output(1)).to_contain_text("cancelled after")
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("'cancelled'")


def test_a_run_is_paused_and_resumed_by_its_button(lab):
    with lab.opened(*waiting_cells(lab, "--background --out run")) as notebook:
        notebook.run(0)
        notebook.run(1)
        bar = notebook.output(1).locator("[role=progressbar]:visible")
        expect(bar).to_have_attribute("aria-valuenow", "500")
        notebook.click_button("Pause")
        expect(notebook.output(1)).to_contain_text("paused")

        # the eight items that had begun end, and no others begin
        (lab.root / "go on").touch()
        expect(bar).to_have_attribute("aria-valuenow", "508")
        notebook.page.wait_for_timeout(700)
        expect(bar).to_have_attribute("aria-valuenow", "508")
        notebook.take_screenshot("paused")

        (lab.root / "finish").touch()
        notebook.click_button("Resume")
        expect(notebook.output(1)).to_contain_text("2,000/2,000")
        expect(notebook.output(1)).to_contain_text("succeeded")


def test_an_interrupt_cancels_a_foreground_run(lab):
    with lab.opened(*fan_out_cells("--out run"), "run.status") as notebook:
        notebook.run(0)
        notebook.run(1, wait=False)
        expect(notebook.output(1).locator("[role=progressbar]:visible")).to_be_visible()

        notebook.interrupt()
        expect(notebook.output(1)).to_contain_text("cancelled after")
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("'cancelled'")

"""The panel and the buttons in JupyterLab while a workflow runs."""

import re

from playwright.sync_api import expect

LOAD = """%load_ext attune_nb
import time
def work(n):
    time.sleep(SLEEP)
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


def fan_out_cells(line="", count=2_000, sleep=0.005):
    """Return the sources of a cell that loads the extension, and of one that runs items."""
    fan_out = FAN_OUT.replace("LINE", line).replace("COUNT", str(count))
    return LOAD.replace("SLEEP", str(sleep)), fan_out


def test_the_bar_moves_and_ends_full(lab):
    with lab.opened(*fan_out_cells(), "_", "1 + 1") as notebook:
        notebook.run(0)
        notebook.run(1, wait=False)

        bar = notebook.output(1).locator("[role=progressbar]:visible")
        expect(bar).to_be_visible()
        expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d+$"))

        first = int(bar.get_attribute("aria-valuenow"))
        expect(bar).not_to_have_attribute("aria-valuenow", str(first))
        assert int(bar.get_attribute("aria-valuenow")) > first
        expect(notebook.output(1)).to_contain_text("interrupt the kernel to cancel")
        notebook.take_screenshot("running")

        notebook.wait_until_idle()
        expect(notebook.output(1)).to_contain_text("2,000/2,000")
        expect(notebook.output(1)).to_contain_text("succeeded")
        expect(notebook.output(1).locator(".jp-OutputArea-child")).to_have_count(1)
        notebook.take_screenshot("ended")


def test_a_background_run_is_cancelled_by_its_button(lab):
    with lab.opened(*fan_out_cells("--background --out run", 50_000), "run.status") as notebook:
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
    with lab.opened(*fan_out_cells("--background --out run", 3_000)) as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.click_button("Pause")
        expect(notebook.output(1)).to_contain_text("paused")

        bar = notebook.output(1).locator("[role=progressbar]:visible")
        notebook.page.wait_for_timeout(500)
        before = bar.get_attribute("aria-valuenow")
        notebook.page.wait_for_timeout(700)
        assert bar.get_attribute("aria-valuenow") == before
        notebook.take_screenshot("paused")

        notebook.click_button("Resume")
        expect(notebook.output(1)).to_contain_text("3,000/3,000", timeout=20_000)
        expect(notebook.output(1)).to_contain_text("succeeded")


def test_an_interrupt_cancels_a_foreground_run(lab):
    with lab.opened(*fan_out_cells("--out run", 50_000), "run.status") as notebook:
        notebook.run(0)
        notebook.run(1, wait=False)
        expect(notebook.output(1).locator("[role=progressbar]:visible")).to_be_visible()

        notebook.interrupt()
        expect(notebook.output(1)).to_contain_text("cancelled after", timeout=20_000)
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("'cancelled'")

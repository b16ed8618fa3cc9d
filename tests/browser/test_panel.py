"""What a person sees and touches in JupyterLab while a workflow runs."""

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


def cells(line="", count=2_000, sleep=0.005):
    text = FAN_OUT.replace("LINE", line).replace("COUNT", str(count))
    return LOAD.replace("SLEEP", str(sleep)), text


def test_the_bar_moves_and_ends_full(lab):
    with lab.opened(*cells(), "_", "1 + 1") as notebook:
        notebook.run(0)
        notebook.run(1, wait=False)
        bar = notebook.output(1).locator("[role=progressbar]")
        expect(bar).to_be_visible()
        expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^[1-9]\d+$"))
        first = int(bar.get_attribute("aria-valuenow"))
        expect(bar).not_to_have_attribute("aria-valuenow", str(first))
        assert int(bar.get_attribute("aria-valuenow")) > first
        expect(notebook.output(1)).to_contain_text("interrupt the kernel to cancel")
        notebook.picture("running")
        notebook.wait_until_idle()
        expect(notebook.output(1)).to_contain_text("2,000/2,000")
        expect(notebook.output(1)).to_contain_text("succeeded")
        expect(notebook.output(1).locator(".jp-OutputArea-child")).to_have_count(1)
        notebook.picture("ended")


def test_a_run_in_the_background_is_cancelled_by_its_button(lab):
    with lab.opened(*cells("--background --out run", 50_000), "run.status") as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.page.get_by_role("button", name="Pause").wait_for()
        notebook.picture("background")
        notebook.page.get_by_role("button", name="Cancel").click()
        expect(notebook.output(1)).to_contain_text("cancelled after")
        expect(notebook.page.get_by_role("button", name="Cancel")).to_have_count(0)
        notebook.page.wait_for_timeout(1_000)  # nothing late is drawn over it
        expect(notebook.output(1)).to_contain_text("cancelled after")
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("'cancelled'")


def test_a_run_is_paused_and_resumed_by_its_button(lab):
    with lab.opened(*cells("--background --out run", 3_000)) as notebook:
        notebook.run(0)
        notebook.run(1)
        notebook.page.get_by_role("button", name="Pause").click()
        expect(notebook.output(1)).to_contain_text("paused")
        bar = notebook.output(1).locator("[role=progressbar]")
        notebook.page.wait_for_timeout(500)
        before = bar.get_attribute("aria-valuenow")
        notebook.page.wait_for_timeout(700)
        assert bar.get_attribute("aria-valuenow") == before
        notebook.picture("paused")
        notebook.page.get_by_role("button", name="Resume").click()
        expect(notebook.output(1)).to_contain_text("3,000/3,000", timeout=20_000)
        expect(notebook.output(1)).to_contain_text("succeeded")


def test_interrupting_the_kernel_cancels_a_run_in_the_foreground(lab):
    with lab.opened(*cells("--out run", 50_000), "run.status") as notebook:
        notebook.run(0)
        notebook.run(1, wait=False)
        expect(notebook.output(1).locator("[role=progressbar]")).to_be_visible()
        notebook.interrupt()
        expect(notebook.output(1)).to_contain_text("cancelled after", timeout=20_000)
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("'cancelled'")

"""The runs of the server in JupyterLab: a card, a side panel, and a tab with the page."""

import re

from playwright.sync_api import expect

import attune_nb as attune

GREETING = """
tasks:
  - name: greet
    action: core.echo
    with_items: [1, 2, 3]
    input: {message: "{{ item }}"}
"""
CARD = ".jp-LauncherCard"
TITLE = "Workflow runs"

# JupyterLab reads its configuration as that of a server without the extension
HIDE_RUNS = """
const parse = JSON.parse;
JSON.parse = (...values) => {
  const object = parse(...values);
  delete object?.attuneUrl;
  return object;
};
"""


def test_a_run_is_opened_from_the_panel(lab):
    store = lab.root / ".attune/runs.db"
    run = attune.loads(GREETING).run(name="greeting", store=str(store))
    with lab.opened("1") as notebook:
        page = notebook.page
        page.locator("[data-id=attune-run-list]").click()
        row = page.locator(".attune-run").filter(has_text="greeting")
        expect(row).to_contain_text("succeeded")
        expect(row).to_contain_text("3 items")

        row.click()
        frame = page.locator("#attune-runs iframe")
        expect(frame).to_have_attribute(
            "src", re.compile(rf"/attune/runs/{run.run_id}\?theme=light")
        )
        content = page.frame_locator("#attune-runs iframe").locator("body")
        expect(content).to_contain_text("attune")

        notebook.change_theme("Dark")
        root = page.frame_locator("#attune-runs iframe").locator("html")
        expect(root).to_have_attribute("data-theme", "dark")
        notebook.take_screenshot("runs-in-lab-dark")


def test_the_launcher_has_a_card_if_there_is_a_page(lab):
    with lab.opened("1") as notebook:
        notebook.execute_command("launcher:create")
        notebook.page.locator(CARD).filter(has_text=TITLE).click()
        expect(notebook.page.locator("#attune-runs iframe")).to_be_visible()

        notebook.page.add_init_script(HIDE_RUNS)
        notebook.reopen()
        notebook.execute_command("launcher:create")
        expect(notebook.page.locator(CARD).filter(has_text="Terminal")).to_be_visible()
        expect(notebook.page.locator(CARD).filter(has_text=TITLE)).to_have_count(0)

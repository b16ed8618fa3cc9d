"""The runs of the server in JupyterLab: a card, a side panel, and a tab with the page."""

from playwright.sync_api import expect

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


def test_a_run_is_opened_from_the_panel_and_leads_back(lab):
    run_cell = f"%%attune greeting --store {lab.root / '.attune/runs.db'}{GREETING}"
    with lab.opened("%load_ext attune_nb", run_cell) as notebook:
        page = notebook.page
        page.locator("[data-id=attune-run-list]").click()
        notebook.run(0)
        notebook.run(1)
        row = page.locator(".attune-run").filter(has_text="greeting")
        expect(row).to_contain_text("succeeded · 3 items")

        row.click()
        run_page = page.frame_locator("#attune-runs iframe")
        expect(run_page.get_by_role("heading", name="greeting")).to_be_visible()
        html = run_page.locator("html")
        expect(html).to_have_attribute("data-theme", "light")
        notebook.change_theme("Dark")
        expect(html).to_have_attribute("data-theme", "dark")
        notebook.take_screenshot("runs-in-lab-dark")

        run_page.get_by_text("Open the notebook").click()
        expect(page.locator(".jp-NotebookPanel")).to_be_visible()
        expect(page.locator("#attune-runs")).to_be_hidden()


def test_the_launcher_has_a_card_if_there_is_a_page(lab):
    with lab.opened("1") as notebook:
        notebook.execute_command("launcher:create")
        notebook.page.locator(CARD).filter(has_text=TITLE).click()
        expect(notebook.page.locator("#attune-runs iframe")).to_be_visible()

        notebook.page.add_init_script(HIDE_RUNS)
        notebook.page.goto(f"{lab.url('lab')}?reset")
        expect(notebook.page.locator(CARD).filter(has_text="Text File")).to_be_visible()
        # all extensions have been activated
        notebook.page.evaluate("() => window.jupyterapp.restored")
        expect(notebook.page.locator(CARD).filter(has_text=TITLE)).to_have_count(0)
        notebook.forget_errors()

"""Help in JupyterLab: `%attune help`, and Tab inside a cell."""

from playwright.sync_api import expect

HELP = "%attune help with_items"
ACTION = "%attune actions core.http_request"
OPEN_INPUT = """%%attune
tasks:
  - name: fetch
    action: core.http_request
    input: {url: "http://a", """


def complete(notebook):
    """Press Tab at the end of the last cell, and return the locator of the candidates."""
    notebook.code_cell(3).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+End")
    notebook.page.keyboard.press("Tab")

    return notebook.page.locator(".jp-Completer-item")


def test_help_is_read_and_arguments_are_completed(lab):
    cells = ("%load_ext attune_nb", HELP, ACTION, OPEN_INPUT)
    with lab.opened(*cells, height=1500) as notebook:
        for number in range(3):
            notebook.run(number)
        help_page = notebook.output(1)
        expect(help_page).to_contain_text("with_items, a key of a task")
        expect(help_page.locator("pre")).to_contain_text('with_items: "{{ parameters.names }}"')
        expect(notebook.output(2)).to_contain_text("follow_redirects")
        notebook.take_screenshot("help")

        candidates = complete(notebook)

        expect(candidates.get_by_text("method:", exact=True)).to_be_visible()
        expect(candidates.get_by_text("timeout:", exact=True)).to_be_attached()
        expect(candidates.get_by_text("url:", exact=True)).to_have_count(0)


def test_help_is_legible_in_both_themes(lab):
    with lab.opened("%load_ext attune_nb", HELP, dark=True) as notebook:
        notebook.run(0)
        notebook.run(1)
        heading = notebook.output(1).get_by_role("heading").first
        notebook.wait_for_ink(heading, "light")
        notebook.take_screenshot("help-dark")

        notebook.change_theme("Light")
        notebook.wait_for_ink(heading, "dark")

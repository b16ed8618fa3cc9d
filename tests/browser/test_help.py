"""Help in JupyterLab: `%attune help`, and Tab inside a cell."""

from playwright.sync_api import expect

HELP = "%attune help with_items"
ACTION = "%attune actions core.http_request"
OPEN_INPUT = """%%attune
tasks:
  - name: fetch
    action: core.http_request
    input: {url: "http://a", """


def read_candidates(notebook):
    """Press Tab at the end of the last cell, and return the candidates."""
    notebook.code_cell(3).locator(".cm-content").click()
    notebook.page.keyboard.press("Control+End")
    notebook.page.keyboard.press("Tab")

    candidates = notebook.page.locator(".jp-Completer-item")
    expect(candidates.first).to_be_visible(timeout=20_000)
    return candidates.locator("code").all_inner_texts()


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

        candidates = read_candidates(notebook)

        names = {text.strip() for text in candidates}
        assert {"method:", "timeout:"} <= names
        assert "url:" not in names


def test_help_is_legible_in_both_themes(lab):
    with lab.opened("%load_ext attune_nb", HELP, dark=True) as notebook:
        notebook.run(0)
        notebook.run(1)
        heading = notebook.output(1).get_by_role("heading").first
        dark_ink = read_colour(heading)
        notebook.take_screenshot("help-dark")

        notebook.change_theme("Light")
        light_ink = read_colour(heading)

    assert min(dark_ink) > 180
    assert max(light_ink) < 90


def read_colour(element):
    """Return the red, green and blue of an element's text, from 0 to 255."""
    colour = element.evaluate("element => getComputedStyle(element).color")
    numbers = colour.partition("(")[2].rstrip(")").split(",")
    return [float(number) for number in numbers[:3]]

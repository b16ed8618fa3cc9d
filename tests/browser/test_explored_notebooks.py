"""The page of a run as an output: in JupyterLab, in an untrusted notebook, in a published page."""

import json

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import expect
from support.explored_pages import explored_frame, run_check, watched_page
from support.jupyterlab import TIMEOUT, Notebook

from attune_nb.notebook.html_export import to_html

COUNT = "100,000 attempts"
# characters of an output
MAX_SIZE = 1_000_000

# of the text of a light and of a dark page
LIGHT_INK = "rgb(31, 35, 40)"
DARK_INK = "rgb(236, 239, 242)"

FLEET = """%load_ext attune_nb
def check(n):
    if n == 57_000:
        print("asking server", n)
        raise ConnectionError(f"server {n} does not answer")
    return n
"""
HEALTH = """%%attune health --out run --no-raise
tasks:
  - name: check
    action: check
    with_items: "{{ range(100_000) }}"
    input: {n: "{{ item }}"}
"""


@pytest.fixture(scope="module")
def notebook():
    """A notebook with a cell that has shown a run."""
    bundle = run_check(100_000).explore()._repr_mimebundle_()
    cell = new_code_cell("run.explore()", outputs=[new_output("display_data", bundle)])
    assert len(bundle["text/html"]) < MAX_SIZE
    return new_notebook(
        cells=[cell],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )


def test_a_frame_in_jupyterlab_takes_keys_and_follows_the_theme(lab):
    with lab.opened(FLEET, HEALTH, "%attune explore run") as notebook:
        for number in range(3):
            notebook.run(number)
        frame = explored_frame(notebook.output(2))
        notebook.page.locator("iframe.attune-explore").scroll_into_view_if_needed()

        frame.locator("#plot-canvas").click(position={"x": 5, "y": 5})
        notebook.page.keyboard.press("f")
        expect(frame.get_by_role("region", name="Attempt")).to_contain_text("server 57000 does not")
        expect(frame.locator(".attempt .lines")).to_contain_text("asking server 57000")
        expect(frame.locator("#facts")).to_contain_text(COUNT)
        # the keys were the frame's, not JupyterLab's
        expect(notebook.page.locator(".jp-CodeCell")).to_have_count(3)
        expect(notebook.output(2).locator(".attune-unframed")).to_be_hidden()
        notebook.take_screenshot("explored")

        # the theme of the notebook, and no setting of the browser, decides
        notebook.page.emulate_media(color_scheme="null")
        expect(frame.locator("body")).to_have_css("color", LIGHT_INK)
        notebook.change_theme("Dark")
        expect(frame.locator("body")).to_have_css("color", DARK_INK)
        notebook.take_screenshot("explored-dark")


def test_an_untrusted_notebook_shows_a_table_and_the_reason(lab, notebook):
    (lab.root / "foreign.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    page = lab.browser.new_page()
    page.set_default_timeout(TIMEOUT)
    foreign = Notebook(lab, page, "lab/tree/foreign.ipynb")
    try:
        foreign.load()
        expect(foreign.output(0)).to_contain_text("once this notebook is trusted")
        expect(foreign.output(0).locator("table")).to_contain_text("check")
        expect(foreign.output(0).locator("iframe")).to_have_count(0)
    finally:
        foreign.shut_down()
        page.close()


def test_a_published_page_can_be_explored(lab, notebook, tmp_path):
    path = tmp_path / "health.html"
    path.write_text(to_html(notebook, "health.ipynb", tmp_path), encoding="utf-8")

    with watched_page(lab.browser, path) as page:
        frame = explored_frame(page)
        frame.locator("#plot-canvas").press("f")
        expect(frame.get_by_role("region", name="Attempt")).to_contain_text("server 7 refused")
        expect(frame.locator("#facts")).to_contain_text("100,002 attempts")
        expect(page.locator(".attune-unframed")).to_be_hidden()

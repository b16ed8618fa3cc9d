"""The same in Jupyter Notebook 7."""

import pytest
from playwright.sync_api import expect
from test_panel import cells


def test_a_run_is_seen_and_cancelled_in_notebook(lab):
    pytest.importorskip("notebook")
    one, two = cells("--background --out run", 50_000)
    with lab.opened(one, two, "(await run).status", place="notebooks") as notebook:
        notebook.run(0)
        notebook.run(1)
        expect(notebook.output(1).locator("[role=progressbar]")).to_be_visible()
        notebook.page.get_by_role("button", name="Cancel").click()
        expect(notebook.output(1)).to_contain_text("cancelled after", timeout=20_000)
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("'cancelled'")
        notebook.picture("notebook7")

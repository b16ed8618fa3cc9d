"""The controls of a run in Jupyter Notebook 7."""

import pytest
from playwright.sync_api import expect
from test_panel import fan_out_cells


def test_a_run_is_shown_and_cancelled_in_notebook(lab):
    pytest.importorskip("notebook")
    setup, fan_out = fan_out_cells("--background --out run")
    with lab.opened(setup, fan_out, "(await run).status", path="notebooks") as notebook:
        notebook.run(0)
        notebook.run(1)
        expect(notebook.output(1).locator("[role=progressbar]:visible")).to_be_visible()

        notebook.click_button("Cancel")
        expect(notebook.output(1)).to_contain_text("cancelled after")
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("'cancelled'")
        notebook.take_screenshot("notebook7")

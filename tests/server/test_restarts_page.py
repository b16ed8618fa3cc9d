"""The page of a run that goes on after its process was killed."""

import psutil
import pytest
from playwright.sync_api import expect
from support.served_pages import served_page
from support.started_runs import HELD

from attune_nb.server.starts.marks import read_mark

pytestmark = pytest.mark.slow


def test_the_output_goes_on_after_a_resume(browser, attune_server, tmp_path):
    (attune_server.root / "resumed.yaml").write_text(HELD)
    body = {"file": "resumed.yaml", "parameters": {"gate": str(tmp_path / "gate")}}
    run_id = attune_server.post("/api/runs", body).json()["run_id"]

    with served_page(browser, attune_server, f"/runs/{run_id}") as page:
        output = page.locator(".output")
        page.get_by_role("tab", name="Output").click()
        expect(output).to_contain_text("PATH=")
        psutil.Process(read_mark(attune_server.store, run_id).pid).kill()

        page.get_by_role("button", name="Resume").click()
        expect(output).to_contain_text(f"attune-nb resume {run_id}")
        (tmp_path / "gate").touch()
        expect(output).to_contain_text("resumed: succeeded")

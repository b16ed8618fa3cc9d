"""A run that is continued from its page, with the secret that no record holds."""

import psutil
import pytest
from playwright.sync_api import expect
from support.served_pages import served_page
from support.started_runs import HELD

from attune_nb.server.start_marks import read_mark

pytestmark = pytest.mark.slow


def test_an_interrupted_run_asks_for_its_secret_again(browser, attune_server, tmp_path):
    (attune_server.root / "secret.yaml").write_text(HELD)
    parameters = {"gate": str(tmp_path / "gate"), "token": "open-sesame"}
    body = {"file": "secret.yaml", "parameters": parameters}
    run_id = attune_server.post("/api/runs", body).json()["run_id"]

    refused = "the server responded with a status of 422"
    with served_page(browser, attune_server, f"/runs/{run_id}", refusals=(refused,)) as page:
        status = page.locator(".title .status")
        output = page.locator(".output")
        page.get_by_role("tab", name="Output").click()
        expect(output).to_contain_text("PATH=")
        psutil.Process(read_mark(attune_server.store, run_id).pid).kill()

        page.get_by_role("button", name="Resume").click()
        page.get_by_label("token").fill("open-sesame")
        page.locator(".secrets button").click()
        expect(output).to_contain_text(f"attune-nb resume {run_id}")
        expect(status).to_have_attribute("data-status", "running")

        (tmp_path / "gate").touch()
        expect(status).to_have_attribute("data-status", "succeeded")
        expect(output).to_contain_text("secret: succeeded")
    assert "open-sesame" not in attune_server.get(f"/api/runs/{run_id}/log").text

"""Jobs that a person brings, each a page of docs/how-to/ whose cells are executed here."""

import json
import re
import subprocess
import sys

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from support.job_services import ORDERS_PER_PAGE, PAGES, TOKEN, serve_jobs
from support.notebook_kernels import count_pictures, execute_notebook, text_of
from support.pages import job_files, job_notebook

pytestmark = [
    pytest.mark.slow,
    # of Jupyter's own packages
    pytest.mark.filterwarnings("ignore"),
]

HOSTS = 30


def execute_page(name, folder):
    """Execute the job of a page of docs/how-to/ in a folder; return it with its outputs."""
    return execute_notebook(job_notebook(f"how-to/{name}"), folder)


def text_after(notebook, source):
    """Return the text of the outputs of the cell that contains a text."""
    [cell] = [cell for cell in notebook.cells if source in cell.source]
    return text_of(nbformat.v4.new_notebook(cells=[cell]))


def test_addresses_are_checked_and_one_alert_is_posted(tmp_path):
    with serve_jobs(always_down=[13], down_twice=[21]) as services:
        (tmp_path / "urls.txt").write_text("\n".join(services.urls(HOSTS)))
        (tmp_path / "alert_url.txt").write_text(f"{services.url}/alert\n")
        notebook = execute_page("alert-on-failed-items", tmp_path)

    down = f"{services.url}/health/13"
    assert services.alerts == [{"text": "1 of 30 addresses are down", "down": [down]}]
    assert services.requests["/health/13"] == 3
    assert services.requests["/health/21"] == 3

    failures = text_after(notebook, 'run.failures("check")')
    assert down in failures
    assert "HTTPStatusError" in failures
    assert "1 failure handled" in text_of(notebook)


def write_files(folder):
    """Write 200 CSV files, of which three cannot be read; return the sum of their amounts."""
    folder.mkdir()
    for number in range(200):
        (folder / f"{number:03}.csv").write_text(f"id,amount\n{number},{number}\n{number},1\n")
    (folder / "007.csv").write_text("")
    (folder / "077.csv").write_text("id,amount\n1,many\n")
    (folder / "177.csv").write_bytes(b"\xff\xfe\x00id\n")
    return sum(number + 1 for number in range(200) if number not in (7, 77, 177))


def test_files_are_merged_and_broken_ones_listed(tmp_path):
    amount = write_files(tmp_path / "data")
    notebook = execute_page("tables", tmp_path)

    output = text_after(notebook, "run.output")
    assert "'rows': 394" in output
    shown = float(re.search(r"'amount': ([\d.]+)", output)[1])
    assert shown == pytest.approx(amount * 1.19)
    assert "'broken': [7, 77, 177]" in output

    failures = text_after(notebook, 'run.failures("read")')
    for name in ("007.csv", "077.csv", "177.csv"):
        assert name in failures
    # the next action's column is not in the merged table
    assert text_after(notebook, 'run.result("merge")') == "['id', 'amount']"


def test_a_workflow_is_called_for_every_host(tmp_path):
    notebook = execute_page("workflow-per-host", tmp_path)

    report = text_after(notebook, 'run.result("report")')
    assert "'ready': ['web-1', 'web-2', 'db-1']" in report
    assert "'not_ready': ['db-2']" in report
    assert "no space left on device" in text_of(notebook)
    assert "db-2" in text_after(notebook, 'run.failures("prepare")')


def test_coroutines_are_actions(tmp_path):
    with serve_jobs(down_twice=[4]) as services:
        (tmp_path / "urls.txt").write_text("\n".join(services.urls(200)))
        notebook = execute_page("async-requests", tmp_path)

    assert text_after(notebook, 'run.result("fetch")') == "['host-0', 'host-1', 'host-2']"
    assert services.requests["/health/4"] == 3
    assert count_pictures(notebook) == 1


def test_a_hundred_thousand_items_are_cleaned(tmp_path):
    notebook = execute_page("many-small-items", tmp_path)

    failures = text_after(notebook, 'run.failures("clean")')
    assert "could not convert string to float: 'n/a'" in failures
    assert failures.count("ValueError") == 4
    total = sum((n % 97) * 100 + 50 for n in range(100_000) if n % 25_000)
    assert text_after(notebook, "sum(row") == str(total)
    assert "99996" in text_after(notebook, "expand=True")


def test_pages_are_read_until_there_are_no_more(tmp_path):
    with serve_jobs() as services:
        (tmp_path / "pages_url.txt").write_text(f"{services.url}/orders")
        notebook = execute_page("paging", tmp_path)

    assert services.requests["/orders"] == PAGES
    assert text_after(notebook, "len(run.output") == str(PAGES * ORDERS_PER_PAGE)


def test_a_secret_is_sent_and_never_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("API_TOKEN", TOKEN)
    monkeypatch.delenv("ATTUNE_NB_STORE")
    with serve_jobs() as services:
        (tmp_path / "api_url.txt").write_text(f"{services.url}/private")
        notebook = execute_page("secrets", tmp_path)

    assert services.authorizations == [f"Bearer {TOKEN}"]
    assert "sent Bearer *** as me" in text_after(notebook, 'run.result("echo")')
    assert TOKEN not in nbformat.writes(notebook)
    records = [path for path in tmp_path.rglob("*") if path.suffix == ".db"]
    assert records
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes()


def run_papermill(folder, day):
    """Run the notebook of a day as a scheduler does; return the ended process."""
    command = [sys.executable, "-m", "papermill", "job.ipynb", f"{day}.out.ipynb", "-k", "python3"]
    return subprocess.run(
        [*command, "-p", "day", day], cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_scheduler_sees_that_a_run_failed(tmp_path):
    nbformat.write(job_notebook("how-to/schedule"), tmp_path / "job.ipynb")
    orders = [{"id": number, "amount": number} for number in range(10)]
    (tmp_path / "2024-12-24.json").write_text(json.dumps(orders))
    (tmp_path / "2024-12-25.json").write_text(json.dumps([*orders, {"id": 10, "amount": -1}]))

    good = run_papermill(tmp_path, "2024-12-24")
    assert good.returncode == 0, good.stderr
    assert "total of the day: 45" in (tmp_path / "2024-12-24.out.ipynb").read_text()

    bad = run_papermill(tmp_path, "2024-12-25")
    assert bad.returncode != 0
    assert "order 10 has a negative amount" in bad.stderr
    page = (tmp_path / "2024-12-25.out.ipynb").read_text()
    assert "order 10 has a negative amount" in page
    assert "total of the day" not in page.replace('print(\\"total of the day', "")


def test_a_missing_file_stops_the_notebook(tmp_path):
    with pytest.raises(CellExecutionError, match=r"2024-12-24\.json"):
        execute_page("schedule", tmp_path)


def test_a_run_of_the_shell_is_looked_at_in_a_notebook(tmp_path, monkeypatch):
    monkeypatch.delenv("ATTUNE_NB_STORE")
    for name, text in job_files("how-to/command-on-hosts").items():
        (tmp_path / name).write_text(text)
    (tmp_path / "ssh").chmod(0o755)
    command = [
        sys.executable, "-m", "attune_nb", "run", "fleet_command.yaml",
        "--set", 'hosts=["web-1", "web-2", "down-1"]',
    ]  # fmt: skip
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr

    notebook = execute_page("look-at-runs", tmp_path)
    assert "fleet_command" in text_after(notebook, "%attune runs")
    assert "down-1" in text_after(notebook, 'run.failures("command")')
    for source in ("%attune status {rid}", "%attune results $rid"):
        assert "command" in text_after(notebook, source)
    assert count_pictures(notebook) == 1

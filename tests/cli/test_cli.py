"""The `attune-nb` command, run as a user runs it."""

import json
import os
import subprocess
import sys
import time

import pytest

import attune_nb

pytestmark = pytest.mark.slow

WORKFLOW = "tasks:\n  - name: greet\n    action: core.echo\n    input: {message: hello}\n"


MAIN = "from attune_nb.cli import main; main()"


def attune(*arguments):
    """Run `attune-nb` with arguments; return the finished process."""
    command = [sys.executable, "-c", MAIN, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_run_prints_the_outcome_and_exits_zero(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(WORKFLOW)
    process = attune("run", str(file), "--json")
    assert process.returncode == 0
    assert '"status": "succeeded"' in process.stdout


def test_a_failed_run_exits_one(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(WORKFLOW.replace("core.echo", "core.fail"))
    assert attune("run", str(file)).returncode == 1


def test_check_shows_line_column_and_the_nearest_name(tmp_path):
    file = tmp_path / "typo.yaml"
    file.write_text(WORKFLOW.replace("action:", "acton:"))
    process = attune("check", str(file))
    assert process.returncode == 2
    assert "line 3, column 5" in process.stderr
    assert "did you mean `action`" in process.stderr


def test_a_module_of_the_folder_is_imported_if_allowed(tmp_path):
    (tmp_path / "fleet.py").write_text("def ping(host):\n    return host.upper()\n")
    file = tmp_path / "ping.yaml"
    file.write_text("tasks: [{name: a, action: 'fleet:ping', input: {host: web}}]\n")
    refused = attune("check", str(file))
    assert refused.returncode == 2
    assert "--allow-imports" in refused.stderr

    # -P: as the installed command starts
    command = [sys.executable, "-P", "-c", MAIN, "run", "ping.yaml", "--allow-imports"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr


def test_the_demo_finds_exactly_the_servers_that_are_down():
    process = attune("demo", "--servers", "200")
    assert process.returncode == 0, process.stderr
    assert "these are exactly the servers that were set to fail" in process.stdout


def test_an_unknown_measurement_is_refused():
    process = attune("bench", "clon")
    assert process.returncode == 2
    assert "did you mean `clone`?" in process.stderr


def write_notebook(folder, *sources, tag=None):
    """Write a notebook with one code cell per source; the first cell gets the tag."""
    cells = []
    for number, source in enumerate(sources):
        metadata = {"tags": [tag]} if tag and number == 0 else {}
        cells.append(
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": metadata,
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
        )

    path = folder / "book.ipynb"
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(notebook))
    return path


def test_a_notebook_is_published_with_its_parameters(tmp_path):
    path = write_notebook(tmp_path, "n = 1\nsays = ''", "print(n, says)", tag="parameters")
    process = attune("publish", str(path), "-p", "n=[1, 2]", "-p", "says=a=b", "-o", str(tmp_path))
    assert process.returncode == 0, process.stderr
    page = tmp_path / "book.html"
    assert process.stdout == f"{page}: {page.stat().st_size / 1e6:.2f} MB\n"
    assert process.stderr == ""
    assert "[1, 2] a=b" in page.read_text(encoding="utf-8")


def test_a_failed_notebook_is_reported_with_its_cell(tmp_path):
    process = attune("publish", str(write_notebook(tmp_path, "x = 0", "1 / x")))
    assert process.returncode == 1
    assert process.stderr == (
        "book.ipynb, code cell 2 failed: ZeroDivisionError: division by zero\n    1 | 1 / x\n"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["book.ipynb"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "htlm"], "there is no format `htlm`; did you mean `html`?"),
        (["-p", "n"], "-p takes NAME=VALUE, not 'n'"),
        (["-p", "=1"], "-p takes NAME=VALUE, not '=1'"),
        (["-p", "n=1"], "has no cell tagged `parameters`, so it takes no parameter `n`"),
        (["-o", "no/such/page.html"], "there is no folder no/such for the page"),
    ],
)
def test_wrong_usage_of_publish_gives_one_line(options, message, tmp_path):
    process = attune("publish", str(write_notebook(tmp_path, "1")), *options)
    assert process.returncode == 2
    assert message in process.stderr
    assert process.stderr.count("\n") == 1


def test_a_missing_package_is_named_with_its_extra(tmp_path):
    code = f"import sys; sys.modules['papermill'] = None; {MAIN}"
    process = subprocess.run(
        [sys.executable, "-c", code, "publish", str(write_notebook(tmp_path, "1"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert process.stderr == "papermill is missing: pip install 'attune_nb[publish]'\n"


def test_a_workflow_is_drawn(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(WORKFLOW)
    process = attune("graph", str(file))
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "good.svg").read_text().startswith("<?xml")
    process = attune("graph", str(file), "-o", str(tmp_path / "good.txt"))
    assert process.returncode == 2
    assert "txt" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_workflow_is_exported(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(WORKFLOW)
    process = attune("export", str(file), str(tmp_path / "pack"), "--ref", "ops.greet")
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "pack/actions/greet.yaml").exists()
    assert attune("export", str(file), str(tmp_path), "--ref", "no ref").returncode == 2


def test_a_recorded_run_is_listed_shown_and_drawn(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(WORKFLOW)
    store = str(tmp_path / "runs.db")
    outcome = json.loads(attune("run", str(file), "--json", "--store", store).stdout)

    runs = attune("runs", "--store", store)
    assert runs.stdout.split()[0] == outcome["run_id"]
    assert "succeeded" in runs.stdout

    show = attune("show", outcome["run_id"][:6], "--store", store, "--json")
    assert json.loads(show.stdout) == outcome

    image = tmp_path / "timeline.png"
    timeline = attune("timeline", outcome["run_id"], "--store", store, "-o", str(image))
    assert timeline.returncode == 0, timeline.stderr
    assert image.read_bytes().startswith(b"\x89PNG")


def test_a_paused_run_prints_the_command_that_continues_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
    file = tmp_path / "good.yaml"
    file.write_text(WORKFLOW)
    store = tmp_path / "runs.db"

    code = f"from attune_nb.backends.dask import connection; connection.TIMEOUT = 0.1\n{MAIN}"
    command = [sys.executable, "-c", code]
    command += ["run", str(file), "--backend", "dask", "--store", str(store)]
    process = subprocess.run(command, capture_output=True, text=True, check=False)

    assert "there is no Dask cluster at tcp://127.0.0.1:9" in process.stdout
    run_id = attune_nb.runs(store)["run_id"][0]
    assert f"`attune-nb resume {run_id}` continues it" in process.stderr


@pytest.mark.parametrize("command", [["runs"], ["show", "abc"]])
def test_a_missing_store_is_refused_with_the_way_to_name_one(command):
    process = attune(*command, "--store", "none")
    assert process.returncode == 2
    assert "ATTUNE_NB_STORE" in process.stderr


SLOW = """
parameters: {key: {secret: true}}
tasks:
  - name: work
    action: slow_actions:work
    with_items: "{{ range(200) }}"
    input: {n: "{{ item }}", key: "{{ parameters.key }}"}
output_map: {sum: "{{ task.work.result | sum }}"}
"""
ACTIONS = """
import time
def work(n, key):
    assert key == "open-sesame"
    time.sleep(0.02)
    return n
"""


def test_a_run_whose_process_was_killed_is_resumed(tmp_path):
    (tmp_path / "slow.yaml").write_text(SLOW)
    (tmp_path / "slow_actions.py").write_text(ACTIONS)
    store = tmp_path / "runs.db"
    environment = {**os.environ, "ATTUNE_NB_STORE": str(store)}
    command = [sys.executable, "-P", "-c", MAIN]
    secret = ["--set", "key=open-sesame"]

    child = subprocess.Popen(
        [*command, "run", "slow.yaml", "--allow-imports", *secret], cwd=tmp_path, env=environment
    )
    while not store.exists() or not attune_nb.runs(store)["items"].sum():
        time.sleep(0.05)
    child.kill()
    child.wait()
    (run_id,) = attune_nb.runs(store)["run_id"]

    def attune_here(*arguments):
        return subprocess.run(
            [*command, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env=environment,
        )

    assert "interrupted" in attune_here("runs").stdout

    # the record itself may not allow imports
    refused = attune_here("resume", run_id, *secret)
    assert refused.returncode == 2
    assert "would be imported; allow that" in refused.stderr

    refused = attune_here("resume", run_id, "--allow-imports")
    assert refused.returncode == 2
    assert "does not hold the secret parameter `key`; pass it again" in refused.stderr

    # worker processes import from the current folder, too
    processes = ["--backend", "processes", "--workers", "2"]
    resumed = attune_here("resume", run_id[:6], "--json", "--allow-imports", *processes, *secret)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["output"] == {"sum": sum(range(200))}

    refused = attune_here("resume", run_id, *secret)
    assert refused.returncode == 2
    assert "there is nothing to resume" in refused.stderr

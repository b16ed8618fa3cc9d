import json
import os
import subprocess
import sys
import time

import pytest

import attune_nb

GOOD = "tasks:\n  - name: greet\n    action: core.echo\n    input: {message: hello}\n"


def attune(*arguments):
    code = "from attune_nb.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_run_prints_the_outcome_and_exits_zero(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    done = attune("run", str(file), "--json")
    assert done.returncode == 0
    assert '"status": "succeeded"' in done.stdout


def test_a_failed_run_exits_one(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(GOOD.replace("core.echo", "core.fail"))
    assert attune("run", str(file)).returncode == 1


def test_check_tells_line_column_and_the_nearest_name(tmp_path):
    file = tmp_path / "typo.yaml"
    file.write_text(GOOD.replace("action:", "acton:"))
    done = attune("check", str(file))
    assert done.returncode == 2
    assert "line 3, column 5" in done.stderr
    assert "did you mean `action`" in done.stderr


def test_an_action_of_a_module_beside_it_runs_where_imports_are_allowed(tmp_path):
    (tmp_path / "fleet.py").write_text("def ping(host):\n    return host.upper()\n")
    file = tmp_path / "ping.yaml"
    file.write_text("tasks: [{name: a, action: 'fleet:ping', input: {host: web}}]\n")
    refused = attune("check", str(file))
    assert refused.returncode == 2
    assert "--allow-imports" in refused.stderr
    code = "from attune_nb.cli import main; main()"  # -P: as the installed command starts
    command = [sys.executable, "-P", "-c", code, "run", "ping.yaml", "--allow-imports"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_demo_finds_exactly_the_servers_that_are_down():
    done = attune("demo", "--servers", "200")
    assert done.returncode == 0, done.stderr
    assert "these are exactly the servers that were told to fail" in done.stdout


def test_a_measurement_that_does_not_exist_is_told():
    done = attune("bench", "clon")
    assert done.returncode == 2
    assert "did you mean `clone`?" in done.stderr


def book(folder, *sources, tag=None):
    cells = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {"tags": [tag]} if tag and not n else {},
         "source": source, "outputs": [], "execution_count": None}
        for n, source in enumerate(sources)
    ]  # fmt: skip
    path = folder / "book.ipynb"
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    path.write_text(json.dumps(whole))
    return path


def test_a_notebook_is_published_with_its_parameters(tmp_path):
    path = book(tmp_path, "n = 1\nsays = ''", "print(n, says)", tag="parameters")
    done = attune("publish", str(path), "-p", "n=[1, 2]", "-p", "says=a=b", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    page = tmp_path / "book.html"
    assert done.stdout == f"{page}: {page.stat().st_size / 1e6:.2f} MB\n"
    assert done.stderr == ""
    assert "[1, 2] a=b" in page.read_text(encoding="utf-8")


def test_a_notebook_that_fails_is_told_by_its_cell(tmp_path):
    done = attune("publish", str(book(tmp_path, "x = 0", "1 / x")))
    assert done.returncode == 1
    assert done.stderr == (
        "book.ipynb, code cell 2 failed: ZeroDivisionError: division by zero\n    1 | 1 / x\n"
    )
    assert [each.name for each in tmp_path.iterdir()] == ["book.ipynb"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--to", "htlm"], "there is no format `htlm`; did you mean `html`?"),
        (["-p", "n"], "-p takes NAME=VALUE, not 'n'"),
        (["-p", "=1"], "-p takes NAME=VALUE, not '=1'"),
        (["-p", "n=1"], "has no cell tagged `parameters`, so it takes no parameter `n`"),
        (["-o", "no/such/page.html"], "there is no folder no/such for the page"),
    ],
)
def test_a_wrong_use_of_publish_is_told_in_one_line(options, told, tmp_path):
    done = attune("publish", str(book(tmp_path, "1")), *options)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_package_that_publishing_lacks_is_told_with_what_installs_it(tmp_path):
    code = "import sys; sys.modules['papermill'] = None; from attune_nb.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "publish", str(book(tmp_path, "1"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "papermill is missing: pip install 'attune_nb[publish]'\n"


def test_a_workflow_is_drawn(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    done = attune("graph", str(file))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "good.svg").read_text().startswith("<?xml")
    done = attune("graph", str(file), "-o", str(tmp_path / "good.txt"))
    assert done.returncode == 2
    assert "txt" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_workflow_is_exported(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    done = attune("export", str(file), str(tmp_path / "pack"), "--ref", "ops.greet")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pack/actions/greet.yaml").exists()
    assert attune("export", str(file), str(tmp_path), "--ref", "no ref").returncode == 2


def test_a_run_with_a_store_is_listed_shown_and_drawn_by_other_commands(tmp_path):
    file, store = tmp_path / "good.yaml", str(tmp_path / "runs.db")
    file.write_text(GOOD)
    ran = json.loads(attune("run", str(file), "--json", "--store", store).stdout)
    listed = attune("runs", "--store", store)
    assert listed.stdout.split()[0] == ran["run_id"]
    assert "succeeded" in listed.stdout
    shown = attune("show", ran["run_id"][:6], "--store", store, "--json")
    assert json.loads(shown.stdout) == ran
    picture = tmp_path / "timeline.png"
    drawn = attune("timeline", ran["run_id"], "--store", store, "-o", str(picture))
    assert drawn.returncode == 0, drawn.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_of_a_run_that_pauses_it_is_told_what_goes_on_with_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
    file, store = tmp_path / "good.yaml", tmp_path / "runs.db"
    file.write_text(GOOD)
    code = "from attune_nb.backends.dask import connection as cluster; cluster.TIMEOUT = 0.1\n"
    command = [sys.executable, "-c", f"{code}from attune_nb.cli import main; main()"]
    command += ["run", str(file), "--backend", "dask", "--store", str(store)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "there is no Dask cluster at tcp://127.0.0.1:9" in told.stdout
    run_id = attune_nb.runs(store)["run_id"][0]
    assert f"`attune-nb resume {run_id}` goes on with it" in told.stderr


@pytest.mark.parametrize("command", [["runs"], ["show", "abc"]])
def test_where_no_store_is_named_it_is_told_how(command):
    done = attune(*command, "--store", "none")
    assert done.returncode == 2
    assert "ATTUNE_NB_STORE" in done.stderr


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


def test_a_run_whose_process_was_killed_is_resumed_by_another(tmp_path):
    (tmp_path / "slow.yaml").write_text(SLOW)
    (tmp_path / "slow_actions.py").write_text(ACTIONS)
    store = tmp_path / "runs.db"
    place = {"cwd": tmp_path, "env": {**os.environ, "ATTUNE_NB_STORE": str(store)}}
    code = "from attune_nb.cli import main; main()"
    command = [sys.executable, "-P", "-c", code]
    secret = ["--set", "key=open-sesame"]
    child = subprocess.Popen([*command, "run", "slow.yaml", "--allow-imports", *secret], **place)
    while not store.exists() or not attune_nb.runs(store)["items"].sum():
        time.sleep(0.05)
    child.kill()
    child.wait()
    (run_id,) = attune_nb.runs(store)["run_id"]

    def go(*words):
        return subprocess.run(
            [*command, *words], capture_output=True, text=True, timeout=60, check=False, **place
        )

    assert "interrupted" in go("runs").stdout
    refused = go("resume", run_id, *secret)
    assert refused.returncode == 2
    assert "would be imported; allow that" in refused.stderr  # no record may allow it
    refused = go("resume", run_id, "--allow-imports")
    assert refused.returncode == 2
    assert "does not hold the secret parameter `key`; give it again" in refused.stderr
    elsewhere = ["--backend", "processes", "--workers", "2"]  # which import from here, too
    done = go("resume", run_id[:6], "--json", "--allow-imports", *elsewhere, *secret)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["output"] == {"sum": sum(range(200))}
    again = go("resume", run_id, *secret)
    assert again.returncode == 2
    assert "there is nothing to resume" in again.stderr

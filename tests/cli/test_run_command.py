"""`attune-nb run` and `check`."""

import os
import sys

import pexpect
import pytest
from support.command_line import GREET, attune

import attune_nb

pytestmark = pytest.mark.slow


def test_run_prints_the_outcome_and_exits_zero(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(GREET)
    process = attune("run", str(file), "--json")
    assert process.returncode == 0
    assert '"status": "succeeded"' in process.stdout


def test_a_failed_run_exits_one(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(GREET.replace("core.echo", "core.fail"))
    assert attune("run", str(file)).returncode == 1


def test_no_live_panel_is_drawn_without_a_terminal(tmp_path, monkeypatch):
    # a cell of Jupyter sets it, for the commands that it runs
    monkeypatch.setenv("FORCE_COLOR", "1")
    file = tmp_path / "w.yaml"
    file.write_text("tasks: [{name: a, action: core.sleep, input: {seconds: 0.3}}]")
    process = attune("run", str(file))
    assert process.returncode == 0
    assert "\x1b" not in process.stdout + process.stderr
    assert process.stderr.count("running") <= 1


def test_no_live_panel_is_drawn_in_a_cell_of_jupyter(tmp_path):
    """A cell runs `!attune-nb run` in a terminal of its own, and shows its output as text."""
    (tmp_path / "w.yaml").write_text(
        "tasks: [{name: a, action: core.sleep, input: {seconds: 0.3}}]"
    )
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "attune_nb", "run", "w.yaml"],
        cwd=str(tmp_path),
        env={**os.environ, "JPY_PARENT_PID": "1"},
        timeout=60,
    )
    terminal.expect(pexpect.EOF)
    assert b"succeeded" in terminal.before
    assert b"\x1b[?25l" not in terminal.before


def test_check_shows_line_column_and_the_nearest_name(tmp_path):
    file = tmp_path / "typo.yaml"
    file.write_text(GREET.replace("action:", "acton:"))
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

    process = attune("run", "ping.yaml", "--allow-imports", cwd=tmp_path)
    assert process.returncode == 0, process.stderr


def test_a_paused_run_prints_the_command_that_continues_it(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://127.0.0.1:9")
    file = tmp_path / "good.yaml"
    file.write_text(GREET)
    store = tmp_path / "runs.db"

    short_timeout = "from attune_nb.backends.dask import connection; connection.TIMEOUT = 0.1"
    dask = ["--backend", "dask", "--store", str(store)]
    process = attune("run", str(file), *dask, before=short_timeout)

    assert "there is no Dask cluster at tcp://127.0.0.1:9" in process.stdout
    run_id = attune_nb.runs(store)["run_id"][0]
    assert f"`attune-nb resume {run_id} --store {store}` continues it" in process.stderr

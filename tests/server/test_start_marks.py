"""The marks of the processes that servers have started."""

import os
import subprocess
import sys

import pytest

from attune_nb.server.starts.marks import find_live_runs, read_mark, remove_mark, write_mark
from attune_nb.store.output_files import output_folder

RUN_ID = "0123456789ab"


@pytest.fixture
def store(tmp_path):
    store = tmp_path / "runs.db"
    output_folder(store).mkdir()
    return store


@pytest.fixture
def process():
    """Yield a process that waits for its input to end."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process


def test_a_run_is_alive_as_long_as_its_process(store, process):
    write_mark(store, RUN_ID, process.pid)
    assert find_live_runs(store) == [RUN_ID]
    assert read_mark(store, RUN_ID).pid == process.pid

    process.kill()
    process.wait()
    assert read_mark(store, RUN_ID) is None
    assert find_live_runs(store) == []
    # the mark is gone, too
    assert list(output_folder(store).iterdir()) == []


def test_the_mark_of_another_process_stays(store, process):
    write_mark(store, RUN_ID, process.pid)
    remove_mark(store, RUN_ID, os.getpid())
    assert find_live_runs(store) == [RUN_ID]
    remove_mark(store, RUN_ID, process.pid)
    assert find_live_runs(store) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"run_id": 1}'])
def test_a_damaged_mark_is_no_run(store, text):
    (output_folder(store) / f"{RUN_ID}.process").write_text(text)
    assert find_live_runs(store) == []
    assert read_mark(store, RUN_ID) is None


def test_a_process_that_has_the_same_number_is_no_run(store, process):
    write_mark(store, RUN_ID, process.pid)
    path = output_folder(store) / f"{RUN_ID}.process"
    path.write_text(path.read_text().replace('"born":1', '"born":2'))
    assert find_live_runs(store) == []

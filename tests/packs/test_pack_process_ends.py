"""No process of a pack is left: after a timeout, a cancellation, the end of the engine."""

import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest
from support.item_runs import until
from support.packs import find_action, write_action

import attune_nb
from attune_nb.actions.cancel import CancelToken
from attune_nb.actions.process_tree import ProcessTree
from attune_nb.actions.supervisor import Supervisor
from attune_nb.errors import ActionError
from attune_nb.packs.options import PackOptions
from attune_nb.packs.process import pack_function
from attune_nb.packs.process.pack_function import PackFunction

# the process and a child of it, which leaves its group
SLEEP = "setsid sleep 300 & echo $$ $! > pids; sleep 300"
# a process that takes longer to end than a command of `core.shell` may
SLOW_END = "trap 'sleep 1.5; echo cleaned > clean; exit 1' TERM; echo $$ > pids; sleep 300 & wait"
# a process that ignores SIGTERM
STUBBORN = "trap '' TERM; echo $$ > pids; while true; do sleep 0.1; done"

WORKFLOW = """
tasks:
  - name: act
    action: kit.act
    timeout: 0.5
"""


def pids_in(folder):
    path = folder / "pids"
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def status_of(run):
    return run.tasks.set_index("task").status["act"]


def until_all_ended(folder):
    until(lambda: not any(is_alive(pid) for pid in pids_in(folder)))


def function_in(folder, script, **keys):
    write_action(folder, script, **keys)
    return PackFunction(find_action("kit.act", folder), PackOptions())


@pytest.mark.parametrize("backend", ["threads", "inline", "processes"])
def test_a_timeout_ends_the_process_and_its_children(tmp_path, backend):
    function = function_in(tmp_path, SLEEP)

    run = attune_nb.loads(WORKFLOW).run(backend=backend, actions={"kit.act": function})

    assert status_of(run) == "timed_out"
    until_all_ended(tmp_path)


def test_the_timeout_of_the_file_is_that_of_the_task(tmp_path):
    """A task without a `timeout` has the action's own."""
    function = function_in(tmp_path, SLEEP, timeout_seconds=1)
    text = WORKFLOW.replace("timeout: 0.5", "")

    run = attune_nb.loads(text).run(actions={"kit.act": function})

    assert status_of(run) == "timed_out"
    assert "no end within 1 s" in run.failure_text()
    until_all_ended(tmp_path)


def test_the_timeout_of_the_task_comes_first(tmp_path):
    function = function_in(tmp_path, "sleep 1.5; echo done", timeout_seconds=1)
    text = WORKFLOW.replace("timeout: 0.5", "timeout: 60")

    run = attune_nb.loads(text).run(actions={"kit.act": function})

    assert run.result("act")["stdout"] == "done\n"


def test_an_action_that_is_cancelled_leaves_its_output(tmp_path):
    function = function_in(tmp_path, "echo begun; echo $$ > pids; sleep 300")
    token = CancelToken()
    errors = []

    def call():
        try:
            function({}, cancel=token)
        except ActionError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    until(lambda: len(pids_in(tmp_path)) == 1)
    token.cancel()
    thread.join()

    (error,) = errors
    assert error.message == "action `kit.act` was cancelled"
    assert error.data["stdout"] == "begun\n"
    assert error.data["succeeded"] is False
    until_all_ended(tmp_path)


def test_a_process_that_ignores_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(pack_function, "GRACE", 0.3)
    function = function_in(tmp_path, STUBBORN)

    run = attune_nb.loads(WORKFLOW).run(actions={"kit.act": function})

    assert status_of(run) == "timed_out"
    until_all_ended(tmp_path)


def test_sigterm_is_sent_before_it_is_noted(tmp_path, monkeypatch):
    """A worker may be killed in between: its supervisor then sends SIGTERM, and not nothing."""
    steps = []
    terminate = ProcessTree.terminate

    def terminate_and_note(tree):
        terminate(tree)
        steps.append("sent")

    monkeypatch.setattr(ProcessTree, "terminate", terminate_and_note)
    monkeypatch.setattr(Supervisor, "note_termination", lambda *_: steps.append("noted"))
    function = function_in(tmp_path, "echo $$ > pids; sleep 300")
    token = CancelToken()
    timer = threading.Thread(target=cancel_when_begun, args=(tmp_path, token))

    timer.start()
    with pytest.raises(ActionError, match="was cancelled"):
        function({}, cancel=token)
    timer.join()

    assert steps == ["sent", "noted"]


def cancel_amid(folder, script, backend, processes):
    """Return a run that was cancelled once its script had written the numbers of its processes."""
    text = WORKFLOW.replace("timeout: 0.5", "")
    run = attune_nb.loads(text).run(
        backend=backend, actions={"kit.act": function_in(folder, script)}, background=True
    )

    until(lambda: len(pids_in(folder)) == processes)
    run.cancel(force=True)
    run.wait()
    return run


def cancel_when_begun(folder, token):
    until(lambda: len(pids_in(folder)) == 1)
    token.cancel()


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_cancelling_a_run_ends_its_processes(tmp_path, backend):
    run = cancel_amid(tmp_path, SLEEP, backend, processes=2)

    assert run.status == "cancelled"
    until_all_ended(tmp_path)


@pytest.mark.parametrize("backend", ["threads", "processes"])
def test_a_cancelled_process_has_time_to_clean_up(tmp_path, backend):
    """The run ends at once, and the worker with it; the process has ten seconds."""
    cancel_amid(tmp_path, SLOW_END, backend, processes=1)

    until((tmp_path / "clean").exists)
    until_all_ended(tmp_path)


def test_a_process_has_time_to_clean_up_after_the_engine(tmp_path):
    write_action(tmp_path, SLOW_END)
    engine = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), "threads"])

    until(lambda: len(pids_in(tmp_path)) == 1)
    engine.kill()
    engine.wait()

    until((tmp_path / "clean").exists)
    until_all_ended(tmp_path)


SCRIPT = """
import sys
import threading
from pathlib import Path
import attune_nb
from attune_nb.packs.options import PackOptions
from attune_nb.packs.process.pack_function import PackFunction
from attune_nb.packs.reading.read_pack import read_pack

folder = Path(sys.argv[1])
function = PackFunction(read_pack(folder).actions["kit.act"], PackOptions())
text = "tasks: [{name: act, action: kit.act}]"
attune_nb.loads(text).run(backend=sys.argv[2], actions={"kit.act": function})
"""


def test_a_killed_engine_leaves_no_parameter_file(tmp_path):
    """The file may hold secrets."""
    script = 'echo "$ATTUNE_PARAMETER_FILE" > file; sleep 300'
    write_action(tmp_path, script, parameter_delivery="file")
    engine = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), "threads"])
    note = tmp_path / "file"

    until(lambda: note.exists() and note.read_text().endswith("\n"))
    path = Path(note.read_text().strip())
    assert path.exists()
    engine.kill()
    engine.wait()

    until(lambda: not path.exists())


@pytest.mark.parametrize("backend", ["threads", "processes"])
@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_no_process_outlives_the_engine(tmp_path, backend, end):
    write_action(tmp_path, SLEEP)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), backend]
    engine = subprocess.Popen(command)

    until(lambda: len(pids_in(tmp_path)) == 2)
    getattr(engine, end)()
    engine.wait()

    until_all_ended(tmp_path)

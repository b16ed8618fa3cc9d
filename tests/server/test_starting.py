"""Runs that a server starts: real processes, which go on without it."""

import os
import threading
from functools import partial

import psutil
import pytest
from support.item_runs import until
from support.started_runs import StartFolder

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.server.starts import starting
from attune_nb.server.starts.options import CodeOptions, StartOptions
from attune_nb.server.web.problems import StartRefused
from attune_nb.store import reading
from attune_nb.store.output_files import output_folder, output_path

pytestmark = pytest.mark.slow

RUN_ID = "0123456789ab"

FAILING = """
tasks:
  - {name: once, action: core.shell, input: {cmd: echo}, next: [{do: break}]}
  - {name: break, action: core.shell, input: {cmd: exit 1}}
"""

# Only the process itself may import it.
MISSING_MODULE = "tasks: [{name: call, action: 'no_such_module:work'}]\n"


@pytest.fixture
def open_folder(tmp_path):
    """Yield a function that returns a folder of workflows; the runs in it end with the test."""
    yield partial(StartFolder, tmp_path)
    StartFolder(tmp_path).open_gate()


@pytest.fixture
def folder(open_folder):
    """Return a folder of workflows."""
    return open_folder()


def refused(start, *arguments, **options):
    """Return the refusal of a start."""
    with pytest.raises(StartRefused) as caught:
        start(*arguments, **options)
    return caught.value


def test_a_run_is_a_process_in_a_session_of_its_own(folder, monkeypatch):
    monkeypatch.setenv("JUPYTER_TOKEN", "hush-1")
    monkeypatch.setenv("JPY_API_TOKEN", "hush-2")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hush-3")
    monkeypatch.setenv("ATTUNE_TEST_WORD", "kept")

    started = folder.start_held(actor="Ann")
    process = folder.process_of(started.run_id)
    assert (started.is_new, started.is_recorded) == (True, True)
    assert os.getsid(process.pid) == process.pid
    assert folder.starter.live_runs() == {started.run_id}
    # parameters may be secret, and anybody can read this
    assert str(folder.gate) not in " ".join(process.cmdline())
    assert attune_nb.open_run(started.run_id, folder.store).status == "running"

    folder.open_gate()
    # it does not remain as a zombie
    until(lambda: not psutil.pid_exists(process.pid))
    run = attune_nb.open_run(started.run_id, folder.store)
    assert run.status == "succeeded"
    assert "hush" not in str(run.result("hold"))
    assert "ATTUNE_TEST_WORD=kept" in str(run.result("hold"))

    log = output_path(folder.store, started.run_id)
    assert ", started for Ann]\n" in log.read_text()
    assert f"Run {started.run_id}: held: succeeded" in log.read_text()
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_request_that_comes_twice_starts_one_run(folder):
    outcomes = []

    def start():
        outcomes.append(folder.start_held(run_id=RUN_ID))

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.is_new for outcome in outcomes) == [False, False, True]
    assert {outcome.run_id for outcome in outcomes} == {RUN_ID}
    assert list(attune_nb.runs(folder.store)["run_id"]) == [RUN_ID]

    folder.write("other.yaml", FAILING)
    refusal = refused(folder.start, "other.yaml", run_id=RUN_ID)
    assert refusal.status == 409
    assert str(refusal) == f"there is another run `{RUN_ID}`; choose another id"


def test_no_more_runs_are_alive_than_allowed(open_folder):
    folder = open_folder(most_started=1)
    folder.start_held()
    refusal = refused(folder.start_held)
    assert refusal.status == 429
    assert str(refusal).startswith("1 runs that were started here are alive")

    # a server that begins again counts it, too
    assert refused(open_folder(most_started=1).start_held).status == 429
    folder.open_gate()
    assert folder.start_held().is_new


def test_a_killed_run_is_resumed_with_its_secrets(folder):
    started = folder.start_held()
    folder.open_gate()
    assert refused(folder.resume, started.run_id).status == 409

    folder.gate.unlink()
    folder.write("secret.yaml", (folder.root / "held.yaml").read_text())
    parameters = {"gate": str(folder.gate), "token": "open-sesame"}
    run_id = folder.start("secret.yaml", parameters).run_id
    assert str(refused(folder.resume, run_id)) == f"run {run_id} is under way"
    folder.process_of(run_id).kill()
    until(lambda: not folder.starter.live_runs())
    assert attune_nb.open_run(run_id, folder.store).status == "interrupted"

    refusal = refused(folder.resume, run_id)
    assert refusal.status == 422
    assert [problem.field for problem in refusal.problems] == ["token"]

    folder.resume(run_id, {"token": "open-sesame"})
    assert folder.starter.live_runs() == {run_id}
    folder.open_gate()
    assert attune_nb.open_run(run_id, folder.store).status == "succeeded"
    # the log of the first process is still there
    assert folder.log_of(run_id).count(", started]\n") == 2
    assert "open-sesame" not in folder.log_of(run_id)


def test_what_failed_is_retried_as_a_new_run(folder):
    folder.write("break.yaml", FAILING)
    run_id = folder.start("break.yaml").run_id
    until(lambda: attune_nb.open_run(run_id, folder.store).status == "failed")

    folder.retry(run_id, new_id=RUN_ID)
    until(lambda: attune_nb.open_run(RUN_ID, folder.store).status == "failed")
    assert attune_nb.open_run(RUN_ID, folder.store).kind == f"retry of {run_id}"
    assert not folder.retry(run_id, new_id=RUN_ID).is_new
    assert refused(folder.retry, RUN_ID, new_id=RUN_ID).status == 409


def test_a_store_that_cannot_be_read_makes_no_process(folder):
    folder.store.parent.mkdir()
    folder.store.write_bytes(b"no store" * 1000)

    with pytest.raises(StoreError, match="is no store, or it is damaged"):
        folder.start_held()

    assert not output_folder(folder.store).exists()


def test_a_store_that_is_locked_meanwhile_refuses_no_start(folder, monkeypatch):
    """The process goes on: a refusal would make the caller start another one."""
    calls = iter([False, StoreError("it is locked"), StoreError("it is locked")])

    def has_run(store, run_id):
        outcome = next(calls, None)
        if isinstance(outcome, StoreError):
            raise outcome
        return store.exists() and reading.has_run(store, run_id)

    monkeypatch.setattr(starting, "_has_run", has_run)

    started = folder.start_held()

    assert started.is_recorded
    assert folder.starter.live_runs() == {started.run_id}


def test_a_process_that_begins_no_run_is_a_refusal(open_folder):
    folder = open_folder(code=CodeOptions(allow_imports=True))
    folder.write("call.yaml", MISSING_MODULE)
    refusal = refused(folder.start, "call.yaml", run_id=RUN_ID)
    assert refusal.status == 422
    assert "no_such_module" in str(refusal)
    assert not output_path(folder.store, RUN_ID).exists()
    assert not folder.store.exists()


NOTE = """
import os

def note(path):
    print("written \u20ac")
    with open(path, "w") as file:
        file.write(str(os.getpid()))
"""


def test_the_actions_of_a_file_run_in_the_process(open_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "en_US.ISO-8859-1")
    (tmp_path / "notes.py").write_text(NOTE)
    folder = open_folder(code=CodeOptions(action_files=[tmp_path / "notes.py"]))
    path = tmp_path / "pid"
    folder.write("note.yaml", f"tasks: [{{name: a, action: note, input: {{path: {path}}}}}]")
    run_id = folder.start("note.yaml").run_id
    folder.open_gate()
    assert int(path.read_text()) != os.getpid()
    # as UTF-8, whatever the locale
    assert "written \u20ac" in folder.log_of(run_id)


@pytest.mark.parametrize(
    ("file", "options", "status", "message"),
    [
        ("../held.yaml", {}, 404, "there is no workflow file `../held.yaml` here"),
        ("broken.yaml", {}, 422, "broken.yaml cannot run: task `a` needs an `action`"),
        ("unknown.yaml", {}, 422, "unknown.yaml cannot run: there is no action `work`"),
        ("break.yaml", {"backend": "treads"}, 422, "there is no backend `treads`; there are `thr"),
        ("break.yaml", {"workers": 0}, 422, "`workers` must be an integer of 1 or more, not 0"),
    ],
)
def test_a_start_that_cannot_work_makes_no_process(folder, file, options, status, message):
    folder.write("break.yaml", FAILING)
    folder.write("broken.yaml", "tasks: [{name: a}]")
    folder.write("unknown.yaml", "tasks: [{name: a, action: work}]")
    refusal = refused(folder.start, file, options=StartOptions(**options))
    assert refusal.status == status
    assert str(refusal).startswith(message)
    assert not folder.store.parent.exists()

"""Commands for runs under faults: no command is carried out twice, and none is lost silently."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
from support.outcomes import wait_until
from support.steered_runs import ASK, asking_run, command_rows, held_run, open_recorded

import attune_nb
from attune_nb.errors import CommandRefused, StoreError
from attune_nb.store.command_file import (
    CommandInbox,
    CommandRow,
    commands_path,
    create_command_file,
    insert_command,
    open_command_file,
)
from attune_nb.store.commands import put_command, wait_for_outcome

YES = {"task": "approve", "value": True}

# a run in a process of its own, which stops when it has taken a command
ENGINE = """
import pathlib, sys, time
import attune_nb
from attune_nb.running.mailbox import Mailbox
store, taken, text = sys.argv[1:]
def stop(*_):
    pathlib.Path(taken).touch()
    time.sleep(600)
Mailbox._carry_out = stop
attune_nb.loads(text, "asking").run(store=store, background=True, progress=False).wait()
"""


@pytest.fixture
def store(tmp_path):
    return tmp_path / "runs.db"


@pytest.fixture
def engine(store, tmp_path):
    """Yield the process of a run that asks a question; it does not end when it takes commands."""
    command = [sys.executable, "-c", ENGINE, str(store), str(tmp_path / "taken"), ASK]
    process = subprocess.Popen(command)
    wait_until(lambda: store.exists() and len(attune_nb.runs(store)))
    yield process
    process.kill()
    process.wait()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def id_of_run(store):
    (run_id,) = attune_nb.runs(store)["run_id"]
    return run_id


def resume_and_answer(store, run_id):
    """Resume a run, which must still ask, answer it, and return it."""
    run = attune_nb.resume(run_id, store, background=True, progress=False)
    wait_until(lambda: run.questions)
    run.answer("approve", value=False)
    assert run.wait(60)
    return run


def test_an_engine_that_is_killed_with_a_command_leaves_it_open(store, engine, tmp_path):
    """Its progress is unknown, so the outcome says that, and the command is not repeated."""
    run_id = id_of_run(store)
    number = put_command(store, run_id, "answer", YES)
    wait_until((tmp_path / "taken").exists)
    kill(engine)

    assert wait_for_outcome(store, number, 60).startswith(
        "the process of the run has ended before it wrote the outcome"
    )
    run = resume_and_answer(store, run_id)
    assert run.result("approve") == {"response": False}


def test_a_resumed_run_takes_no_command_from_before(store, engine):
    run_id = id_of_run(store)
    engine.send_signal(signal.SIGSTOP)
    number = put_command(store, run_id, "answer", YES)
    kill(engine)
    run = resume_and_answer(store, run_id)

    assert run.result("approve") == {"response": False}
    assert wait_for_outcome(store, number, 60) == "the run has succeeded"
    assert command_rows(store, "data") == [(None,)]


def test_a_command_for_a_dead_engine_is_refused_with_the_remedy(store, engine):
    run_id = id_of_run(store)
    kill(engine)
    for kind, data, options in (
        ("cancel", {}, ""),
        ("answer", YES, " --answer TASK=VALUE"),
        ("rerun", {"task": "approve"}, " --rerun"),
        ("accept", {"task": "approve", "result": 1}, " --attended"),
    ):
        with pytest.raises(CommandRefused) as caught:
            put_command(store, run_id, kind, data)
        assert caught.value.reason == "interrupted"
        assert f"`attune-nb resume {run_id}{options}`" in str(caught.value)


def test_the_sender_hears_that_the_engine_has_died(store, engine):
    run_id = id_of_run(store)
    engine.send_signal(signal.SIGSTOP)
    number = put_command(store, run_id, "cancel")
    assert wait_for_outcome(store, number, 0.0) is None
    kill(engine)
    assert wait_for_outcome(store, number, 60) == (
        "the process of the run has ended; the run is interrupted"
    )


def test_of_two_processes_only_one_takes_a_command(store):
    create_command_file(commands_path(store))
    count = 100
    with open_command_file(commands_path(store)) as connection:
        for number in range(count):
            row = CommandRow(number, "run", "owner", "pause", b"{}", "", time.time() + 60)
            insert_command(connection, row)
    numbers = []

    def take():
        inbox = CommandInbox(store)
        while len(numbers) < count:
            numbers.extend(row.number for row in inbox.take(("owner",)))

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(numbers) == list(range(count))


def test_a_command_that_has_expired_is_not_carried_out(store):
    with asking_run(store) as run:
        number = put_command(store, run.run_id, "answer", YES, expires_in=-1.0)
        outcome = wait_for_outcome(store, number, 60)
        assert run.questions
    assert outcome.startswith("it came too late")
    assert command_rows(store, "data") == [(None,)]


def test_a_later_run_removes_the_data_of_an_expired_command(store):
    """Its engine and its sender may both have died before one of them could."""
    create_command_file(commands_path(store))
    with open_command_file(commands_path(store)) as connection:
        expires = time.time() - 1
        insert_command(connection, CommandRow(1, "run", "dead", "answer", b"private", "", expires))
    with held_run(store):
        wait_until(lambda: command_rows(store, "data") == [(None,)])


def test_a_run_of_an_older_version_takes_no_commands(store, monkeypatch):
    monkeypatch.setattr("attune_nb.store.claims.TAKES_COMMANDS", "")
    with held_run(store) as held:
        with pytest.raises(CommandRefused, match="an older attune_nb") as caught:
            held.recorded.cancel()
        assert held.run.status == "running"
    assert caught.value.reason == "too_old"


def test_the_file_may_be_removed_between_two_commands(store):
    with held_run(store) as held:
        held.recorded.pause()
        commands_path(store).unlink()
        held.recorded.resume()
        commands_path(store).unlink()
        held.recorded.cancel(force=True)
        assert held.run.wait(60)
    assert held.run.status == "cancelled"


def test_a_command_that_is_lost_with_its_file_is_reported(store):
    with held_run(store) as held:
        number = put_command(store, held.run.run_id, "pause")
        commands_path(store).unlink()
        with pytest.raises(CommandRefused, match="it is not known whether") as caught:
            wait_for_outcome(store, number, 60)
    assert caught.value.reason == "lost"


def test_a_damaged_file_is_replaced(store):
    commands_path(store).write_bytes(b"no database " * 1000)
    with held_run(store) as held:
        held.recorded.pause()
        wait_until(lambda: held.run.status == "paused")


def test_a_file_that_cannot_be_used_harms_no_run(store):
    commands_path(store).mkdir()
    with held_run(store) as held:
        with pytest.raises(StoreError, match="commands for runs cannot be put into"):
            held.recorded.pause()
        held.release()
        assert held.run.wait(60)
    assert held.run.status == "succeeded"


def test_a_file_of_another_user_gets_no_answer(store, monkeypatch):
    """In a shared folder another user may have put it there."""
    with held_run(store) as held:
        held.recorded.pause()
        other_user = os.geteuid() + 1
        monkeypatch.setattr("attune_nb.store.command_file._allowed_users", lambda _: {other_user})
        with pytest.raises(StoreError, match="it belongs to another user"):
            held.recorded.resume()


def test_a_link_in_place_of_the_file_is_not_followed(store, tmp_path):
    target = tmp_path / "target.db"
    target.touch()
    commands_path(store).symlink_to(target)
    with held_run(store) as held, pytest.raises(StoreError, match="it is no file"):
        held.recorded.pause()
    assert target.read_bytes() == b""


def test_the_file_is_for_its_owner_only(store):
    with held_run(store) as held:
        held.recorded.pause()
        assert stat.S_IMODE(commands_path(store).stat().st_mode) == 0o600


def test_a_lock_of_another_program_delays_a_command(store):
    with held_run(store) as held:
        held.recorded.pause()
        with closing(sqlite3.connect(commands_path(store), isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            (owner,) = connection.execute("SELECT owner FROM commands").fetchone()
            row = CommandRow(1, held.run.run_id, owner, "resume", b"{}", "ann", time.time() + 60)
            insert_command(connection, row)
            # the engine looks meanwhile
            time.sleep(0.2)
            connection.execute("COMMIT")
        assert wait_for_outcome(store, 1, 60) == "done"
        wait_until(lambda: held.run.status == "running")


def test_a_sender_does_not_wait_for_a_lock_for_ever(store, monkeypatch):
    monkeypatch.setattr("attune_nb.store.command_file._BUSY", 50)
    with held_run(store) as held:
        held.recorded.pause()
        with closing(sqlite3.connect(commands_path(store), isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StoreError, match="another program holds it"):
                held.recorded.resume()


def test_secrets_are_in_no_outcome_and_no_event(store):
    text = """
    parameters: {key: {secret: true}}
    tasks: [{name: approve, action: core.ask, input: {prompt: ok?}}]
    """
    secret = "hunter2-hunter2"
    workflow = attune_nb.loads(text)
    run = workflow.run({"key": secret}, store=store, background=True, progress=False)
    wait_until(lambda: run.questions)
    recorded = open_recorded(run)
    with pytest.raises(CommandRefused, match=r"attempt of `\*\*\*` is in doubt"):
        recorded.rerun(secret)
    recorded.cancel(reason=f"it has {secret}", by="ann")
    assert run.wait(60)
    assert run.error == "the run was cancelled: asked by ann: it has ***"
    assert secret.encode() not in commands_path(store).read_bytes().replace(
        b"ann " + secret.encode(), b""
    )
    assert secret.encode() not in store.read_bytes()

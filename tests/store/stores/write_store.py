"""Write `written_by_278221c.db`: a store with runs of every kind, for `test_older_store.py`.

The code of commit 278221c wrote the file that is in the repository. To write another, check that
commit out and run this script with its code:

    git worktree add /tmp/base 278221c
    PYTHONPATH=/tmp/base python tests/store/stores/write_store.py tests/store/stores/NAME.db

Each run has a process of its own. The processes of the interrupted runs end with SIGKILL, each at
a moment at which the record holds what the tests expect. Afterwards, the store is one file
without a journal, and no longer says which machine and which processes wrote it.
"""

import os
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from contextlib import closing
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pandas as pd

import attune_nb

HERE = Path(__file__).parent
PATIENCE = 60  # seconds to wait for the expected content of a record
KEY, TOKEN = "open-sesame", "tell-no-one"
HOSTS = ["alpha", "beta", "gamma", "delta"]


def load_actions():
    """Load `store_actions.py` under its bare name, so that tracebacks hold no path."""
    module = ModuleType("store_actions")
    source = (HERE / "store_actions.py").read_text()
    exec(compile(source, "store_actions.py", "exec"), module.__dict__)
    return module


actions = load_actions()


def load_workflow(name):
    """Load a workflow as if it stood in a cell, so that the record holds no path."""
    text = (HERE / "workflows" / f"{name}.yaml").read_text()
    return attune_nb.loads(text, "<cell>", above=f"%%attune {name}")


def start(store, workflow, parameters=None, **options):
    """Start a run in the background, and wait until it is on record."""
    started = run(store, workflow, parameters, background=True, **options)
    wait_until(lambda: started.run_id in set(attune_nb.runs(store)["run_id"]))
    return started


def run(store, workflow, parameters=None, **options):
    """Run a workflow to its end. The run is named like it, unless `name` is given."""
    settings = {"name": workflow, "actions": actions.ACTIONS, "progress": False} | options
    return load_workflow(workflow).run(parameters, store=store, **settings)


def wait_until(condition):
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the record lacks the expected content")
        time.sleep(0.02)


def wait_for_items(store, run, task, count):
    """Wait until so many attempts of a task are on record, and so many calls are blocked."""

    def is_there():
        attempts = recorded(store, run).attempts()
        return (attempts["task"] == task).sum() == count

    wait_until(is_there)
    blocked = {item for _, item in actions.calls} & actions.blocked
    wait_until(lambda: blocked or not actions.blocked)


def recorded(store, run):
    """Return a run as the store holds it."""
    return attune_nb.open_run(run.run_id, store)


def kill_this_process():
    """End this process, with the run that is under way in it."""
    os.kill(os.getpid(), signal.SIGKILL)


def write_survey(store):
    """Write a succeeded run whose item `beta` is retried, and two forks of it."""
    actions.failing.add("beta")
    survey = run(store, "survey", {"hosts": HOSTS})
    survey.fork("optional", {"limit": 200})


def write_inspection(store):
    """Write a failed run: failed items, a timeout, an expression that cannot be rendered."""
    run(store, "inspection")


def write_crashes(store):
    """Write a failed run on worker processes: one of them ends, one result cannot be sent."""
    run(store, "crashes", backend="processes", workers=1)


def write_census(store):
    """Write a run that is killed after four of its eight items."""
    actions.blocked |= {4, 5}
    wait_for_items(store, start(store, "census"), "count", 4)
    kill_this_process()


def write_paused(store):
    """Write a run that is paused after four of its eight items, and killed then."""
    actions.blocked |= {2, 3}
    paused = start(store, "census", name="paused")
    wait_for_items(store, paused, "count", 2)
    paused.pause()
    wait_until(lambda: paused.status == "paused")
    actions.released.set()
    wait_for_items(store, paused, "count", 4)
    kill_this_process()


def write_continued(store):
    """Write a succeeded run that was paused and went on."""
    actions.blocked |= {2, 3}
    continued = start(store, "census", name="continued")
    wait_for_items(store, continued, "count", 2)
    continued.pause()
    wait_until(lambda: continued.status == "paused")
    actions.released.set()
    wait_for_items(store, continued, "count", 4)
    continued.resume()
    continued.wait(PATIENCE)


def write_cancelled(store):
    """Write a run that is cancelled after four of its eight items."""
    actions.blocked |= {2, 3}
    cancelled = start(store, "census", name="cancelled")
    wait_for_items(store, cancelled, "count", 2)
    cancelled.cancel()
    wait_until(lambda: cancelled.status == "cancelling")
    actions.released.set()
    cancelled.wait(PATIENCE)


def write_rehearsal(store):
    """Write a run whose results are made up."""
    run(store, "census", name="rehearsal", mock={"count": 5, "tell": 1})


def write_payments(store):
    """Write a run that is killed while the attempts of items 2 and 3 are in doubt."""
    actions.blocked |= {2, 3}
    wait_for_blocked(start(store, "payments"), store)


def write_unsettled(store):
    """Write the run that `write_settled` goes on with."""
    actions.blocked |= {2, 3}
    wait_for_blocked(start(store, "payments", name="settled"), store)


def wait_for_blocked(payments, store):
    """Kill this process once items 0 and 1 are on record, and items 2 and 3 are in doubt."""
    wait_for_items(store, payments, "pay", 2)
    wait_until(lambda: {("pay", 2), ("pay", 3)} <= set(actions.calls))
    kill_this_process()


def write_settled(store):
    """Resume a killed run, make one attempt in doubt again, and accept a result for another."""
    runs = attune_nb.runs(store).set_index("workflow")
    settled = attune_nb.resume(
        runs.loc["settled", "run_id"], store, actions=actions.ACTIONS, progress=False
    )
    settled.rerun("pay", 2)
    settled.accept("pay", "paid by hand", 3)
    settled.wait(PATIENCE)


def write_approval(store):
    """Write a run that is killed while its question waits for an answer."""
    approval = start(store, "approval")
    wait_until(lambda: approval.questions)
    wait_until(lambda: recorded(store, approval).questions)
    kill_this_process()


def write_answered(store):
    """Write a succeeded run whose question was answered."""
    answered = start(store, "approval", name="answered")
    wait_until(lambda: answered.questions)
    answered.answer("approve", 5)
    answered.wait(PATIENCE)


def write_dated(store):
    """Write a succeeded run whose answer is a date."""
    dated = start(store, "dated")
    wait_until(lambda: dated.questions)
    dated.answer("ask", date(2026, 1, 2))
    dated.wait(PATIENCE)


def write_deadline(store):
    """Write a run that timed out, after a question that timed out."""
    run(store, "deadline")


def write_nested(store):
    """Write a run that is killed within the second of its inner runs."""
    actions.blocked.add(3)
    inner = {**actions.ACTIONS, "area": load_workflow("area")}
    nested = start(store, "nested", actions=inner)
    wait_for_items(store, nested, "areas", 1)
    wait_until(lambda: ("square", 3) in actions.calls)
    kill_this_process()


def write_stream(store):
    """Write a run that is killed after four items of a source that can be read only once."""
    actions.blocked |= {4, 5}
    stream = start(store, "stream", {"numbers": iter(range(8))})
    wait_for_items(store, stream, "count", 4)
    kill_this_process()


def write_secret(store):
    """Write a run that is killed after a result that holds a secret."""
    actions.blocked.add("fetch")
    secret = start(store, "secret", {"key": KEY}, keystore={"token": TOKEN})
    wait_for_items(store, secret, "login", 1)
    wait_until(lambda: ("fetch", "fetch") in actions.calls)
    kill_this_process()


def write_masked(store):
    """Write a succeeded run whose output holds secrets."""
    run(store, "secret", {"key": KEY}, keystore={"token": TOKEN}, name="masked")


def write_turns(store):
    """Write a succeeded run of a cycle with a join."""
    run(store, "turns", backend="inline")


def write_join(store):
    """Write a run that is killed in the second turn of its cycle, while the join waits."""
    actions.blocked.add("right 2")
    join = start(store, "turns", name="join")
    wait_for_items(store, join, "left", 2)
    wait_until(lambda: ("right", "right 2") in actions.calls)
    kill_this_process()


def write_retrying(store):
    """Write a run that is killed while an item that timed out waits for its retry."""
    actions.failing.add(2)
    retrying = start(store, "retrying")
    wait_for_items(store, retrying, "call", 2)
    kill_this_process()


def write_values(store):
    """Write a run with values of every kind."""
    run(store, "values", {"table": pd.DataFrame({"x": [2, 3]})})


def write_large(store):
    """Write a run with a large result, and a fork that reuses it."""
    large = run(store, "large")
    large.fork("measure")


WRITERS = [
    write_survey, write_inspection, write_crashes, write_census, write_paused, write_continued,
    write_cancelled, write_rehearsal, write_payments, write_unsettled, write_settled,
    write_approval, write_answered, write_dated, write_deadline, write_nested, write_stream,
    write_secret, write_masked, write_turns, write_join, write_retrying, write_values, write_large,
]  # fmt: skip


def write_in_a_process(writer, store):
    """Call a writer in a process of its own.

    Raises:
        RuntimeError: It ended otherwise than by itself, or by SIGKILL.
    """
    child = os.fork()
    if not child:
        code = 1
        try:
            writer(store)
            code = 0
        except BaseException:  # noqa: BLE001 - this process ends here
            traceback.print_exc()
        finally:
            os._exit(code)
    _, wait_status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(wait_status) not in (0, -signal.SIGKILL):
        raise RuntimeError(f"{writer.__name__} failed")


def tidy(store):
    """Make the store one file, without the data that identifies the machine.

    A run without an end counts as interrupted if its host is another one and was not heard of
    for a minute. So the host gets a made-up name, and was last heard of in 1970.
    """
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("UPDATE runs SET host = 'elsewhere', pid = 1, born = 0, beat = 0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")


def main():
    """Write the store that the command line names."""
    path = Path(sys.argv[1])
    with TemporaryDirectory() as folder:
        store = Path(folder) / path.name
        for writer in WRITERS:
            write_in_a_process(writer, store)
        tidy(store)
        shutil.copyfile(store, path)
    print(attune_nb.runs(path).to_string())  # noqa: T201 - this is a script


if __name__ == "__main__":
    main()

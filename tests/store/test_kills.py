"""`kill -9` at any moment: the resumed run ends as one that was never killed would."""

import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import killed_workflows
from support.killed_processes import Nursery

import attune_nb
from attune_nb.errors import StoreError

KILLS = 50


@pytest.fixture(scope="module")
def nursery():
    found = Nursery()
    yield found
    found.close()


def lines_of(path):
    return Counter(path.read_text().split("\n")[:-1]) if path.exists() else Counter()


def on_record(store):
    """Give the one run of a store, and the items of its first task of which it holds the end."""
    try:
        found = attune_nb.runs(store)
    except StoreError:
        return None, set()
    if not len(found):
        return None, set()
    run = attune_nb.open_run(found["run_id"][0], store)
    try:
        frame = run.items("work")
    except attune_nb.LookupFailed:
        return run, set()
    return run, set(frame["index"])


def killed_once(nursery, folder, moment):
    """Kill a run so long after it made its store, and resume it.

    Give 0; or -1 for too early, 1 for too late.
    """
    store, done = folder / "runs.db", folder / "done.txt"
    code = nursery.run("plain", kill_when=store, kill_after=moment, store=store, done=done)
    run, ended = on_record(store)
    if run is None:
        return -1  # nobody knows of it yet
    if run.status == "succeeded":
        return 1
    assert code == -signal.SIGKILL
    assert attune_nb.runs(store)["status"][0] == "interrupted"
    again = attune_nb.resume(run.run_id, store, actions=killed_workflows.ACTIONS, progress=False)
    expected = {"sum": sum(range(killed_workflows.ITEMS))}
    assert (again.status, again.output) == ("succeeded", expected)
    made = lines_of(done)
    assert set(made) == set(map(str, range(killed_workflows.ITEMS)))
    assert {made[str(index)] for index in ended} <= {1}
    assert max(made.values()) <= 2
    assert attune_nb.open_run(run.run_id, store).output == expected
    return 0


@pytest.mark.timeout(600)
def test_wherever_a_run_is_killed_it_ends_as_if_it_had_not_been(nursery, tmp_path):
    begun = time.monotonic()
    assert nursery.run("plain", store=tmp_path / "whole.db", done=tmp_path / "whole.txt") == 0
    whole = time.monotonic() - begun

    def kill(half):
        luck, kills, own, takes = random.Random(f"20261125 {half}"), 0, Nursery(), whole
        for number in range(3 * KILLS):
            folder = tmp_path / f"{half} {number}"
            folder.mkdir()
            missed = killed_once(own, folder, luck.uniform(0, takes))
            takes /= 1.1**missed  # the machine may be busier than it was, or less so
            kills += not missed
            if kills == KILLS // 2:
                break
        own.close()
        return kills

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(kill, range(2))) == KILLS  # each at a moment at which it ran


def test_a_kill_before_any_write_loses_nothing_that_was_written(nursery, tmp_path):
    for at in range(1, 400):
        store, done = tmp_path / f"{at}.db", tmp_path / f"{at}.txt"
        code = nursery.run("varied", store=store, done=done, at=at)
        if code == 0:
            assert at > 20  # there were that many writes, and each was tried
            return
        assert code == -signal.SIGKILL
        run, _ = on_record(store)
        if run is None:
            continue
        written = succeeded_in(run)
        before = lines_of(done)
        if run.status != "succeeded":
            run = attune_nb.resume(
                run.run_id, store, actions=killed_workflows.ACTIONS, progress=False
            )
        assert (run.status, run.output) == ("succeeded", killed_workflows.VARIED_OUTPUT)
        assert written <= succeeded_in(run)
        after = lines_of(done)
        for task, index in written:
            line = f"left {index}" if task == "left" else task
            assert after[line] == before[line]
        assert max(after.values()) <= 3
    pytest.fail("the run never came to its end")


@pytest.mark.parametrize(
    "at",
    [
        pytest.param("before", id="before the items"),
        pytest.param("many7", id="among the items"),
        pytest.param("moody", id="in the wait for a retry"),
        pytest.param("slow", id="while a join waits"),
        pytest.param("joined", id="behind the join"),
    ],
)
def test_a_run_that_was_killed_there_goes_on_from_there(nursery, tmp_path, at):
    store, done = tmp_path / "runs.db", tmp_path / "done.txt"
    code = nursery.run("places", kill_when=f"{done}.here", store=store, done=done, at=at)
    assert code == -signal.SIGKILL
    run, _ = on_record(store)
    assert run.status == "interrupted"
    ended = succeeded_in(run)
    again = attune_nb.resume(
        run.run_id, store, actions={"place": killed_workflows.place}, progress=False
    )
    assert (again.status, again.output) == ("succeeded", killed_workflows.PLACES_OUTPUT)
    made = lines_of(done)
    assert made[at] == 2
    assert max(made.values()) == 2
    for task, index in ended:
        assert made[f"many{index}" if task == "many" else task] == (2 if task == at else 1)


def succeeded_in(run):
    """Give the items of which the record holds a good end."""
    frame = run.attempts
    frame = frame[frame["status"] == "succeeded"]
    return set(zip(frame["task"], frame["index"], strict=True))

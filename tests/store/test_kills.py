"""`kill -9` at any moment: the resumed run ends as a run that was not killed."""

import random
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import killed_workflows
from support.killed_processes import ProcessStarter

import attune_nb
from attune_nb.errors import StoreError

KILLS = 50


@pytest.fixture(scope="module")
def starter():
    starter = ProcessStarter()
    yield starter
    starter.close()


def count_lines(path):
    """Return how often every line is in a file."""
    if not path.exists():
        return Counter()
    return Counter(path.read_text().split("\n")[:-1])


def read_record(store):
    """Return the one run of a store, and the items of its first task that have ended."""
    try:
        runs = attune_nb.runs(store)
    except StoreError:
        return None, set()
    if not len(runs):
        return None, set()

    run = attune_nb.open_run(runs["run_id"][0], store)
    try:
        frame = run.items("work")
    except attune_nb.LookupFailed:
        return run, set()
    return run, set(frame["index"])


def kill_and_resume(starter, folder, seconds):
    """Kill a run some time after it created its store, and resume it.

    Return 0, or -1 if the kill came too early, or 1 if it came too late.
    """
    store = folder / "runs.db"
    done = folder / "done.txt"
    code = starter.run("plain", kill_when=store, kill_after=seconds, store=store, done=done)
    run, ended = read_record(store)
    if run is None:
        return -1
    if run.status == "succeeded":
        return 1
    assert code == -signal.SIGKILL
    assert attune_nb.runs(store)["status"][0] == "interrupted"

    resumed = attune_nb.resume(run.run_id, store, actions=killed_workflows.ACTIONS, progress=False)
    expected = {"sum": sum(range(killed_workflows.ITEMS))}
    assert resumed.status == "succeeded"
    assert resumed.output == expected

    calls = count_lines(done)
    assert set(calls) == set(map(str, range(killed_workflows.ITEMS)))
    assert {calls[str(index)] for index in ended} <= {1}
    assert max(calls.values()) <= 2
    assert attune_nb.open_run(run.run_id, store).output == expected
    return 0


@pytest.mark.timeout(600)
def test_a_run_killed_at_a_random_moment_resumes_to_its_end(starter, tmp_path):
    started = time.monotonic()
    assert starter.run("plain", store=tmp_path / "whole.db", done=tmp_path / "whole.txt") == 0
    whole_duration = time.monotonic() - started

    def kill(half):
        generator = random.Random(f"20261125 {half}")
        own_starter = ProcessStarter()
        duration = whole_duration
        kills = 0
        for number in range(3 * KILLS):
            folder = tmp_path / f"{half} {number}"
            folder.mkdir()
            missed = kill_and_resume(own_starter, folder, generator.uniform(0, duration))
            # the machine may be busier than before, or less busy
            duration /= 1.1**missed
            kills += not missed
            if kills == KILLS // 2:
                break
        own_starter.close()
        return kills

    with ThreadPoolExecutor(2) as pool:
        # every kill came while the run was running
        assert sum(pool.map(kill, range(2))) == KILLS


def test_a_kill_before_any_write_loses_no_earlier_write(starter, tmp_path):
    for number in range(1, 400):
        store = tmp_path / f"{number}.db"
        done = tmp_path / f"{number}.txt"
        code = starter.run("varied", store=store, done=done, write=number)
        if code == 0:
            # the run has at least that many writes, and all were tried
            assert number > 20
            return
        assert code == -signal.SIGKILL
        run, _ = read_record(store)
        if run is None:
            continue
        written = succeeded_in(run)
        before = count_lines(done)
        if run.status != "succeeded":
            run = attune_nb.resume(
                run.run_id, store, actions=killed_workflows.ACTIONS, progress=False
            )
        assert run.status == "succeeded"
        assert run.output == killed_workflows.VARIED_OUTPUT
        assert written <= succeeded_in(run)
        after = count_lines(done)
        for task, index in written:
            line = f"left {index}" if task == "left" else task
            assert after[line] == before[line]
        assert max(after.values()) <= 3
    pytest.fail("the run never came to its end")


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("before", id="before the items"),
        pytest.param("many7", id="among the items"),
        pytest.param("moody", id="in the wait for a retry"),
        pytest.param("slow", id="while a join waits"),
        pytest.param("joined", id="behind the join"),
    ],
)
def test_a_run_killed_at_a_task_continues_from_there(starter, tmp_path, place):
    store = tmp_path / "runs.db"
    done = tmp_path / "done.txt"
    code = starter.run("places", kill_when=f"{done}.reached", store=store, done=done, place=place)
    assert code == -signal.SIGKILL
    run, _ = read_record(store)
    assert run.status == "interrupted"
    ended = succeeded_in(run)

    resumed = attune_nb.resume(
        run.run_id, store, actions={"visit": killed_workflows.visit}, progress=False
    )
    assert resumed.status == "succeeded"
    assert resumed.output == killed_workflows.PLACES_OUTPUT

    visits = count_lines(done)
    assert visits[place] == 2
    assert max(visits.values()) == 2
    for task, index in ended:
        name = f"many{index}" if task == "many" else task
        expected = 2 if task == place else 1
        assert visits[name] == expected


def succeeded_in(run):
    """Return the items that have succeeded according to the record."""
    frame = run.attempts()
    frame = frame[frame["status"] == "succeeded"]
    return set(zip(frame["task"], frame["index"], strict=True))

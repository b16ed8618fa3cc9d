"""A run as a trace: it keeps the rules of the format that Perfetto reads, and tells the truth."""

import gzip
import itertools
import json
import threading
import time
from array import array
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

import attune_nb
from attune_nb.events import (
    AttemptsEnded,
    Batch,
    ErrorInfo,
    RunEnded,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.results.trace.chrome import chrome_trace, write_chrome_trace

REQUIRED = {
    "X": {"name", "cat", "pid", "tid", "ts", "dur", "args"},
    "M": {"name", "pid", "tid", "args"},
    "C": {"name", "pid", "tid", "ts", "args"},
    "i": {"name", "cat", "pid", "tid", "ts", "s"},
    "s": {"name", "cat", "pid", "tid", "ts", "id"},
    "f": {"name", "cat", "pid", "tid", "ts", "id", "bp"},
}


def ns(microseconds):
    return round(microseconds * 1000)


def check(trace):
    """Hold a trace against the rules of the format; give its events by phase."""
    json.dumps(trace, allow_nan=False).encode()
    assert trace["displayTimeUnit"] in ("ms", "ns")
    found = defaultdict(list)
    for event in trace["traceEvents"]:
        assert set(event) >= REQUIRED[event["ph"]] | {"ph"}, event
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert event.get("ts", 0) >= 0, event
        assert event.get("dur", 0) >= 0, event
        found[event["ph"]].append(event)
    check_names(found)
    check_nesting(found["X"])
    check_flows(found, trace["traceEvents"])
    for event in found["C"]:
        assert all(type(value) in (int, float) for value in event["args"].values())
    return found


def check_names(found):
    named = defaultdict(dict)
    for event in found["M"]:
        assert event["name"] not in named[event["pid"], event["tid"]]
        named[event["pid"], event["tid"]][event["name"]] = event["args"]
    processes = {pid for (pid, _), names in named.items() if "process_name" in names}
    for event in found["X"] + found["i"]:
        assert named[event["pid"], event["tid"]]["thread_name"]["name"]
        assert event["pid"] in processes
    assert {event["pid"] for event in found["C"]} <= processes
    # Perfetto names a thread by its number alone
    threads = [tid for (_, tid), names in named.items() if "thread_name" in names]
    assert len(threads) == len(set(threads))


def check_nesting(slices):
    threads = defaultdict(list)
    for at, event in enumerate(slices):
        start = ns(event["ts"])
        threads[event["pid"], event["tid"]].append((start, at, start + ns(event["dur"]), event))
    for thread in threads.values():
        open_ends = []
        for start, _, end, event in sorted(thread, key=lambda each: each[:2]):
            while open_ends and open_ends[-1] <= start:
                open_ends.pop()
            assert not open_ends or end <= open_ends[-1], event
            open_ends.append(end)


def check_flows(found, order):
    starts = {event["id"]: event for event in found["s"]}
    ends = {event["id"]: event for event in found["f"]}
    assert len(starts) == len(found["s"])
    assert len(ends) == len(found["f"])
    assert set(starts) == set(ends)
    for number, start in starts.items():
        end = ends[number]
        assert (start["name"], start["cat"]) == (end["name"], end["cat"])
        assert ns(start["ts"]) <= ns(end["ts"])
        assert order.index(start) < order.index(end)
        assert end["bp"] == "e"
        for event in (start, end):
            assert any(holds(each, event) for each in order[: order.index(event)]), event


def holds(slice_, event):
    if slice_["ph"] != "X" or (slice_["pid"], slice_["tid"]) != (event["pid"], event["tid"]):
        return False
    return ns(slice_["ts"]) <= ns(event["ts"]) <= ns(slice_["ts"]) + ns(slice_["dur"])


def arrows(found):
    """Give the names of the task slices that each arrow joins."""
    tasks = [each for each in found["X"] if each["cat"] == "task"]

    def at(event):
        # where one ends as the next begins, an arrow leaves the first and reaches the second
        inside = [each for each in tasks if holds(each, event)]
        return (inside[0] if event["ph"] == "s" else inside[-1])["name"]

    ends = {event["id"]: event for event in found["f"]}
    return sorted((at(event), at(ends[event["id"]])) for event in found["s"])


def named(found, name):
    return [each for each in found["X"] if each["name"] == name]


def traced(text, actions, parameters=None, **options):
    run = attune_nb.loads(text).run(parameters, actions=actions, **options)
    return run, check(chrome_trace(run.events))


CHAIN = """
tasks:
  - {name: load, action: load, next: [{do: [left, right]}]}
  - {name: left, action: work, next: [{do: both}]}
  - {name: right, action: work, next: [{do: both}]}
  - {name: both, action: work, join: all, delay: 0.05, next: [{do: never}]}
  - {name: never, action: work, when: "{{ false }}"}
"""


def test_tasks_their_waits_and_what_led_to_them():
    run, found = traced(CHAIN, {"load": lambda: 1, "work": lambda: time.sleep(0.02)})
    assert run.status == "succeeded"
    assert [each["name"] for each in found["X"] if each["cat"] == "task"] == [
        "load", "left", "right", "both", "never: skipped",
    ]  # fmt: skip
    # a task that is skipped starts nothing, so no event tells what led to it
    expected = [("left", "both"), ("load", "left"), ("load", "right"), ("right", "both")]
    assert arrows(found) == expected
    (delay,) = named(found, "delay")
    assert delay["dur"] >= 50_000
    assert delay["cat"] == "wait"
    work = named(found, "attempt 1")
    assert len(work) == 4
    assert all(each["dur"] >= 20_000 for each in work[1:])
    (whole,) = (each for each in found["X"] if each["cat"] == "run")
    assert whole["dur"] == pytest.approx(run.duration_ms * 1000, abs=0.001)


RETRIED = """
tasks:
  - name: shaky
    action: shaky
    retry: {count: 2, delay: 0.03}
    next: [{when: "{{ failed() }}", do: after}]
  - {name: after, action: core.noop}
"""


def test_attempts_of_a_task_and_the_waits_between_them():
    def shaky():
        raise ValueError('never "mind"\ud800\x00')

    _, found = traced(RETRIED, {"shaky": shaky})
    attempts = [each for each in found["X"] if each["cat"] == "attempt" and "error" in each["args"]]
    assert [each["name"] for each in attempts] == [f"attempt {n}: failed" for n in (1, 2, 3)]
    assert [each["args"]["attempt"] for each in attempts] == [1, 2, 3]
    assert {each["args"]["error"] for each in attempts} == {'ValueError: never "mind"'}
    assert attempts[1]["args"]["waited_ms"] >= 30
    waits = named(found, "waits to be tried again")
    assert len(waits) == 2
    assert all(each["dur"] >= 29_000 for each in waits)
    (task,) = named(found, "shaky: failed")
    assert task["args"]["attempts"] == 3
    assert "mind" in task["args"]["error"]
    assert {each["tid"] for each in attempts + waits} == {task["tid"]}
    assert ("shaky: failed", "after") in arrows(found)


ITEMS = """
tasks:
  - name: each
    action: act
    with_items: "{{ range(300) }}"
    concurrency: 6
    retry: {count: 1, delay: 0.01}
    input: {n: "{{ item }}"}
"""


def test_items_stand_on_a_thread_for_each_worker():
    def act(n):
        time.sleep(0.001)
        if n % 50 == 0:
            raise ValueError(n)

    run, found = traced(ITEMS, {"act": act}, backend="threads")
    attempts = [each for each in found["X"] if each["cat"] == "attempt"]
    assert len(attempts) == 306
    assert {each["args"]["index"] for each in attempts} == set(range(300))
    again = [each for each in attempts if each["args"]["attempt"] == 2]
    assert {each["name"] for each in again} == {
        f"item {n}, attempt 2: failed" for n in range(0, 300, 50)
    }
    assert all(each["args"]["waited_ms"] >= 10 for each in again)
    assert len([each for each in found["X"] if each["name"].endswith(" waits")]) == 6
    assert len({each["pid"] for each in attempts}) == 1
    threads = {
        each["tid"]: each["args"]["name"] for each in found["M"] if each["name"] == "thread_name"
    }
    for each in attempts:
        assert threads[each["tid"]].partition(" (")[0] == f"worker {each['args']['worker']}"
    counts = [each["args"] for each in found["C"]]
    assert counts[-1] == {"done": 300, "failed": 6}
    assert all(a["done"] <= b["done"] for a, b in itertools.pairwise(counts))
    frame = run.attempts.sort_values(["index", "attempt"])
    told = sorted(attempts, key=lambda each: (each["args"]["index"], each["args"]["attempt"]))
    assert [each["dur"] / 1e6 for each in told] == pytest.approx(list(frame["duration"]), abs=2e-6)


PARALLEL = """
tasks:
  - name: both
    type: parallel
    tasks:
      - {name: a, action: work}
      - {name: b, action: work}
    next: [{do: after}]
  - {name: after, action: work}
"""


def test_parallel_tasks_overlap_on_threads_of_their_own():
    _, found = traced(PARALLEL, {"work": lambda: time.sleep(0.05)}, backend="threads")
    (a,), (b,) = named(found, "both/a"), named(found, "both/b")
    assert a["tid"] != b["tid"]
    assert max(a["ts"], b["ts"]) < min(a["ts"] + a["dur"], b["ts"] + b["dur"])
    assert ("both", "after") in arrows(found)


LOOP = """
tasks:
  - {name: first, action: core.noop, next: [{do: again}]}
  - name: again
    action: count
    next:
      - {when: "{{ result() < 4 }}", do: again}
"""


def test_a_cycle_leads_from_each_visit_to_the_next():
    count = iter(range(10))
    run, found = traced(LOOP, {"count": lambda: next(count)})
    assert run.status == "succeeded"
    visits = ["first", "again", *(f"again #{n}" for n in range(2, 6))]
    assert [each["name"] for each in found["X"] if each["cat"] == "task"] == visits
    assert arrows(found) == sorted(itertools.pairwise(visits))
    assert len({each["tid"] for each in found["X"] if each["cat"] == "task"}) == 2


@pytest.mark.parametrize("force", [False, True])
def test_a_cancelled_run_and_one_that_is_still_under_way(force):
    begun, gate = threading.Event(), threading.Event()

    def act(n):
        if n == 5:
            begun.set()
        gate.wait(90 if n >= 5 else 0.001)

    run = attune_nb.loads(ITEMS).run(actions={"act": act}, background=True)
    try:
        assert begun.wait(30)
        time.sleep(0.1)
        found = check(chrome_trace(run.events))
        assert named(found, "each: unfinished")
        run.pause()
        time.sleep(0.1)
        run.cancel(force=force)
        if not force:
            time.sleep(0.1)
            gate.set()
        assert run.wait(30)
    finally:
        gate.set()
    found = check(chrome_trace(run.events))
    assert named(found, "each: cancelled")
    assert [each["name"] for each in found["i"]] == ["cancel requested"]
    assert named(found, "paused")[0]["dur"] >= 90_000
    given_up = [each for each in found["X"] if each["args"].get("status") == "cancelled"]
    assert (len(given_up) > 2) == force  # the run and the task are


ASKS = """
tasks:
  - {name: sure, action: core.ask, input: {prompt: "sure?"}, timeout: 0.1}
"""


def test_a_question_is_a_wait():
    _, found = traced(ASKS, {})
    (wait,) = named(found, "waits for an answer")
    assert wait["dur"] >= 100_000


def test_neither_inputs_nor_results_nor_secrets_are_told():
    text = """
tasks:
  - name: each
    action: act
    with_items: ["in-put-1"]
    input: {n: "{{ item }}", key: "{{ keystore.key }}"}
"""

    def act(n, key):
        raise ValueError(f"bad key {key}")

    run = attune_nb.loads(text).run(actions={"act": act}, keystore={"key": "hunter22"})
    for events in (run.events, run._log):  # noqa: SLF001 - what is not masked
        told = json.dumps(chrome_trace(events))
        assert "bad key ***" in told
        assert "hunter22" not in told
        assert "in-put-1" not in told


def test_what_is_written_is_what_is_given(tmp_path):
    run = attune_nb.loads(ITEMS).run(actions={"act": lambda n: 1})
    trace = chrome_trace(run.events)
    path = write_chrome_trace(tmp_path / "run.json", run.events)
    assert json.loads(path.read_text()) == trace
    packed = write_chrome_trace(str(tmp_path / "run.json.gz"), run.events)
    assert json.loads(gzip.decompress(packed.read_bytes())) == trace
    assert trace["otherData"]["run_id"] == run.run_id
    assert trace["otherData"]["started"] == run.started.isoformat()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run.json", "run.json.gz"]


def test_nothing_is_left_where_writing_fails(tmp_path):
    class Bad(list):
        def __iter__(self):
            yield from list.__iter__(self)
            raise OSError("no more")

    path = tmp_path / "run.json"
    with pytest.raises(OSError, match="no more"):
        write_chrome_trace(path, Bad([RunEnded(time=1.0, status="failed", output=None, error="x")]))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        write_chrome_trace(tmp_path / "no" / "run.json", [])


def test_a_run_of_which_nothing_is_known_is_a_trace_too():
    found = check(chrome_trace([]))
    assert [each["name"] for each in found["X"]] == ["workflow: unfinished"]


TIMES = st.floats(0, 10, allow_nan=False)
ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(0, 2), TIMES, TIMES,
              st.integers(0, 3)),
    max_size=12,
)  # fmt: skip


def batch_of(rows):
    columns = list(zip(*rows, strict=True)) or [()] * 6
    errors = {at: ErrorInfo(type="E", message="m") for at, row in enumerate(rows) if row[5] == 1}
    return Batch(
        index=array("q", columns[0]),
        attempt=array("q", columns[1]),
        worker=array("q", columns[2]),
        start=array("d", columns[3]),
        duration=array("d", columns[4]),
        status=bytes(columns[5]),
        results=[None] * len(rows),
        errors=errors,
    )


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3), TIMES, TIMES, ROWS), max_size=8),
    st.booleans(),
    st.booleans(),
)
def test_the_rules_hold_whatever_the_record(executions, with_items, ends):
    """Also where attempts overlap on a worker, come late, or belong to no known execution."""
    events = [RunStarted(time=0.0, run_id="r", workflow="w", started_at=1.0, parameters=None)]
    before = ()
    for task, visit, start, length, rows in executions:
        told = {"task": task, "visit": visit}
        if with_items or visit != 2:
            events.append(
                TaskStarted(
                    time=start,
                    total=None,
                    with_items=with_items,
                    concurrency=3,
                    causes=before,
                    **told,
                )
            )
        events.append(AttemptsEnded(time=start + length, batch=batch_of(rows), **told))
        if ends:
            events.append(
                TaskEnded(
                    time=start + length,
                    status="failed",
                    attempts=len(rows),
                    error=None,
                    fired=(),
                    handled=False,
                    **told,
                )
            )
        before = ((task, visit),)
    found = check(chrome_trace(events))
    attempts = [each for each in found["X"] if each["cat"] == "attempt"]
    assert len(attempts) == sum(len(rows) for *_, rows in executions)

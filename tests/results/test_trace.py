"""A run as a trace: it keeps the rules of the format, and its events match those of the run."""

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
from support.outcomes import wait_until

import attune_nb
from attune_nb.events import (
    FAILED,
    AttemptsEnded,
    Batch,
    ErrorInfo,
    RunEnded,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.results.trace.chrome import chrome_trace, write_chrome_trace

# the fields of each kind of event
REQUIRED = {
    "X": {"name", "cat", "pid", "tid", "ts", "dur", "args"},
    "M": {"name", "pid", "tid", "args"},
    "C": {"name", "pid", "tid", "ts", "args"},
    "i": {"name", "cat", "pid", "tid", "ts", "s"},
    "s": {"name", "cat", "pid", "tid", "ts", "id"},
    "f": {"name", "cat", "pid", "tid", "ts", "id", "bp"},
}


def nanoseconds(microseconds):
    return round(microseconds * 1000)


def check(trace):
    """Check a trace by the rules of the format; return its events by phase."""
    json.dumps(trace, allow_nan=False).encode()
    assert trace["displayTimeUnit"] in ("ms", "ns")

    by_phase = defaultdict(list)
    for event in trace["traceEvents"]:
        assert set(event) >= REQUIRED[event["ph"]] | {"ph"}, event
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        assert event.get("ts", 0) >= 0, event
        assert event.get("dur", 0) >= 0, event
        by_phase[event["ph"]].append(event)

    check_names(by_phase)
    check_nesting(by_phase["X"])
    check_arrows(by_phase, trace["traceEvents"])
    for event in by_phase["C"]:
        assert all(type(value) in (int, float) for value in event["args"].values())
    return by_phase


def thread_of(event):
    return event["pid"], event["tid"]


def check_names(by_phase):
    """Check that every process and thread has one name."""
    metadata = defaultdict(dict)
    for event in by_phase["M"]:
        own = metadata[thread_of(event)]
        assert event["name"] not in own
        own[event["name"]] = event["args"]

    processes = {pid for (pid, _), own in metadata.items() if "process_name" in own}
    for event in by_phase["X"] + by_phase["i"]:
        assert metadata[thread_of(event)]["thread_name"]["name"]
        assert event["pid"] in processes
    assert {event["pid"] for event in by_phase["C"]} <= processes

    # Perfetto names a thread by its number alone
    threads = [tid for (_, tid), own in metadata.items() if "thread_name" in own]
    assert len(threads) == len(set(threads))


def check_nesting(slices):
    """Check that the slices on each thread nest."""
    threads = defaultdict(list)
    for event in slices:
        threads[thread_of(event)].append(event)

    for thread in threads.values():
        open_ends = []
        for event in sorted(thread, key=slice_start):
            while open_ends and open_ends[-1] <= slice_start(event):
                open_ends.pop()
            assert not open_ends or slice_end(event) <= open_ends[-1], event
            open_ends.append(slice_end(event))


def slice_start(event):
    return nanoseconds(event["ts"])


def slice_end(event):
    return slice_start(event) + nanoseconds(event["dur"])


def check_arrows(by_phase, events):
    """Check that each arrow starts and ends in a slice that comes before it."""
    starts = {event["id"]: event for event in by_phase["s"]}
    ends = {event["id"]: event for event in by_phase["f"]}
    assert len(starts) == len(by_phase["s"])
    assert len(ends) == len(by_phase["f"])
    assert set(starts) == set(ends)

    for number, start in starts.items():
        end = ends[number]
        assert (start["name"], start["cat"]) == (end["name"], end["cat"])
        assert nanoseconds(start["ts"]) <= nanoseconds(end["ts"])
        assert events.index(start) < events.index(end)
        assert end["bp"] == "e"
        for event in (start, end):
            before = events[: events.index(event)]
            slices = [earlier for earlier in before if earlier["ph"] == "X"]
            assert any(holds(slice_event, event) for slice_event in slices), event


def holds(slice_event, event):
    """Return whether an event is on the thread of a slice, within its time."""
    if thread_of(slice_event) != thread_of(event):
        return False
    return slice_start(slice_event) <= nanoseconds(event["ts"]) <= slice_end(slice_event)


def of_category(by_phase, category):
    """Return the slices of a category."""
    return [event for event in by_phase["X"] if event["cat"] == category]


def names_of(events):
    return [event["name"] for event in events]


def arrows(by_phase):
    """Return the names of the task slices that each arrow joins."""
    tasks = of_category(by_phase, "task")
    ends = {event["id"]: event for event in by_phase["f"]}
    pairs = []
    for start in by_phase["s"]:
        # if one slice ends when the next begins, an arrow leaves the first and reaches the second
        end = ends[start["id"]]
        sources = [task for task in tasks if holds(task, start)]
        targets = [task for task in tasks if holds(task, end)]
        pairs.append((sources[0]["name"], targets[-1]["name"]))

    return sorted(pairs)


def named(by_phase, name):
    """Return the slices of a name."""
    return [event for event in by_phase["X"] if event["name"] == name]


def trace_run(text, actions, **options):
    """Run a workflow; return the run, and the events of its checked trace by phase."""
    run = attune_nb.loads(text).run(actions=actions, **options)
    return run, check(chrome_trace(run.events))


CHAIN = """
tasks:
  - {name: load, action: load, next: [{do: [left, right]}]}
  - {name: left, action: work, next: [{do: both}]}
  - {name: right, action: work, next: [{do: both}]}
  - {name: both, action: work, join: all, delay: 0.05, next: [{do: never}]}
  - {name: never, action: work, when: "{{ false }}"}
"""


def test_tasks_their_waits_and_the_arrows_between_them():
    run, by_phase = trace_run(CHAIN, {"load": lambda: 1, "work": lambda: time.sleep(0.02)})
    assert run.status == "succeeded"
    names = names_of(of_category(by_phase, "task"))
    assert names == ["load", "left", "right", "both", "never: skipped"]
    # a task that is skipped starts nothing, so no event has its causes
    assert arrows(by_phase) == [
        ("left", "both"),
        ("load", "left"),
        ("load", "right"),
        ("right", "both"),
    ]

    [delay] = named(by_phase, "delay")
    assert delay["dur"] >= 50_000
    assert delay["cat"] == "wait"
    attempts = named(by_phase, "attempt 1")
    assert len(attempts) == 4
    assert all(attempt["dur"] >= 20_000 for attempt in attempts[1:])
    [run_slice] = of_category(by_phase, "run")
    assert run_slice["dur"] == pytest.approx(run.duration_ms * 1000, abs=0.001)


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

    _, by_phase = trace_run(RETRIED, {"shaky": shaky})
    attempts = of_category(by_phase, "attempt")
    attempts = [attempt for attempt in attempts if "error" in attempt["args"]]
    assert names_of(attempts) == [f"attempt {number}: failed" for number in (1, 2, 3)]
    assert [attempt["args"]["attempt"] for attempt in attempts] == [1, 2, 3]
    assert {attempt["args"]["error"] for attempt in attempts} == {'ValueError: never "mind"'}
    assert attempts[1]["args"]["waited_ms"] >= 30

    waits = named(by_phase, "waits to be tried again")
    assert len(waits) == 2
    assert all(wait["dur"] >= 29_000 for wait in waits)

    [task] = named(by_phase, "shaky: failed")
    assert task["args"]["attempts"] == 3
    assert "mind" in task["args"]["error"]
    assert {event["tid"] for event in attempts + waits} == {task["tid"]}
    assert ("shaky: failed", "after") in arrows(by_phase)


ITEMS = """
tasks:
  - name: each
    action: act
    with_items: "{{ range(300) }}"
    concurrency: 6
    retry: {count: 1, delay: 0.01}
    input: {n: "{{ item }}"}
"""


def test_each_worker_has_a_thread_for_its_items():
    def act(n):
        time.sleep(0.001)
        if n % 50 == 0:
            raise ValueError(n)

    run, by_phase = trace_run(ITEMS, {"act": act}, backend="threads")
    attempts = of_category(by_phase, "attempt")
    assert len(attempts) == 306
    assert {attempt["args"]["index"] for attempt in attempts} == set(range(300))
    assert len({attempt["pid"] for attempt in attempts}) == 1
    thread_names = names_of_threads(by_phase)
    for attempt in attempts:
        name, _, _ = thread_names[attempt["tid"]].partition(" (")
        assert name == f"worker {attempt['args']['worker']}"

    retries = [attempt for attempt in attempts if attempt["args"]["attempt"] == 2]
    expected = {f"item {n}, attempt 2: failed" for n in range(0, 300, 50)}
    assert set(names_of(retries)) == expected
    assert all(retry["args"]["waited_ms"] >= 10 for retry in retries)
    assert len([name for name in names_of(by_phase["X"]) if name.endswith(" waits")]) == 6

    counts = [event["args"] for event in by_phase["C"]]
    assert counts[-1] == {"done": 300, "failed": 6}
    done = [count["done"] for count in counts]
    assert done == sorted(done)

    frame = run.attempts().sort_values(["index", "attempt"])
    ordered = sorted(attempts, key=item_and_number)
    milliseconds = [attempt["dur"] / 1e3 for attempt in ordered]
    assert milliseconds == pytest.approx(list(frame["duration_ms"]), abs=2e-3)


def names_of_threads(by_phase):
    names = {}
    for event in by_phase["M"]:
        if event["name"] == "thread_name":
            names[event["tid"]] = event["args"]["name"]
    return names


def item_and_number(attempt):
    return attempt["args"]["index"], attempt["args"]["attempt"]


PARALLEL = """
tasks:
  - name: both
    type: parallel
    tasks:
      - {name: a, action: work}
      - {name: b, action: work}
    next: [{do: after}]
  - {name: after, action: core.noop}
"""


def test_parallel_tasks_overlap_on_threads_of_their_own():
    both = threading.Barrier(2, timeout=60)

    def work():
        both.wait()
        time.sleep(0.05)

    _, by_phase = trace_run(PARALLEL, {"work": work}, backend="threads")
    [a] = named(by_phase, "both/a")
    [b] = named(by_phase, "both/b")
    assert a["tid"] != b["tid"]
    assert max(a["ts"], b["ts"]) < min(a["ts"] + a["dur"], b["ts"] + b["dur"])
    assert ("both", "after") in arrows(by_phase)


LOOP = """
tasks:
  - {name: first, action: core.noop, next: [{do: again}]}
  - name: again
    action: count
    next:
      - {when: "{{ result() < 4 }}", do: again}
"""


def test_a_cycle_leads_from_each_visit_to_the_next():
    numbers = itertools.count()
    run, by_phase = trace_run(LOOP, {"count": lambda: next(numbers)})
    assert run.status == "succeeded"

    tasks = of_category(by_phase, "task")
    visits = ["first", "again", "again #2", "again #3", "again #4", "again #5"]
    assert names_of(tasks) == visits
    assert arrows(by_phase) == sorted(itertools.pairwise(visits))
    assert len({task["tid"] for task in tasks}) == 2


@pytest.mark.parametrize("force", [False, True])
def test_a_cancelled_run_and_one_that_is_still_under_way(force):
    begun = threading.Event()
    gate = threading.Event()

    def act(n):
        if n == 5:
            begun.set()
        seconds = 90 if n >= 5 else 0.001
        gate.wait(seconds)

    run = attune_nb.loads(ITEMS).run(actions={"act": act}, background=True)
    try:
        assert begun.wait(60)
        by_phase = check(chrome_trace(run.events))
        assert named(by_phase, "each: unfinished")
        run.pause()
        wait_until(lambda: run.status == "paused")
        time.sleep(0.1)
        run.cancel(force=force)
        if not force:
            wait_until(lambda: run.status == "cancelling")
            gate.set()
        assert run.wait(60)
    finally:
        gate.set()

    by_phase = check(chrome_trace(run.events))
    assert named(by_phase, "each: cancelled")
    assert names_of(by_phase["i"]) == ["cancel requested"]
    assert named(by_phase, "paused")[0]["dur"] >= 90_000
    cancelled = [event for event in by_phase["X"] if event["args"].get("status") == "cancelled"]
    # the run and the task are cancelled, and with `force` also attempts
    assert (len(cancelled) > 2) == force


ASKS = """
tasks:
  - name: sure
    action: core.ask
    input: {prompt: "sure?"}
    timeout: 0.1
    next: [{when: "{{ timed_out() }}", do: noop}]
"""


def test_a_question_is_a_wait():
    _, by_phase = trace_run(ASKS, {})
    [wait] = named(by_phase, "waits for an answer")
    assert wait["dur"] >= 100_000


def test_no_inputs_results_or_secrets_are_shown():
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
    for events in (run.events, run._log):  # noqa: SLF001 - events before they are masked
        text = json.dumps(chrome_trace(events))
        assert "bad key ***" in text
        assert "hunter22" not in text
        assert "in-put-1" not in text


def test_the_file_has_the_same_trace(tmp_path):
    run = attune_nb.loads(ITEMS).run(actions={"act": lambda n: 1})
    trace = chrome_trace(run.events)
    path = write_chrome_trace(tmp_path / "run.json", run.events)
    assert json.loads(path.read_text()) == trace
    compressed = write_chrome_trace(str(tmp_path / "run.json.gz"), run.events)
    assert json.loads(gzip.decompress(compressed.read_bytes())) == trace
    assert trace["otherData"]["run_id"] == run.run_id
    assert trace["otherData"]["started"] == run.started.isoformat()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.json", "run.json.gz"]


def test_no_file_remains_if_writing_fails(tmp_path):
    class BrokenEvents(list):
        def __iter__(self):
            yield from list.__iter__(self)
            raise OSError("no more")

    path = tmp_path / "run.json"
    events = BrokenEvents([RunEnded(time=1.0, status="failed", output=None, error="x")])
    with pytest.raises(OSError, match="no more"):
        write_chrome_trace(path, events)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        write_chrome_trace(tmp_path / "no" / "run.json", [])


def test_no_events_make_a_trace_too():
    by_phase = check(chrome_trace([]))
    assert names_of(by_phase["X"]) == ["workflow: unfinished"]


TIMES = st.floats(0, 10, allow_nan=False)
INDEXES = st.integers(0, 5)
ATTEMPTS = st.integers(1, 3)
WORKERS = st.integers(0, 2)
STATUSES = st.integers(0, 3)
ROWS = st.lists(st.tuples(INDEXES, ATTEMPTS, WORKERS, TIMES, TIMES, STATUSES), max_size=12)
EXECUTIONS = st.tuples(st.sampled_from("abc"), st.integers(1, 3), TIMES, TIMES, ROWS)


def batch_of(rows):
    """Return a batch of rows: index, attempt, worker, start, duration, status."""
    errors = {}
    for number, (*_, status) in enumerate(rows):
        if status == FAILED:
            errors[number] = ErrorInfo(type="E", message="m")

    return Batch(
        index=array("q", [row[0] for row in rows]),
        attempt=array("q", [row[1] for row in rows]),
        worker=array("q", [row[2] for row in rows]),
        start=array("d", [row[3] for row in rows]),
        duration=array("d", [row[4] for row in rows]),
        status=bytes(row[5] for row in rows),
        results=[None] * len(rows),
        errors=errors,
    )


def start_event(task, visit, time, with_items, causes):
    return TaskStarted(
        time=time,
        task=task,
        visit=visit,
        total=None,
        with_items=with_items,
        concurrency=3,
        causes=causes,
    )


def end_event(task, visit, time, attempts):
    return TaskEnded(
        time=time,
        task=task,
        visit=visit,
        status="failed",
        attempts=attempts,
        error=None,
        fired=(),
        handled=False,
    )


@given(st.lists(EXECUTIONS, max_size=8), st.booleans(), st.booleans())
def test_the_rules_hold_for_any_record(executions, with_items, ends):
    """Also if attempts overlap on a worker, come late, or belong to no known execution."""
    events = [RunStarted(time=0.0, run_id="r", workflow="w", started_at=1.0, parameters=None)]
    causes = ()
    for task, visit, start, length, rows in executions:
        end = start + length
        if with_items or visit != 2:
            events.append(start_event(task, visit, start, with_items, causes))
        events.append(AttemptsEnded(time=end, task=task, visit=visit, batch=batch_of(rows)))
        if ends:
            events.append(end_event(task, visit, end, len(rows)))
        causes = ((task, visit),)

    by_phase = check(chrome_trace(events))
    attempts = of_category(by_phase, "attempt")
    assert len(attempts) == sum(len(rows) for *_, rows in executions)

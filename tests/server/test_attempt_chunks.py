"""Chunks of attempts: the contribution of events to the timeline of a run, read by SQL."""

import gzip
from unittest.mock import Mock

import numpy as np
import pytest
from support.attempt_chunks import read_chunks
from support.item_runs import until

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.events import NO_WORKER, AttemptsEnded, RetriesPlanned
from attune_nb.explore.attempts import STATUSES, read_attempts
from attune_nb.results.batches import batches_by_key
from attune_nb.server.drawing import attempt_chunks
from attune_nb.server.drawing.attempt_chunks import find_range, read_chunk

CHECK = """
parameters:
  key: {type: string, secret: true}
tasks:
  - name: prepare
    action: core.noop
    next: [{do: check}]
  - name: check
    action: check
    with_items: "{{ range(400) }}"
    report_every: 50
    retry: {count: 1, delay: 0}
    input: {n: "{{ item }}", key: "{{ parameters.key }}"}
    next: [{when: "{{ failed() }}", do: report}]
  - {name: report, action: core.noop}
"""

RESULT = "x" * 1_000


def check(n, key):
    if n % 100 == 7:
        raise ConnectionError(f"server {n} refused {key}")
    return {"server": n, "text": RESULT}


def run_check(store, text=CHECK, **options):
    workflow = attune_nb.loads(text, "health")
    options = {"parameters": {"key": "hunter2secret"}, "actions": {"check": check}, **options}
    return workflow.run(progress=False, store=store, **options)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("chunks") / "runs.db"


@pytest.fixture(scope="module")
def run(store):
    return run_check(store)


def by_attempt(tasks, columns):
    """Return the start and the duration of each attempt, by its task, index and number."""
    keys = zip(tasks, columns["index"].tolist(), columns["attempt"].tolist(), strict=True)
    times = zip(columns["start"].tolist(), columns["duration"].tolist(), strict=True)
    return dict(zip(keys, times, strict=True))


def assert_same(attempts, expected):
    """Assert that attempts are the same; times are rounded to microseconds."""
    assert attempts.keys() == expected.keys()
    for key, times in expected.items():
        assert attempts[key] == pytest.approx(times, abs=3e-6)


def tasks_of(head, columns):
    """Return the task of each attempt."""
    tasks = [head["tasks"][execution["task"]] for execution in head["executions"]]
    return [tasks[number] for number in columns["execution"].tolist()]


def test_a_chunk_has_the_attempts_of_the_run(store, run):
    ((head, columns),) = read_chunks(store, run.run_id)
    keys = [("prepare", 1), ("check", 1), ("report", 1)]
    expected = read_attempts(batches_by_key(run.events), keys)
    tasks = [keys[number][0] for number in expected.execution.tolist()]
    times = {name: getattr(expected, name) for name in ("start", "duration", "index", "attempt")}

    assert_same(by_attempt(tasks_of(head, columns), columns), by_attempt(tasks, times))


def test_small_chunks_have_together_what_one_has(store, run):
    ((head, columns),) = read_chunks(store, run.run_id)
    parts = list(read_chunks(store, run.run_id, most=60))

    assert len(parts) > 3
    attempts = {}
    for part, part_columns in parts:
        attempts |= by_attempt(tasks_of(part, part_columns), part_columns)
    assert_same(attempts, by_attempt(tasks_of(head, columns), columns))
    assert sum(part["count"] for part, _ in parts) == head["count"] == 406
    assert [part["after"] for part, _ in parts[1:]] == [part["last"] for part, _ in parts[:-1]]


def test_counts_of_executions_add_up_to_those_of_the_run(store, run):
    attempts = failed = 0
    for head, _ in read_chunks(store, run.run_id, most=60):
        for execution in head["executions"]:
            if head["tasks"][execution["task"]] == "check":
                attempts += execution.get("attempts", 0)
                failed += execution.get("failed", 0)
                last = execution
    assert (attempts, failed) == (404, 4)
    assert last["status"] == "failed"
    assert last["error"].startswith("4 of 400 items failed")


def test_a_failed_attempt_has_its_error_without_secrets(store, run):
    ((head, columns),) = read_chunks(store, run.run_id)
    failed = np.flatnonzero(columns["status"] == STATUSES.index("failed"))
    errors = {columns["index"][row]: head["errors"][columns["error"][row] - 1] for row in failed}

    assert errors[107] == {"type": "ConnectionError", "message": "server 107 refused ***"}
    assert sorted(errors) == [7, 107, 207, 307]
    assert not columns["error"][columns["status"] == 0].any()


def test_transitions_that_fired_are_counted(store, run):
    ((head, _),) = read_chunks(store, run.run_id)
    fired = {(head["tasks"][task], number): count for task, number, count in head["fired"]}
    assert fired == {("prepare", 0): 1, ("check", 0): 1}


def test_an_attempt_takes_at_most_12_bytes_on_the_way(store, run):
    chunk = read_chunk(store, find_range(store, run.run_id, -1, 200_000))
    assert len(gzip.compress(chunk.body, 1)) <= 12 * chunk.count


def watch(monkeypatch, name):
    """Return a mock that passes the calls of a function of the module on to it."""
    function = Mock(wraps=getattr(attempt_chunks, name))
    monkeypatch.setattr(attempt_chunks, name, function)
    return function


def test_only_texts_of_errors_are_decoded(store, run, monkeypatch):
    decode = watch(monkeypatch, "from_plain")
    list(read_chunks(store, run.run_id))

    values = [str(call.args[0]) for call in decode.call_args_list]
    assert "ConnectionError" in values
    assert not any(RESULT in value for value in values)


def test_results_of_attempts_that_succeeded_are_not_read(store, monkeypatch):
    run = run_check(store, CHECK.replace("range(400)", "range(8, 90)"))
    load = watch(monkeypatch, "load_data")
    ((head, _),) = read_chunks(store, run.run_id)

    assert head["count"] == 83
    assert not any(RESULT.encode() in call.args[1] for call in load.call_args_list)


def test_a_task_without_results_has_sums_of_attempts(store):
    text = CHECK.replace("    report_every: 50\n", "    keep_results: none\n")
    run = run_check(store, text)
    ((head, columns),) = read_chunks(store, run.run_id)

    spans = [span for span in head["spans"] if span[3] == STATUSES.index("succeeded")]
    assert sum(count for *_, count in spans) == 396
    assert all(end > start for _, start, end, *_ in spans)
    assert columns["index"][columns["status"] == STATUSES.index("failed")].size >= 4


def test_an_attempt_that_never_began_is_left_out(store):
    """Cancel a run while an item waits for its second attempt."""

    def refuse():
        raise ConnectionError

    text = "tasks: [{name: a, action: refuse, retry: {count: 1, delay: 3600}}]"
    options = {"actions": {"refuse": refuse}, "background": True, "progress": False}
    run = attune_nb.loads(text).run(store=store, **options)
    until(lambda: any(isinstance(event, RetriesPlanned) for event in run.events))
    run.cancel()
    run.wait()
    batches = [event.batch for event in run.events if isinstance(event, AttemptsEnded)]
    workers = [worker for batch in batches for worker in batch.worker]
    ((head, columns),) = read_chunks(store, run.run_id)

    assert NO_WORKER in workers
    assert columns["worker"].tolist() == [worker for worker in workers if worker != NO_WORKER]
    assert [head["statuses"][code] for code in columns["status"]] == ["failed"]


def test_a_run_that_is_gone_is_an_error(store, run):
    with pytest.raises(StoreError, match=r"^there is no run 000000000000"):
        find_range(store, "000000000000", -1, 100)

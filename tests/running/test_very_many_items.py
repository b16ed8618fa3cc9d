"""`keep_results: none`: very many items in constant memory, on every backend."""

import gc
import sqlite3
import sys
import threading
import tracemalloc

import cloudpickle
import pytest
from support import killed_workflows
from support.killed_processes import ProcessStarter

import attune_nb
from attune_nb.errors import WorkflowError
from attune_nb.events import AttemptsEnded
from attune_nb.results.batches import busy_spans

cloudpickle.register_pickle_by_value(sys.modules[__name__])

TEXT = """
name: many
parameters: {rows: {}}
tasks:
  - name: check
    action: work
    with_items: "{{ parameters.rows }}"
    concurrency: 4
    keep_results: none
    input: {x: "{{ item }}"}
    KEYS
    next: [{do: report, publish: [{failures: "{{ task.check.failures }}"}]}]
  - {name: report, action: core.noop, input: {}}
output_map:
  total: "{{ task.check.total_count }}"
  failed: "{{ task.check.failed_items }}"
  record: "{{ task('check').result }}"
  first: "{{ workflow.failures | first | default(none) }}"
"""

# bytes that an event of a batch takes at most
EVENT_BYTES = 3_000


@pytest.fixture(params=["inline", "threads", "processes", "dask"])
def backend(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return request.param


def double(x):
    return {"doubled": 2 * x, "text": "a result of its own"}


def fail_at_sevens(x):
    if x % 7 == 0:
        raise ValueError(f"no {x}")
    return x


def run_many(work, rows, keys="", **options):
    workflow = attune_nb.loads(TEXT.replace("KEYS", keys))
    defaults = {"progress": False, "store": None}
    return workflow.run({"rows": rows}, actions={"work": work}, **{**defaults, **options})


def numbers(count):
    yield from range(count)


def test_all_items_are_counted_and_no_result_is_kept(backend):
    run = run_many(double, numbers(3_000), backend=backend, workers=2)

    assert run.status == "succeeded"
    assert run.output == {"total": 3_000, "failed": 0, "record": None, "first": None}
    assert run.result("check") is None
    task = run.tasks.iloc[0]
    assert (task["attempts"], task["items"], task["failed_items"]) == (3_000, 3_000, 0)
    assert run.metrics["workflow.context.clone_count"] == 3_000
    assert "3,000/3,000" in repr(run)
    for event in run.events:
        if isinstance(event, AttemptsEnded) and event.task == "check":
            assert set(event.batch.results) <= {None}


def test_a_reader_gets_every_result(backend):
    total = 0

    def add(events):
        nonlocal total
        for event in events:
            if isinstance(event, AttemptsEnded):
                total += sum(result["doubled"] for result in event.batch.results)

    run_many(double, numbers(1_000), backend=backend, workers=2, readers=[add])
    assert total == sum(range(1_000)) * 2


def test_failures_are_counted_and_the_first_are_listed(backend):
    run = run_many(fail_at_sevens, numbers(7_700), backend=backend, workers=2)

    assert (run.output["total"], run.output["failed"]) == (7_700, 1_100)
    # the first that was reported: with several workers, any of them may report first
    index = run.output["first"]["index"]
    assert index % 7 == 0
    assert index == 0 or backend != "inline"
    assert run.output["first"] == {
        "index": index, "item": index, "error": f"no {index}", "error_type": "ValueError",
        "attempts": 1, "result": None,
    }  # fmt: skip
    failures = run.failures("check")
    assert len(failures) == 1_000
    assert all(failures["item"] == failures["index"])
    assert "1,100 of 7,700 items failed; the first 1,000 all with ValueError" in repr(run)
    note = "of its 1,100 failures the first 1,000 are listed"
    assert sum(note in alert for alert in run.alerts) == 1


def test_items_are_repeated_and_only_the_last_attempt_counts(backend, tmp_path):
    def fail_once(x):
        path = tmp_path / str(x)
        if x % 3 == 0 and not path.exists():
            path.touch()
            raise ValueError("not yet")
        return x

    keys = "retry: {count: 1, delay: 0}"
    run = run_many(fail_once, numbers(60), keys, backend=backend, workers=2)
    assert run.output == {"total": 60, "failed": 0, "record": None, "first": None}
    assert run.tasks.iloc[0]["attempts"] == 80


def test_a_retry_repeats_the_items_that_failed_for_good():
    attempted = []

    def work(x):
        attempted.append(x)
        return x if len(attempted) > 8_000 else fail_at_sevens(x)

    run = run_many(work, range(8_000))
    assert run.output["failed"] == 1_143
    attempted_before = len(attempted)
    again = run.retry(progress=False)
    assert sorted(attempted[attempted_before:]) == [x for x in range(8_000) if x % 7 == 0]
    assert again.output == {"total": 8_000, "failed": 0, "record": None, "first": None}


def test_a_generator_function_is_read_anew_by_a_retry():
    attempted = []

    def work(x):
        attempted.append(x)
        return x if len(attempted) > 100 else fail_at_sevens(x)

    def rows():
        yield from range(100)

    run = run_many(work, rows)
    assert run.output["failed"] == 15
    again = run.retry(progress=False)
    assert again.output == {"total": 100, "failed": 0, "record": None, "first": None}
    assert attempted[100:] == [*range(0, 100, 7)]
    assert run.retry(failed_only=False, progress=False).output["total"] == 100


def test_a_generator_function_has_no_parameters():
    run = run_many(double, numbers)
    message = run.errors()[0].message
    assert "cannot call the generator function: numbers() missing 1 required" in message


def test_no_more_items_begin_after_too_many_failures():
    run = run_many(fail_at_sevens, numbers(10**9), "max_failures: 3", backend="threads")
    task = run.tasks.iloc[0]
    assert task["failed_items"] >= 4
    assert task["attempts"] < 10_000
    assert "stopped after" in run.errors()[0].message


def test_a_cancelled_run_counts_the_items_that_ended():
    reached = threading.Event()

    def work(x):
        if x == 500:
            reached.set()
        return x

    run = run_many(work, numbers(10**9), backend="threads", background=True)
    reached.wait()
    run.cancel()
    run.wait()

    task = run.tasks.iloc[0]
    assert (run.status, task["status"]) == ("cancelled", "cancelled")
    assert task["items"] == task["attempts"] >= 500


def fail_early(x):
    return fail_at_sevens(x) if x < 7_700 else x


def traced_size(work, count, keys="", **options):
    """Return the bytes that a run over so many items holds when it has ended.

    A slow machine reports in more batches, so their events are left out.
    """
    run_many(work, numbers(10), keys, **options)
    tracemalloc.start()
    try:
        run = run_many(work, numbers(count), keys, **options)
        assert run.output["total"] == count
        size, _ = tracemalloc.get_traced_memory()
        size -= EVENT_BYTES * len(run.events)
    finally:
        tracemalloc.stop()
    return size


@pytest.mark.parametrize("recorded", [False, True], ids=["without a store", "on record"])
def test_memory_does_not_grow_with_the_items(tmp_path, recorded):
    options = {"backend": "inline"}
    if recorded:
        options["store"] = tmp_path / "runs.db"
    size_of_few = traced_size(fail_early, 10_000, **options)
    size_of_all = traced_size(fail_early, 60_000, **options)
    # of 50,000 items more, the rows alone would take 2.5 MB
    assert size_of_all - size_of_few < 1_000_000


def test_the_inputs_of_items_that_failed_for_good_are_dropped():
    sizes = []

    def read_size(count):
        for number in range(count):
            if number in (10_000, 29_999):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
            yield number

    tracemalloc.start()
    try:
        run = run_many(
            fail_at_sevens, read_size(30_000), "retry: {count: 1, delay: 0}", backend="inline"
        )
    finally:
        tracemalloc.stop()
    before, after = sizes
    # of 2,857 items more that have failed, the inputs alone would take 600 KB
    assert after - before - EVENT_BYTES * len(run.events) < 300_000


def test_a_sample_of_the_attempts_stands_for_all_of_them(tmp_path):
    run = run_many(double, numbers(20_000), store=tmp_path / "runs.db")
    attempts = run.attempts("check")
    assert len(attempts) < 12_000
    assert 19_000 < attempts["weight"].sum() < 21_000

    opened = attune_nb.open_run(run.run_id, tmp_path / "runs.db")
    for timed_run in (run, opened):
        axes = timed_run.timeline().axes[0]
        names = [label.get_text() for label in axes.get_yticklabels()]
        assert names[0].startswith("check\n")
        assert names[0].endswith("20,000")
        spans = busy_spans(timed_run.events)["check", 1]
        total = sum(span.running * (span.end - span.start) for span in spans)
        assert total == pytest.approx(sum(group.seconds for group in groups_of(timed_run)))
    run.to_chrome_trace(tmp_path / "trace.json")


def groups_of(run):
    for event in run.events:
        if isinstance(event, AttemptsEnded):
            yield from event.batch.groups


def test_the_record_holds_no_result_and_opens_again(tmp_path):
    store = tmp_path / "runs.db"
    run = run_many(double, numbers(5_000), store=store)
    with sqlite3.connect(store) as connection:
        rows = connection.execute("SELECT data FROM events").fetchall()
    assert not any(b"a result of its own" in data for (data,) in rows)

    opened = attune_nb.open_run(run.run_id, store)
    assert opened.output == run.output
    assert repr(opened.tasks) == repr(run.tasks)
    assert len(opened.attempts("check")) == len(run.attempts("check"))
    assert attune_nb.runs(store)["items"][0] == 5_000


@pytest.mark.slow
def test_a_resumed_run_repeats_no_item_on_record(tmp_path):
    store = tmp_path / "runs.db"
    done = tmp_path / "done.txt"
    starter = ProcessStarter()
    try:
        code = starter.run("unkept", kill_when=done, kill_after=0.3, store=store, done=done)
    finally:
        starter.close()
    assert code != 0

    interrupted = attune_nb.open_run(attune_nb.runs(store)["run_id"][0], store)
    recorded = int(interrupted.tasks.iloc[0]["attempts"])
    before = done.read_text().split()
    run = killed_workflows.resume_unkept(store, done)
    after = done.read_text().split()[len(before) :]

    count = killed_workflows.UNKEPT_ITEMS
    assert run.output == {"total": count, "failed": 0}
    assert len(after) == count - recorded
    assert set(before) | set(after) == {str(index) for index in range(count)}


def test_it_stands_only_beside_items():
    text = "tasks: [{name: a, action: core.noop, keep_results: none, input: {}}]"
    with pytest.raises(WorkflowError, match="can be `none` only beside `with_items`"):
        attune_nb.loads(text)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("result()", "`check` has no `result()`: the task has `keep_results: none`"),
        ("task.check.result", "`task.check` has no `result`: the task has `keep_results: none`"),
        ("task.check.successes", "`task.check` has no `successes`: the task has"),
    ],
)
def test_no_expression_may_read_its_results(expression, message):
    text = TEXT.replace("KEYS", "").replace("task.check.failures", expression)
    with pytest.raises(WorkflowError) as caught:
        attune_nb.loads(text)
    assert message in str(caught.value)

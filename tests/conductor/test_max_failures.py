"""`max_failures`: how a task ends of which too many items have failed, on every backend."""

import pytest
from msgspec.structs import replace
from support.manual_driver import ManualDriver, make_batch

import attune_nb
from attune_nb.conductor.fork_inputs import inputs_that_succeeded
from attune_nb.conductor.machine import replay
from attune_nb.conductor.recovery import recover
from attune_nb.conductor.state import StartTask
from attune_nb.events import AttemptsEnded

WORKFLOW = """
tasks:
  - name: check
    action: check
    with_items: ITEMS
    concurrency: 1
    max_failures: MOST
    input: {x: "{{ item }}"}
    MORE
"""
STOPPED = (
    "stopped after 1 failure, as `max_failures` is 0; 3 of 5 items not started; "
    "the first failure, index 1"
)  # fmt: skip


def text_of(most, items="[5, 0, 5, 0, 5]", more=""):
    text = WORKFLOW.replace("ITEMS", items).replace("MOST", str(most))
    return text.replace("MORE", more)


def check(x):
    if not x:
        raise ValueError("zero")
    return x


def run_over(runner, most, items="[5, 0, 5, 0, 5]", more="", action=check):
    return runner.run(text_of(most, items, more), check=action)


def statuses(run):
    return run.items("check")["status"].tolist()


def test_the_message_has_the_counts_and_the_first_failure(runner):
    run = run_over(runner, 0)
    assert run.status == "failed"
    assert run.error.startswith(f"task `check` failed: {STOPPED}: zero")


def test_items_that_never_began_are_skipped(runner):
    run = run_over(runner, 0)
    assert statuses(run) == ["succeeded", "failed", "skipped", "skipped", "skipped"]
    assert run.result("check") == [
        5,
        {"error": "zero", "error_type": "ValueError"},
        None,
        None,
        None,
    ]
    assert run.items("check")["item"].tolist() == [5, 0, 5, 0, 5]
    assert run.items("check")["attempts"].tolist() == [1, 1, 0, 0, 0]


def test_skipped_items_are_neither_failures_nor_successes(runner):
    more = "next: [{publish: [{task: '{{ task.check }}'}], do: noop}]"
    run = run_over(runner, 0, more=more)
    task = run.context.variables["task"]
    assert [row["index"] for row in task["failures"]] == [1]
    assert [row["index"] for row in task["successes"]] == [0]
    assert (task["total_count"], task["failed_items"]) == (5, 1)
    assert run.failures("check")["index"].tolist() == [1]
    assert run.successes("check")["index"].tolist() == [0]


def test_the_summary_counts_skipped_items(local_runner):
    run = run_over(local_runner, 0)
    assert "2/5 items, 1 failed, 3 skipped" in repr(run)
    text = "`check` failed: stopped by `max_failures`, 3 of 5 items not started: 1 failed with"
    assert text in repr(run)
    assert run.summary()[0]["skipped"] == "3"
    assert "<td" in run._repr_html_()
    assert "skipped" in run._repr_html_()


@pytest.mark.parametrize(
    ("most", "begun"),
    [(0, 2), (1, 4), (2, 5), ("'0%'", 2), ("'20%'", 4), ("'39.9%'", 4), ("'{{ 0 + 1 }}'", 4),
     ("'{{ 10 * 2 }}%'", 4)],
)  # fmt: skip
def test_one_failure_more_than_allowed_stops(local_runner, most, begun):
    run = run_over(local_runner, most)
    assert run.status == "failed"
    assert run.tasks["attempts"].tolist() == [begun]
    assert statuses(run).count("skipped") == 5 - begun


def test_as_many_failures_as_allowed_stop_nothing(runner):
    run = run_over(runner, 2)
    assert run.error.startswith(
        "task `check` failed: 2 of 5 items failed; the first, index 1: zero"
    )


def test_a_failure_of_the_last_item_skips_nothing(runner):
    run = run_over(runner, 0, "[5, 5, 0]")
    assert run.error.startswith(
        "task `check` failed: 1 of 3 items failed; the first, index 2: zero"
    )
    assert statuses(run) == ["succeeded", "succeeded", "failed"]


def test_an_item_fails_when_its_retries_are_used_up(local_runner):
    calls = []

    def check_twice(x):
        calls.append(x)
        if calls.count(x) == 1 or x == 3:
            raise ValueError("at first")

    run = run_over(local_runner, 0, "[1, 2, 3, 4]", "retry: {count: 1}", action=check_twice)
    assert [calls.count(x) for x in (1, 2, 3)] == [2, 2, 2]
    assert statuses(run)[:3] == ["succeeded", "succeeded", "failed"]


def test_an_error_that_is_not_retried_counts_at_once(local_runner):
    run = run_over(local_runner, 0, more="retry: {count: 2, on_error: KeyError}")
    assert run.tasks["attempts"].tolist() == [2]


def test_a_timeout_counts_as_a_failure(runner):
    def late(x):
        if not x:
            raise attune_nb.Timeout("too slow")
        return x

    run = run_over(runner, 0, action=late)
    assert statuses(run) == ["succeeded", "timed_out", "skipped", "skipped", "skipped"]
    assert run.error.startswith(f"task `check` timed out: {STOPPED}: too slow")


def test_the_failure_of_the_task_can_be_handled(local_runner):
    run = run_over(local_runner, 0, more="next: [{when: failed(), do: noop}]")
    assert run.status == "succeeded"


def test_a_source_of_unknown_length_is_read_no_further(local_runner):
    read = []

    def numbers():
        for number in range(1000):
            read.append(number)
            yield number - 3

    workflow = attune_nb.loads("parameters: {items: {}}\n" + text_of(0, "'{{ parameters.items }}'"))
    run = workflow.run(
        {"items": numbers()}, actions={"check": check}, backend=local_runner.backend, progress=False
    )
    assert "stopped after 1 failure, as `max_failures` is 0; no more items were read" in run.error
    assert len(read) <= 5
    assert statuses(run)[:4] == ["succeeded", "succeeded", "succeeded", "failed"]


@pytest.mark.parametrize(
    ("most", "words"),
    [
        ("'{{ parameters.items }}'", "`max_failures` must be an integer of 0 or more, or a share"),
        ("'{{ 10 }}%'", "`max_failures: 10%` needs the number of items, which the source"),
        ("'{{ 0 - 1 }}0%'", "`max_failures` must be an integer of 0 or more, or a share"),
    ],
)
def test_a_wrong_value_fails_the_task_at_its_start(most, words):
    workflow = attune_nb.loads(
        "parameters: {items: {}}\n" + text_of(most, "'{{ parameters.items }}'")
    )
    run = workflow.run({"items": iter([1])}, actions={"check": check}, progress=False)
    assert words in run.error
    (error,) = run.failures("check")["error"]
    assert words in error
    assert run.attempts().empty


def make_driver(most=0):
    """Return a driver of which two items have succeeded and one has failed."""
    driver = ManualDriver(text_of(most, "[1, 2, 3, 4, 5]"))
    rows = [(0, 1, "succeeded", 0), (2, 1, "failed", None), (1, 1, "succeeded", 1)]
    report(driver, make_batch(rows))
    return driver


def report(driver, batch):
    driver.feed(AttemptsEnded, task="check", visit=1, batch=batch)


def test_the_backend_is_told_the_limit():
    (start,) = make_driver("'50%'").commands(StartTask)
    assert start.max_failures == 2


def test_a_task_waits_for_the_items_that_have_begun():
    driver = make_driver()
    report(driver, replace(make_batch([]), begun=4))
    assert driver.ended_tasks == []

    report(driver, make_batch([(3, 1, "succeeded", 3)]))
    assert driver.ended_tasks == [("check", 1, "failed")]
    assert list(driver.state.executions["check", 1].outcome.result)[3:] == [3, None]


def test_a_task_waits_for_the_retries_of_items_that_have_begun():
    driver = ManualDriver(text_of(0, "[1, 2, 3]", "retry: {count: 1, on_error: WorkerLost}"))
    report(driver, replace(make_batch([(1, 1, "failed", None)]), begun=2))
    report(driver, make_batch([(0, 1, "timed_out", None)]))
    assert driver.ended_tasks == [("check", 1, "failed")]


def test_a_job_that_is_resumed_knows_its_failures():
    driver = make_driver()
    past = recover(driver.initial, driver.log)
    (job,) = past.jobs
    assert (job.failed, job.start.max_failures) == (1, 0)


def test_items_that_were_lost_with_the_engine_are_skipped():
    driver = make_driver()
    report(driver, replace(make_batch([]), begun=4))
    # the resumed job begins no item, and reports what had begun by the record
    report(driver, replace(make_batch([]), begun=3))
    assert driver.ended_tasks == [("check", 1, "failed")]


def test_a_replay_gives_the_same_end():
    driver = make_driver()
    report(driver, replace(make_batch([]), begun=3))
    state, _ = replay(driver.initial, driver.log)
    assert state == driver.state
    assert state.error == (
        "task `check` failed: stopped after 1 failure, as `max_failures` is 0; "
        "2 of 5 items not started; the first failure, index 2: it broke"
    )


def test_a_cancelled_run_ends_as_cancelled():
    driver = make_driver(1)
    driver.cancel()
    report(driver, replace(make_batch([]), total=3))
    assert driver.state.status == "cancelled"


def test_a_fork_without_the_limit_runs_the_skipped_items(local_runner):
    text = text_of(0, more="next: [{when: failed(), do: after}]")
    text += "  - {name: after, action: core.noop}\n"
    run = local_runner.run(text, check=check)
    workflow = attune_nb.loads(text.replace("max_failures: 0", "timeout: 9"))
    fork = run.fork("after", workflow=workflow, actions={"check": check}, progress=False)
    assert fork.items("check")["status"].tolist() == [
        "succeeded", "failed", "succeeded", "failed", "succeeded",
    ]  # fmt: skip


def test_a_source_that_fails_counts_as_a_failed_item(local_runner):
    def numbers():
        yield 5
        yield 6
        raise OSError("the disk is gone")

    workflow = attune_nb.loads("parameters: {items: {}}\n" + text_of(0, "'{{ parameters.items }}'"))
    run = workflow.run(
        {"items": numbers()}, actions={"check": check}, backend=local_runner.backend, progress=False
    )
    assert statuses(run) == ["succeeded", "succeeded", "failed"]


def test_a_retry_of_an_interrupted_run_repeats_the_failed_items():
    """Its record ends when the limit was exceeded, before the begun items are counted."""
    driver = make_driver()
    inputs = inputs_that_succeeded(driver.state, driver.log)
    (event,) = [event for event in inputs if isinstance(event, AttemptsEnded)]
    assert list(event.batch.index) == [0, 1]

"""The one reader of a run's events that progress, metrics, frames and traces share."""

from array import array

from attune_nb.events import (
    AlarmRang,
    AskOpened,
    AttemptsEnded,
    Batch,
    ErrorInfo,
    RetriesPlanned,
    RunStarted,
    TaskEnded,
    TaskStarted,
)
from attune_nb.results.timeline import TaskTimeline

ERROR = ErrorInfo(type="ValueError", message="bad")


def started(total=4, *, with_items=True, time=1.0):
    return TaskStarted(
        time=time,
        task="check",
        visit=1,
        total=total,
        with_items=with_items,
        concurrency=8,
        causes=(("first", 1),),
    )


def attempts(statuses, *, numbers=None, total=None, time=2.0):
    count = len(statuses)
    numbers = [1] * count if numbers is None else numbers
    batch = Batch(
        index=array("q", range(count)),
        attempt=array("q", numbers),
        worker=array("q", [0] * count),
        start=array("d", [time - 0.5] * count),
        duration=array("d", [0.5] * count),
        status=bytes(statuses),
        results=[None] * count,
        errors={row: ERROR for row, status in enumerate(statuses) if status},
        total=total,
    )
    return AttemptsEnded(time=time, task="check", visit=1, batch=batch)


def ended(time=5.0, status="succeeded", error=None):
    return TaskEnded(
        time=time,
        task="check",
        visit=1,
        status=status,
        attempts=0,
        error=error,
        fired=(),
        handled=False,
    )


def read(*events):
    timeline = TaskTimeline()
    timeline.read(events)
    return timeline.executions["check", 1]


def test_attempts_of_all_kinds_are_counted():
    execution = read(started(), attempts([0, 1, 2, 3]))

    assert execution.attempts == 4
    assert execution.failed_attempts == 2
    assert execution.cancelled == 1
    assert execution.last_error == "bad"
    assert execution.losses == "2 failed, 1 cancelled"
    assert execution.item_counts == "4/4"


def test_items_that_wait_for_another_attempt_are_retrying():
    planned = RetriesPlanned(time=2.0, task="check", visit=1, count=2)
    waiting = [started(), attempts([1, 2, 1, 0]), planned]
    assert read(*waiting).retrying == 2
    assert read(*waiting).losses == "1 failed, 2 retrying"

    again = attempts([0], numbers=[2], time=3.0)
    assert read(*waiting, again).losses == "1 failed, 1 retrying"
    assert read(*waiting, ended()).retrying == 0


def test_attempts_that_are_retried_are_not_counted_as_items():
    planned = RetriesPlanned(time=2.0, task="check", visit=1, count=1)
    again = attempts([0], numbers=[2], time=3.0)
    execution = read(started(), attempts([1, 0]), planned, again)

    assert execution.attempts == 3
    assert execution.done == 2
    assert execution.failed == 0
    assert execution.first_attempts == 2
    assert execution.retried_by_time == {2.0: 1}


def test_the_total_is_known_once_the_source_is_exhausted():
    assert read(started(None), attempts([0, 0])).total is None
    assert read(started(None), attempts([0, 0], total=2)).total == 2


def test_a_stopped_task_keeps_its_planned_total():
    execution = read(started(1000), attempts([0, 0], total=2))

    assert execution.total == 1000
    assert execution.exhausted_total == 2


def test_times_of_an_execution_are_kept():
    execution = read(
        started(with_items=False),
        AlarmRang(time=1.5, kind="delay", task="check", visit=1),
        AskOpened(time=1.75, task="check", visit=1, prompt="?", response_schema=None),
        attempts([0], time=2.0),
        ended(),
    )

    assert execution.started == 1.0
    assert execution.delay_ended == 1.5
    assert execution.question_opened == 1.75
    assert execution.first_start == 1.5
    assert execution.ended == 5.0
    assert execution.status == "succeeded"
    assert execution.causes == (("first", 1),)


def test_a_task_that_never_started_has_no_duration():
    execution = read(ended(status="failed", error=ERROR))

    assert execution.started == execution.ended == 5.0
    assert execution.error == ERROR
    assert execution.total == 1


def test_attempts_without_a_start_begin_with_the_first_of_them():
    assert read(attempts([0], time=2.0)).started == 1.5


def test_events_of_the_run_itself_belong_to_no_execution():
    timeline = TaskTimeline()
    start = RunStarted(time=0.5, run_id="r", workflow="w", started_at=0.0, parameters={})

    assert timeline.add(start) is None
    assert timeline.now == 0.5
    assert timeline.executions == {}

"""Durations of what is in progress count up; at the end all views agree on one."""

import re
import threading
import time

from support.outcomes import wait_until

import attune_nb
from attune_nb.display.panel import panel
from attune_nb.events import AskOpened, RunEnded, RunStarted, TaskStarted
from attune_nb.results.durations import format_duration
from attune_nb.results.progress import Progress

NAP = "tasks: [{name: nap, action: core.sleep, input: {seconds: 0.01}}]"
STARTED = RunStarted(time=0.0, run_id="r17", workflow="w", started_at=0.0, parameters={})


def start_task(**fields):
    values = {"visit": 1, "total": 1, "with_items": False, "concurrency": 1, "causes": ()}
    return TaskStarted(**{"time": 0.0, "task": "a", **values, **fields})


def start_gated_run(gate):
    """Start a run that ends once an event is set."""
    text = "tasks: [{name: nap, action: nap}]"
    actions = {"nap": lambda: gate.wait(90)}
    return attune_nb.loads(text).run(actions=actions, backend="threads", background=True)


def test_the_duration_of_a_run_in_progress_counts_up():
    gate = threading.Event()
    run = start_gated_run(gate)
    wait_until(run.summary)
    before = run.duration_ms
    row_before = run.summary()[0]["time"]
    time.sleep(0.2)

    assert run.duration_ms >= before + 190
    assert run.summary()[0]["time"] != row_before
    gate.set()
    assert run.wait(60)


def test_a_run_that_has_ended_stands_still():
    run = attune_nb.loads(NAP).run()
    before = run.duration_ms
    time.sleep(0.02)

    assert run.duration_ms == before == run.events[-1].time * 1000


def test_the_clock_of_a_paused_run_stands_still():
    gate = threading.Event()
    run = start_gated_run(gate)
    run.pause()
    wait_until(lambda: run.status == "paused")
    before = run.duration_ms
    time.sleep(0.05)

    assert run.duration_ms == before
    run.resume()
    gate.set()
    assert run.wait(60)


def test_the_printed_duration_is_that_of_the_run():
    """Also if the clock of a display was ahead."""
    run = attune_nb.loads(NAP).run()
    progress = Progress()
    progress.read(run.events[:-1])
    progress.now += 5
    progress.read(run.events[-1:])

    duration = format_duration(run.duration_ms / 1000)
    assert progress.heading() == f"nap: succeeded after {duration}"
    assert f"nap: succeeded after {duration}" in repr(run)


def test_a_task_in_progress_says_for_how_long():
    progress = Progress()
    progress.read([STARTED, start_task()])
    progress.now = 3.0

    assert "a  running for 3.0 s" in progress.text()
    assert ">running for 3.0 s<" in panel(progress)


def test_a_question_says_for_how_long_it_waits():
    progress = Progress()
    opened = AskOpened(time=2.0, task="a", visit=1, prompt="Shall we?", response_schema=None)
    progress.read([STARTED, start_task(), opened])
    progress.now = 7.0

    assert "a  waiting for 5.0 s" in progress.text()
    assert ">waiting for 5.0 s<" in panel(progress)


def test_the_panel_names_the_run_and_its_last_update():
    progress = Progress()
    progress.read([STARTED])

    page = str(panel(progress, "interrupt the kernel to cancel"))
    assert "interrupt the kernel to cancel · run r17" in page
    assert re.search(r"running, 0 ms · last update 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC", page)


def test_the_outcome_names_the_run():
    run = attune_nb.loads(NAP).run()
    assert isinstance(run.events[-1], RunEnded)
    assert f" run {run.run_id}<" in run._repr_html_()

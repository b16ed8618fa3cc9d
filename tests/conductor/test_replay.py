"""Every run ends, replays to the same events, and does not depend on the order of ends."""

import random
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import attune_nb
from attune_nb.conductor.machine import initial_state, replay
from attune_nb.events import TaskEnded

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


@st.composite
def workflows(draw, *, limits=True):
    """Draw the text of a workflow without cycles; with `limits`, some have `max_failures`."""
    count = draw(st.integers(3, 6))
    tasks = [draw(task_lines(number, count, limits=limits)) for number in range(count)]
    for number in range(1, count):
        if not has_source(tasks, number) and "    join: all" in tasks[number]:
            # a join needs a task that leads to it
            tasks[number].remove("    join: all")

    lines = ["tasks:"]
    for task in tasks:
        lines += task
    return "\n".join(lines) + "\n"


def has_source(tasks, number):
    """Return whether a task has a transition to the task of this number."""
    for lines in tasks:
        for line in lines:
            if "do: [" in line and f"t{number}" in line:
                return True
    return False


@st.composite
def task_lines(draw, number, count, *, limits):
    """Draw the lines of one of `count` tasks: `t0`, `t1`, ..."""
    lines = [f"  - name: t{number}", "    action: work"]
    size = draw(st.none() | st.integers(0, 6))
    item = 0 if size is None else "{{ item }}"
    lines.append(f"    input: {{task: {number}, item: '{item}'}}")
    concurrency = draw(st.sampled_from([1, 4]))
    if size is not None:
        lines += [f"    with_items: {list(range(size))}", f"    concurrency: {concurrency}"]

    retry = draw(st.integers(0, 2))
    if limits and size is not None and not retry and concurrency == 1:
        # with retries, or several items at once, chance decides which items begin
        limit = draw(st.sampled_from([None, "0", "1", "50%"]))
        if limit is not None:
            lines.append(f"    max_failures: {limit}")
    if retry:
        lines.append(f"    retry: {{count: {retry}}}")
    if number and draw(st.booleans()):
        lines.append("    join: all")

    later = [f"t{later_number}" for later_number in range(number + 1, count)]
    targets = []
    if later:
        targets = draw(st.lists(st.sampled_from(later), unique=True, max_size=2))
    if targets:
        condition = draw(st.sampled_from(["", 'when: "{{ succeeded() }}", ']))
        publish = f"publish: [{{v{number}: '{{{{ result() }}}}'}}], "
        lines.append(f"    next: [{{{condition}{publish}do: [{', '.join(targets)}]}}]")
    return lines


def make_actions(seed, *, sleep=False, attempts=None):
    """Return an action that fails at first, depending on the seed.

    Args:
        seed: Determines how often it fails for each item.
        sleep: Whether it takes a random time.
        attempts: The number of earlier attempts, by task and item.
    """
    attempts = dict(attempts or {})

    def work(task, item):
        if sleep:
            time.sleep(random.random() * 0.002)

        key = (task, int(item))
        attempts[key] = attempts.get(key, 0) + 1
        failures = random.Random(f"{seed} {task} {item}").choice([0, 0, 0, 1, 2, 9])
        if attempts[key] <= failures:
            raise ValueError(f"{task}/{item} failed")
        return [task, item]

    return {"work": work}


def task_ends(run):
    """Return how each execution of a task ended."""
    ends = {}
    for event in run.events:
        if isinstance(event, TaskEnded):
            result = run.result(event.task)
            end = (event.status, event.attempts, event.fired, event.handled, result)
            ends[event.task, event.visit] = end
    return ends


@QUICK
@given(workflows(), st.integers(0, 99), st.sampled_from(["inline", "threads"]))
def test_a_replay_gives_the_same_end_and_the_same_facts(text, seed, backend):
    workflow = attune_nb.loads(text)
    run = workflow.run(actions=make_actions(seed), backend=backend)

    assert run.has_ended
    assert run.status in ("succeeded", "failed")

    state, events = replay(initial_state(workflow), run.events)
    assert (state.status, state.output, state.error) == (run.status, run.output, run.error)
    assert events == run.events
    assert state.context.variables == run.context.variables
    assert state.active == 0


@settings(QUICK, max_examples=100)
@given(workflows(limits=False), st.integers(0, 99))
def test_results_do_not_depend_on_the_order_of_ends(text, seed):
    workflow = attune_nb.loads(text)
    ordered = workflow.run(actions=make_actions(seed), backend="inline")
    mixed = workflow.run(actions=make_actions(seed, sleep=True), backend="threads", concurrency=4)

    assert mixed.status == ordered.status
    assert task_ends(mixed) == task_ends(ordered)
    assert mixed.context.variables == ordered.context.variables

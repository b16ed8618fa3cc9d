"""Every run ends, tells the same story again, and does not care about completion order."""

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
def workflows(draw):
    count = draw(st.integers(3, 6))
    lines = ["tasks:"]
    for at in range(count):
        lines += [f"  - name: t{at}", "    action: work"]
        items = draw(st.none() | st.integers(0, 6))
        item = 0 if items is None else "{{ item }}"
        lines.append(f"    input: {{task: {at}, item: '{item}'}}")
        if items is not None:
            lines += [f"    with_items: {list(range(items))}", "    concurrency: 4"]
        retry = draw(st.integers(0, 2))
        if retry:
            lines.append(f"    retry: {{count: {retry}}}")
        if at and draw(st.booleans()):
            lines.append("    join: all")
        later = [f"t{n}" for n in range(at + 1, count)]
        chosen = draw(st.lists(st.sampled_from(later), unique=True, max_size=2)) if later else []
        if chosen:
            when = draw(st.sampled_from(["", 'when: "{{ succeeded() }}", ']))
            publish = f"publish: [{{v{at}: '{{{{ result() }}}}'}}], "
            lines.append(f"    next: [{{{when}{publish}do: [{', '.join(chosen)}]}}]")
    # a join needs someone that points at it
    text = "\n".join(lines) + "\n"
    for at in range(1, count):
        if not any(f"t{at}" in line for line in lines if "do: [" in line):
            before, here, after = text.partition(f"  - name: t{at}\n")
            own, rest_mark, rest = after.partition("  - name:")
            text = before + here + own.replace("    join: all\n", "") + rest_mark + rest
    return text


def actions(luck, sleep, tries=None):
    """Give an action that fails at first, as luck has it; `tries` were made before."""
    tries = {} if tries is None else dict(tries)

    def work(task, item):
        if sleep:
            time.sleep(random.random() * 0.002)
        key = (task, int(item))
        tries[key] = made = tries.get(key, 0) + 1
        if made <= random.Random(f"{luck} {task} {item}").choice([0, 0, 0, 1, 2, 9]):
            raise ValueError(f"{task}/{item} failed")
        return [task, item]

    return {"work": work}


def story(run):
    ended = [e for e in run.events if isinstance(e, TaskEnded)]
    return {
        (e.task, e.visit): (e.status, e.attempts, e.fired, e.handled, run.result(e.task))
        for e in ended
    }


@QUICK
@given(workflows(), st.integers(0, 99), st.sampled_from(["inline", "threads"]))
def test_a_replay_gives_the_same_end_and_the_same_facts(text, luck, backend):
    workflow = attune_nb.loads(text)
    run = workflow.run(actions=actions(luck, sleep=False), backend=backend)
    assert run.has_ended
    assert run.status in ("succeeded", "failed")
    state, told = replay(initial_state(workflow), run.events)
    assert (state.status, state.output, state.error) == (run.status, run.output, run.error)
    assert told == run.events
    assert state.context.variables == run.context.variables
    assert state.active == 0


@settings(QUICK, max_examples=100)
@given(workflows(), st.integers(0, 99))
def test_results_do_not_depend_on_the_order_in_which_items_end(text, luck):
    workflow = attune_nb.loads(text)
    plain = workflow.run(actions=actions(luck, sleep=False), backend="inline")
    mixed = workflow.run(actions=actions(luck, sleep=True), backend="threads", concurrency=4)
    assert mixed.status == plain.status
    assert story(mixed) == story(plain)
    assert mixed.context.variables == plain.context.variables

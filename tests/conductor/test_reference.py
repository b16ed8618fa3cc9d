"""The conductor against a second reading of the language, on workflows of any shape."""

import random
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from support.random_workflows import joins, load
from support.reference_interpreter import CONDITIONS, Reference

import attune_nb
from attune_nb.events import TaskEnded

QUICK = settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
NOOP = {"action": "core.noop"}
ITEMS = {"with_items": [10, 20, 30], "concurrency": 2}
RETRIES = st.sampled_from([{}, {"count": 1}, {"count": 2, "on_error": "broke"}])


@st.composite
def flows(draw, *, cycles, retries):
    count = draw(st.integers(1, 7))
    tasks = []
    for at in range(count):
        task = {"name": f"t{at}", **draw(bodies(retries=retries))}
        if draw(st.integers(0, 4)) == 0:
            task["when"] = draw(st.sampled_from(["false", "workflow.m.none", "workflow.n > 1"]))
        if not cycles and task.get("when") == "workflow.n > 1":
            del task["when"]  # another branch would decide it
        task["next"] = draw(st.lists(steps(at, count, cycles=cycles), max_size=3))
        tasks.append(task)
    draw(joins(tasks))
    flow = {"vars": {"n": 0, "m": {}, "trace": ""}, "tasks": tasks}
    if draw(st.booleans()):
        flow["output_map"] = {"n": "{{ workflow.n }}", "trace": "{{ workflow.trace }}"}
    return flow


@st.composite
def bodies(draw, *, retries):
    def plain():
        retry = draw(RETRIES) if retries else {}
        return {**NOOP, **({"retry": retry} if retry else {})}

    kind = draw(st.sampled_from(["plain", "plain", "items", "empty", "parallel"]))
    if kind == "plain":
        return plain()
    if kind == "items":
        return {**plain(), **ITEMS}
    if kind == "empty":
        return {**plain(), "with_items": []}
    parts = [{"name": "p", **plain()}, {"name": "q", **plain(), **ITEMS}]
    parts.append({"name": "r", "type": "parallel", "tasks": [{"name": "s", **plain()}]})
    if draw(st.booleans()):
        parts.append(
            {"name": "u", **NOOP, "when": draw(st.sampled_from(["false", "workflow.m.none"]))}
        )
    return {"type": "parallel", "tasks": parts}


@st.composite
def steps(draw, at, count, *, cycles):
    if cycles and at and draw(st.integers(0, 2)) == 0:
        target = f"t{draw(st.integers(1, at))}"
        publish = [{"n": "{{ workflow.n + 1 }}"}]
        return {"when": "workflow.n < 4", "publish": publish, "do": [target]}
    own = ["succeeded()", "failed()", "timed_out()", "skipped()", "workflow.m.none"]
    when = draw(st.sampled_from([None, None, *own, *(["workflow.n > 1"] if cycles else [])]))
    later = [f"t{each}" for each in range(at + 1, count)]
    targets = st.sampled_from([*later, *later, *later, "noop", "fail"])
    publish = draw(
        st.lists(st.sampled_from(["{{ result() }}", "{{ workflow.m.none }}"]), max_size=1)
    )
    return {
        **({} if when is None else {"when": when}),
        "publish": [{f"v{at}": value} for value in publish],
        "do": draw(st.lists(targets, max_size=3, unique=True)),
    }


def text_of(flow):
    """Write what the reference does by itself into the workflow: the trace of its transitions."""
    tasks = []
    for task in flow["tasks"]:
        steps = []
        for step in task["next"]:
            trace = f"{{{{ workflow.trace }}}}{task['name']}>{','.join(step['do'])};"
            steps.append({**step, "publish": [*step.get("publish", ()), {"trace": trace}]})
        tasks.append({**with_index(task), "next": steps})
    return {**flow, "tasks": tasks}


def with_index(task):
    if task.get("type") == "parallel":
        return {**task, "tasks": [with_index(each) for each in task["tasks"]]}
    return {**task, "input": {"index": "{{ index }}" if "with_items" in task else 0}}


def outcomes(luck):
    def outcome(path, index, number):
        chosen = random.Random(f"{luck} {path} {index} {number}")
        return chosen.choice(["succeeded"] * 4 + ["failed", "failed", "timed_out"])

    return outcome


def mocks(workflow, outcome):
    made = Counter()

    def mock(path):
        def act(given):
            index = given["index"]
            made[path, index] += 1
            how = outcome(path, index, made[path, index])
            if how == "failed":
                raise ValueError("it broke")
            if how == "timed_out":
                raise attune_nb.Timeout("too slow")
            return [path, index]

        return act

    return {path: mock(path) for path, task in workflow.walk() if task.action}


def both(flow, luck):
    try:
        workflow = load(text_of(flow))
    except attune_nb.WorkflowError as error:
        assert "could never start" in str(error)
        reject()
    run = workflow.run(mock=mocks(workflow, outcomes(luck)), backend="inline", progress=False)
    return run, Reference(flow, outcomes(luck))


def story(run):
    return [(e.task, e.visit, e.status, e.attempts) for e in run.events if isinstance(e, TaskEnded)]


def check_end(run, reference):
    assert run.status == reference.status
    assert run.output == reference.output
    said = run.error or ""
    named = set(re.findall(r"task `(\w+)` (?:failed|timed out)", said))
    assert named == set(reference.unhandled)
    assert ("went to `fail`" in said) == reference.went_to_fail
    assert dict(re.findall(r"join `(\w+)` was never met: it still waited for ([\w, ]+)", said)) == {
        name: ", ".join(names) for name, names in reference.unmet.items()
    }
    for path, result in reference.results.items():
        if path in reference.tasks and result is not None:
            assert run.result(path) == result


@QUICK
@given(flows(cycles=True, retries=False), st.integers(0, 9))
def test_in_the_order_of_the_text_all_is_the_same(flow, luck):
    run, reference = both(flow, luck)
    assert story(run) == reference.ended
    assert dict(run.context.variables) == reference.variables
    check_end(run, reference)


@QUICK
@given(flows(cycles=False, retries=True), st.integers(0, 9))
def test_what_does_not_depend_on_the_order_is_the_same(flow, luck):
    """A retry ends later than the text says; only what no order can change is compared."""
    flow.pop("output_map", None)
    run, reference = both(flow, luck)
    assert sorted(story(run)) == sorted(reference.ended)
    hidden = {"trace": ""}
    assert {**run.context.variables, **hidden} == {**reference.variables, **hidden}
    fired = [
        sorted(each["trace"].split(";")) for each in (run.context.variables, reference.variables)
    ]
    assert fired[0] == fired[1]
    check_end(run, reference)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_reference_knows_every_condition_that_is_drawn(condition):
    assert callable(CONDITIONS[condition])

"""The conductor against a second interpreter of the language, on random workflows."""

import random
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from support.random_workflows import add_joins, load_flow
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
FAILED = ("failed", "timed_out")
# what an error says of tasks that led to `fail`
WENT_TO_FAIL = r"task `\w+` (?:(?!; task `|; join `).)*?(?:went to|then) `fail`"
NOOP = {"action": "core.noop"}
ITEMS = {"with_items": [10, 20, 30], "concurrency": 2}
RETRIES = st.sampled_from([{}, {"count": 1}, {"count": 2, "on_error": "broke"}])


@st.composite
def flows(draw, *, cycles, retries):
    """Draw a workflow that the reference interpreter understands."""
    count = draw(st.integers(1, 7))
    tasks = []
    for number in range(count):
        task = {"name": f"t{number}", **draw(bodies(retries=retries))}
        if draw(st.integers(0, 4)) == 0:
            task["when"] = draw(st.sampled_from(["false", "workflow.m.none", "workflow.n > 1"]))
        if not cycles and task.get("when") == "workflow.n > 1":
            # another branch would decide it
            del task["when"]
        task["next"] = draw(st.lists(transitions(number, count, cycles=cycles), max_size=3))
        tasks.append(task)
    draw(add_joins(tasks))

    flow = {"vars": {"n": 0, "m": {}, "trace": ""}, "tasks": tasks}
    if draw(st.booleans()):
        flow["output_map"] = {"n": "{{ workflow.n }}", "trace": "{{ workflow.trace }}"}
    return flow


@st.composite
def plain_bodies(draw, *, retries):
    body = dict(NOOP)
    retry = draw(RETRIES) if retries else {}
    if retry:
        body["retry"] = retry
    return body


@st.composite
def bodies(draw, *, retries):
    """Draw a task without its name and transitions."""
    plain = plain_bodies(retries=retries)
    kind = draw(st.sampled_from(["plain", "plain", "items", "limited", "empty", "parallel"]))
    if kind == "plain":
        return draw(plain)
    if kind == "items":
        return {**draw(plain), **ITEMS}
    if kind == "limited":
        return {**NOOP, "with_items": [10, 20, 30], "max_failures": draw(st.integers(0, 2))}
    if kind == "empty":
        return {**draw(plain), "with_items": []}

    inner_tasks = [
        {"name": "p", **draw(plain)},
        {"name": "q", **draw(plain), **ITEMS},
        {"name": "r", "type": "parallel", "tasks": [{"name": "s", **draw(plain)}]},
    ]
    if draw(st.booleans()):
        condition = draw(st.sampled_from(["false", "workflow.m.none"]))
        inner_tasks.append({"name": "u", **NOOP, "when": condition})
    return {"type": "parallel", "tasks": inner_tasks}


@st.composite
def transitions(draw, number, count, *, cycles):
    """Draw a transition: a limited one to an earlier task, or one to later tasks."""
    if cycles and number and draw(st.integers(0, 2)) == 0:
        target = f"t{draw(st.integers(1, number))}"
        publish = [{"n": "{{ workflow.n + 1 }}"}]
        return {"when": "workflow.n < 4", "publish": publish, "do": [target]}

    conditions = [None, None, "succeeded()", "failed()", "timed_out()", "skipped()"]
    conditions.append("workflow.m.none")
    if cycles:
        conditions.append("workflow.n > 1")
    condition = draw(st.sampled_from(conditions))

    later = [f"t{later_number}" for later_number in range(number + 1, count)]
    targets = st.sampled_from([*later, *later, *later, "noop", "fail"])
    values = st.sampled_from(["{{ result() }}", "{{ workflow.m.none }}"])
    transition = {
        "publish": [{f"v{number}": value} for value in draw(st.lists(values, max_size=1))],
        "do": draw(st.lists(targets, max_size=3, unique=True)),
    }
    if condition is not None:
        transition["when"] = condition
    return transition


def add_trace(flow):
    """Return the workflow with a trace of its transitions, which the reference has by itself."""
    tasks = []
    for task in flow["tasks"]:
        transitions = []
        for transition in task["next"]:
            targets = ",".join(transition["do"])
            trace = {"trace": f"{{{{ workflow.trace }}}}{task['name']}>{targets};"}
            transitions.append({**transition, "publish": [*transition["publish"], trace]})

        tasks.append({**add_index(task), "next": transitions})
    return {**flow, "tasks": tasks}


def add_index(task):
    """Return the task with the index of its item as input."""
    if task.get("type") == "parallel":
        return {**task, "tasks": [add_index(inner) for inner in task["tasks"]]}
    index = "{{ index }}" if "with_items" in task else 0
    return {**task, "input": {"index": index}}


def random_outcomes(seed):
    def outcome(path, index, number):
        generator = random.Random(f"{seed} {path} {index} {number}")
        return generator.choice(["succeeded"] * 4 + ["failed", "failed", "timed_out"])

    return outcome


def make_mocks(workflow, outcome):
    """Return mocks of all actions that end as `outcome` returns."""
    attempts = Counter()

    def make_mock(path):
        def mock(values):
            index = values["index"]
            attempts[path, index] += 1
            status = outcome(path, index, attempts[path, index])

            if status == "failed":
                raise ValueError("it broke")
            if status == "timed_out":
                raise attune_nb.Timeout("too slow")
            return [path, index]

        return mock

    return {path: make_mock(path) for path, task in workflow.walk() if task.action}


def run_both(flow, seed):
    """Run a workflow with attune_nb and with the reference interpreter."""
    try:
        workflow = load_flow(add_trace(flow))
    except attune_nb.WorkflowError as error:
        assert "could never start" in str(error)
        reject()

    mocks = make_mocks(workflow, random_outcomes(seed))
    run = workflow.run(mock=mocks, backend="inline", progress=False)
    return run, Reference(flow, random_outcomes(seed))


def task_ends(run):
    """Return the path, visit, status and attempts of the tasks, in order of their ends."""
    ends = [event for event in run.events if isinstance(event, TaskEnded)]
    return [(end.task, end.visit, end.status, end.attempts) for end in ends]


def failed_tasks(message):
    """Return the tasks that failed or timed out according to a message."""
    return set(re.findall(r"task `(\w+)` (?:failed|timed out)", message))


def check_end(run, reference):
    assert run.status == reference.status
    assert run.output == reference.output

    error = run.error or ""
    went_to_fail = re.findall(WENT_TO_FAIL, error)
    assert bool(went_to_fail) == reference.went_to_fail
    unhandled_part = re.sub(WENT_TO_FAIL, "", error)
    assert failed_tasks(unhandled_part) == set(reference.unhandled)
    causes = failed_tasks(" ".join(went_to_fail))
    assert causes <= {path for path, _, status, _ in task_ends(run) if status in FAILED}
    unmet = re.findall(r"join `(\w+)` was never met: it still waited for ([\w, ]+)", error)
    assert dict(unmet) == {name: ", ".join(names) for name, names in reference.unmet.items()}

    for path, result in reference.results.items():
        if path in reference.tasks and result is not None:
            assert run.result(path) == result


@QUICK
@given(flows(cycles=True, retries=False), st.integers(0, 9))
def test_without_retries_both_interpreters_agree(flow, seed):
    """Without retries tasks end in the order of the text, so all is compared."""
    run, reference = run_both(flow, seed)
    assert task_ends(run) == reference.ended_tasks
    assert dict(run.context.variables) == reference.variables

    check_end(run, reference)


@QUICK
@given(flows(cycles=False, retries=True), st.integers(0, 9))
def test_with_retries_both_agree_except_on_the_order(flow, seed):
    """A retry ends later than in the text, so only facts that no order can change are compared."""
    flow.pop("output_map", None)
    run, reference = run_both(flow, seed)
    assert sorted(task_ends(run)) == sorted(reference.ended_tasks)

    variables = dict(run.context.variables)
    fired = variables.pop("trace").split(";")
    expected = dict(reference.variables)
    expected_fired = expected.pop("trace").split(";")

    assert variables == expected
    assert sorted(fired) == sorted(expected_fired)

    check_end(run, reference)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_condition_of_the_reference_is_callable(condition):
    assert callable(CONDITIONS[condition])

"""Small random workflows, as data."""

import json

from hypothesis import strategies as st

import attune_nb

CONDITIONS = (None, None, "succeeded()", "failed()", "timed_out()", "workflow.n > 1", "skipped()")
REPEAT = {"when": "{{ workflow.n < 3 }}", "publish": [{"n": "{{ workflow.n + 1 }}"}]}


@st.composite
def flows(draw):
    """Draw a workflow with most features of the language. Its cycles come to an end."""
    count = draw(st.integers(1, 6))
    tasks = [draw(numbered_task(number, count)) for number in range(count)]
    draw(add_joins(tasks))

    flow = {"vars": {"n": 0, "m": {}}, "tasks": tasks}
    if draw(st.booleans()):
        flow["output_map"] = {"n": "{{ workflow.n }}"}
    if draw(st.integers(0, 3)) == 0:
        flow["timeout"] = 60
    if draw(st.booleans()):
        flow["cancellation_policy"] = "cancel_running"
    return flow


@st.composite
def numbered_task(draw, number, count):
    """Draw one of `count` tasks: `t0`, `t1`, ..."""
    task = {"name": f"t{number}", **draw(st.sampled_from(BODIES))}
    if draw(st.integers(0, 5)) == 0:
        task["when"] = draw(st.sampled_from(["false", "workflow.n > 1", "workflow.m.none"]))
    if draw(st.integers(0, 5)) == 0:
        task["delay"] = 1
    task["next"] = draw(st.lists(transitions(number, count), max_size=3))
    return task


@st.composite
def add_joins(draw, tasks):
    """Turn some of the tasks that transitions lead to into joins."""
    for task in tasks:
        name = task["name"]
        sources = [source["name"] for source in tasks if leads_to(source, name)]
        if sources and name not in sources and draw(st.booleans()):
            task["join"] = draw(st.sampled_from(["all", *range(1, len(sources) + 1)]))


def leads_to(task, name):
    return any(name in transition["do"] for transition in task["next"])


@st.composite
def transitions(draw, number, count):
    """Draw a transition: a limited one to an earlier task, or one to later tasks."""
    if number and draw(st.integers(0, 3)) == 0:
        return {**REPEAT, "do": [f"t{draw(st.integers(1, number))}"]}

    transition = {}
    condition = draw(st.sampled_from(CONDITIONS))
    if condition is not None:
        transition["when"] = condition
    publish = draw(st.sampled_from([None, None, ["v"], [{"v": "{{ workflow.m.none }}"}]]))
    if publish is not None:
        transition["publish"] = publish

    later = [f"t{later_number}" for later_number in range(number + 1, count)]
    targets = st.sampled_from([*later, *later, "noop", "fail"])
    transition["do"] = draw(st.lists(targets, max_size=3, unique=True))
    return transition


PLAIN = {"action": "core.noop"}
ITEMS = {**PLAIN, "with_items": "{{ range(4) }}", "concurrency": 2}
ASK = {"action": "core.ask", "input": {"prompt": "go?"}}
PARALLEL = {
    "type": "parallel",
    "tasks": [
        {"name": "p", **PLAIN, "retry": {"count": 1}},
        {"name": "q", **ITEMS, "delay": 1},
        {"name": "r", "type": "parallel", "tasks": [{"name": "s", **ASK}], "delay": 2},
        {"name": "u", **PLAIN, "when": "workflow.n > 1"},
    ],
}
BODIES = (
    PLAIN,
    PLAIN,
    {**PLAIN, "retry": {"count": 2, "delay": 1}},
    {**PLAIN, "retry": {"count": 2, "on_error": "WorkerLost"}},
    ITEMS,
    {**ITEMS, "retry": {"count": 1, "delay": 1, "backoff": "linear"}},
    {**ITEMS, "with_items": []},
    {**ITEMS, "with_items": "{{ workflow.n }}"},
    {**ITEMS, "with_items": "{{ config.lazy }}", "concurrency": 1},
    {**ITEMS, "with_items": "{{ config.lazy }}", "retry": {"count": 1}},
    {**ITEMS, "batch_size": 3},
    {**ITEMS, "max_failures": 0},
    {**ITEMS, "max_failures": "30%", "retry": {"count": 1}},
    {**ITEMS, "with_items": "{{ config.lazy }}", "max_failures": 1},
    ASK,
    {**ASK, "timeout": 5},
    {**PLAIN, "wait_for": {"inquiry": 1}},
    {**PLAIN, "wait_for": {"inquiry": 2}, "retry": {"count": 1}},
    {**PLAIN, "wait_for": {"inquiry": "{{ workflow.n + 1 }}"}},
    PARALLEL,
)


def load_flow(flow):
    """Load a workflow from data. JSON is YAML."""
    return attune_nb.loads(json.dumps(flow, indent=1))

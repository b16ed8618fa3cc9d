"""Small workflows of any shape, as data."""

import json

from hypothesis import strategies as st

import attune_nb

CONDITIONS = (None, None, "succeeded()", "failed()", "timed_out()", "workflow.n > 1", "skipped()")
AGAIN = {"when": "{{ workflow.n < 3 }}", "publish": [{"n": "{{ workflow.n + 1 }}"}]}


@st.composite
def flows(draw):
    """Give a workflow with most of what the language has; its cycles come to an end."""
    count = draw(st.integers(1, 6))
    tasks = [draw(task_at(at, count)) for at in range(count)]
    draw(joins(tasks))
    flow = {"vars": {"n": 0, "m": {}}, "tasks": tasks}
    if draw(st.booleans()):
        flow["output_map"] = {"n": "{{ workflow.n }}"}
    if draw(st.integers(0, 3)) == 0:
        flow["timeout"] = 60
    if draw(st.booleans()):
        flow["cancellation_policy"] = "cancel_running"
    return flow


@st.composite
def task_at(draw, at, count):
    task = {"name": f"t{at}", **draw(st.sampled_from(KINDS))}
    if draw(st.integers(0, 5)) == 0:
        task["when"] = draw(st.sampled_from(["false", "workflow.n > 1", "workflow.m.none"]))
    if draw(st.integers(0, 5)) == 0:
        task["delay"] = 1
    task["next"] = draw(st.lists(transitions(at, count), max_size=3))
    return task


@st.composite
def joins(draw, tasks):
    """Let some of the tasks that others point at join them."""
    for task in tasks:
        name = task["name"]
        sources = [t["name"] for t in tasks if any(name in step["do"] for step in t["next"])]
        if sources and name not in sources and draw(st.booleans()):
            task["join"] = draw(st.sampled_from(["all", *range(1, len(sources) + 1)]))


@st.composite
def transitions(draw, at, count):
    if at and draw(st.integers(0, 3)) == 0:
        return {**AGAIN, "do": [f"t{draw(st.integers(1, at))}"]}
    step = {}
    when = draw(st.sampled_from(CONDITIONS))
    if when is not None:
        step["when"] = when
    publish = draw(st.sampled_from([None, None, ["v"], [{"v": "{{ workflow.m.none }}"}]]))
    if publish is not None:
        step["publish"] = publish
    later = [f"t{each}" for each in range(at + 1, count)]
    targets = st.sampled_from([*later, *later, "noop", "fail"])
    step["do"] = draw(st.lists(targets, max_size=3, unique=True))
    return step


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
KINDS = (
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
    ASK,
    {**ASK, "timeout": 5},
    PARALLEL,
)


def load(flow):
    """Read a workflow that is given as data (JSON is YAML)."""
    return attune_nb.loads(json.dumps(flow, indent=1))

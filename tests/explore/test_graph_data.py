"""The graph of a run as the page draws it: boxes beside each other, lines from box to box."""

import re
from itertools import combinations

import attune_nb
from attune_nb.explore.graph import build_graph

SERVICE = """
tasks:
  - name: build
    action: core.noop
    next: [{do: [checks, notify]}]
  - name: checks
    type: parallel
    tasks:
      - {name: unit, action: core.noop}
      - {name: style, action: core.fail, input: {message: unused import}}
    next:
      - {when: "{{ failed() }}", do: repair}
      - {when: "{{ succeeded() }}", do: noop}
  - {name: notify, action: core.noop}
  - {name: repair, action: core.noop}
  - {name: unused, action: core.noop, next: [{do: fail}]}
"""


def run_service():
    return attune_nb.loads(SERVICE).run(progress=False)


def by_task(graph):
    return {node["task"]: node for node in graph["nodes"]}


def test_each_task_has_a_box_with_its_state():
    boxes = by_task(build_graph(run_service()))

    assert boxes["build"]["status"] == "succeeded"
    assert boxes["checks/style"]["status"] == "failed"
    assert boxes["repair"]["status"] == "succeeded"


def test_tasks_of_a_parallel_task_are_within_its_box():
    graph = build_graph(run_service())
    boxes = by_task(graph)
    outer = boxes["checks"]

    for name in ("checks/unit", "checks/style"):
        inner = boxes[name]
        assert graph["nodes"][inner["within"]] is outer
        assert outer["x"] < inner["x"]
        assert inner["x"] + inner["w"] < outer["x"] + outer["w"]
        assert outer["y"] < inner["y"]
        assert inner["y"] + inner["h"] < outer["y"] + outer["h"]


def test_boxes_do_not_overlap():
    outer_boxes = [node for node in build_graph(run_service())["nodes"] if "within" not in node]

    for one, other in combinations(outer_boxes, 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_above


def test_a_transition_is_a_path_between_its_boxes():
    graph = build_graph(run_service())
    lines = {
        (graph["nodes"][line["from"]]["task"], graph["nodes"][line["to"]]["task"]): line
        for line in graph["edges"]
    }

    line = lines["checks", "repair"]
    assert line["fired"] == 1
    assert line["label"] == "failed"
    assert re.fullmatch(r"M[-\d.]+,[-\d.]+( [LQC]?[-\d.]+,[-\d.]+)+", line["d"])
    assert lines["checks", "checks>1"]["fired"] == 0


def test_the_graph_is_as_large_as_its_boxes():
    graph = build_graph(run_service())

    for node in graph["nodes"]:
        assert -1 <= node["x"] <= node["x"] + node["w"] <= graph["width"] + 1
        assert -1 <= node["y"] <= node["y"] + node["h"] <= graph["height"] + 1


def chain(count, targets):
    """Return a run of tasks; `targets(number)` are the numbers of the tasks after a task."""
    lines = ["tasks:"]
    for number in range(count):
        names = ", ".join(f"task_{target}" for target in targets(number) if target < count)
        following = f", next: [{{do: [{names}]}}]" if names else ""
        lines.append(f"  - {{name: task_{number}, action: core.noop{following}}}")
    return attune_nb.loads("\n".join(lines)).run(progress=False)


def test_a_fork_of_very_many_tasks_wraps():
    graph = build_graph(chain(200, lambda number: range(1, 200) if number == 0 else []))

    assert graph["width"] < 2_500
    assert len(graph["nodes"]) == 200
    assert len(graph["edges"]) == 199


def test_a_long_chain_is_folded_into_columns():
    graph = build_graph(chain(60, lambda number: [number + 1]))

    assert graph["height"] < 2_000
    assert graph["width"] > 300


def test_a_task_that_runs_a_workflow_names_its_tasks():
    inner = attune_nb.loads(
        """
        tasks:
          - {name: dig, action: core.noop, next: [{do: lay}]}
          - {name: lay, action: core.noop}
        """,
        "foundation",
    )
    outer = attune_nb.loads("tasks: [{name: build, action: foundation}]")
    run = outer.run(actions={"foundation": inner}, progress=False)

    boxes = build_graph(run)["nodes"]
    assert boxes[0]["nested"] == "workflow foundation · 2 tasks"
    # they are in a run of their own, so this run has no details of them
    assert [(box["name"], box["task"]) for box in boxes[1:]] == [("dig", None), ("lay", None)]
    assert boxes[1]["within"] == 0

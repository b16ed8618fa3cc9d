"""The tasks of a graph that run a workflow: cards with what is inside."""

from __future__ import annotations

import pytest
from support.figures import drawn_texts

import attune_nb
from attune_nb.charts.graph_chart.model import read_graph

INNER = """
parameters: {host: {type: string, default: a}}
tasks:
  - {name: ping, action: core.noop, next: [{do: restart}]}
  - name: restart
    action: core.shell
    input: {argv: [test, "{{ parameters.host }}", "!=", c]}
    next: [{when: succeeded(), do: check}]
  - {name: check, action: core.noop}
"""
OUTER = """
tasks:
  - {name: plan, action: core.noop, next: [{do: deploy}]}
  - {name: deploy, action: inner.yaml}
"""


@pytest.fixture
def outer(tmp_path):
    """A workflow whose task runs the workflow in a file beside it."""
    (tmp_path / "inner.yaml").write_text(INNER)
    path = tmp_path / "outer.yaml"
    path.write_text(OUTER)
    return attune_nb.load(path)


def test_a_card_names_the_tasks_of_a_workflow_in_a_file(outer):
    texts = drawn_texts(outer.graph())
    assert "workflow inner.yaml · 3 tasks" in texts
    assert {"ping", "restart", "check"} <= set(texts)


def test_a_card_names_the_tasks_of_a_workflow_among_the_actions():
    outer = attune_nb.loads(OUTER.replace("inner.yaml", "inner"))
    actions = {"inner": attune_nb.loads(INNER)}
    assert "ping" not in drawn_texts(outer.graph())
    assert {"workflow inner · 3 tasks", "ping"} <= set(drawn_texts(outer.graph(actions=actions)))


def test_a_card_counts_the_tasks_that_it_leaves_out(tmp_path):
    tasks = "".join(f"  - {{name: t{number}, action: core.noop}}\n" for number in range(9))
    outer = attune_nb.loads(OUTER.replace("inner.yaml", "inner"))
    texts = drawn_texts(outer.graph(actions={"inner": attune_nb.loads(f"tasks:\n{tasks}")}))
    assert {"t0", "t5", "3 more"} <= set(texts)
    assert "t6" not in texts


def test_a_workflow_that_cannot_be_read_is_no_card(outer, tmp_path):
    (tmp_path / "inner.yaml").unlink()
    assert "inner.yaml" in drawn_texts(outer.graph())


def test_the_tasks_in_a_card_are_no_tasks_of_the_graph(outer):
    graph = read_graph(outer)
    assert graph.count == 2
    [card] = [node.nested for node in graph.nodes if node.nested is not None]
    assert [node.path for node in card.nodes] == ["deploy/ping", "deploy/restart", "deploy/check"]

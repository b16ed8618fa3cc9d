"""The tasks of a graph that run a workflow: cards with their inner tasks."""

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


FLEET = """
tasks:
  - {name: plan, action: core.noop, next: [{do: [deploy, alone]}]}
  - {name: deploy, action: inner, with_items: [a, b, c, d], input: {host: "{{ item }}"}}
  - {name: alone, action: inner, input: {host: c}}
"""


@pytest.fixture(scope="module")
def fleet():
    """A run whose tasks ran a workflow five times; two of these runs failed."""
    return attune_nb.loads(FLEET).run(progress=False, actions={"inner": attune_nb.loads(INNER)})


def nested_of(run, task):
    [nested] = [node.nested for node in read_graph(run).nodes if node.path == task]
    return nested


def test_a_card_counts_child_runs_by_status(fleet):
    assert nested_of(fleet, "deploy").runs == (("failed", 1), ("succeeded", 3))
    texts = drawn_texts(fleet.graph())
    assert "4 runs · 1 failed · 3 succeeded" in texts


def test_a_card_shows_the_tasks_of_a_single_child_run(fleet):
    nodes = nested_of(fleet, "alone").nodes
    states = {node.name: node.state.status for node in nodes}
    assert states == {"ping": "succeeded", "restart": "failed", "check": "not reached"}
    assert all(node.state is None for node in nested_of(fleet, "deploy").nodes)


def test_a_card_counts_the_last_attempt_of_each_child_run(tmp_path):
    text = "tasks: [{name: deploy, action: inner, retry: {count: 2}, input: {host: c}}]"
    run = attune_nb.loads(text).run(progress=False, actions={"inner": attune_nb.loads(INNER)})
    assert len(run.children("deploy")) == 3
    assert nested_of(run, "deploy").runs == (("failed", 1),)


def test_a_run_on_record_has_the_same_cards(tmp_path):
    store = tmp_path / "runs.db"
    (tmp_path / "inner.yaml").write_text(INNER)
    path = tmp_path / "outer.yaml"
    path.write_text(FLEET.replace("action: inner", "action: inner.yaml"))
    run = attune_nb.load(path).run(progress=False, store=store)

    reopened = attune_nb.open_run(run.run_id, store)
    assert drawn_texts(reopened.graph()) == drawn_texts(run.graph())
    assert nested_of(reopened, "deploy").runs == (("failed", 1), ("succeeded", 3))


def test_a_run_on_record_reads_the_workflow_of_a_child_run(tmp_path):
    """It does not have the actions that the run was begun with."""
    store = tmp_path / "runs.db"
    actions = {"inner": attune_nb.loads(INNER)}
    run = attune_nb.loads(FLEET).run(progress=False, actions=actions, store=store)
    reopened = attune_nb.open_run(run.run_id, store)
    assert drawn_texts(reopened.graph()) == drawn_texts(run.graph())


def test_a_card_shows_the_task_that_failed_among_many():
    tasks = [
        f"  - {{name: t{number}, action: core.noop, next: [{{do: t{number + 1}}}]}}"
        for number in range(9)
    ]
    failing = "  - {name: t9, action: core.fail, input: {message: no}}"
    inner = attune_nb.loads("\n".join(["tasks:", *tasks, failing]))
    outer = attune_nb.loads("tasks: [{name: deploy, action: inner}]")
    nested = nested_of(outer.run(progress=False, actions={"inner": inner}), "deploy")
    assert [node.name for node in nested.nodes] == ["t0", "t1", "t2", "t3", "t4", "t9"]
    assert nested.hidden == 4

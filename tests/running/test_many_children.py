"""Without a store only so many child runs stay in memory."""

import attune_nb
from attune_nb.running import child_book

CHILD = """
ref: ops.child
parameters: {n: {type: integer}}
tasks: [{name: act, action: act, input: {n: "{{ parameters.n }}"}}]
"""
PARENT = """
tasks:
  - {name: go, action: ops.child, with_items: "{{ range(60) }}", input: {n: "{{ item }}"}}
"""


def act(n):
    if n == 3:
        raise ValueError("three")
    return n


def run(store):
    actions = {"child": attune_nb.loads(CHILD), "act": act}
    return attune_nb.loads(PARENT).run(
        actions=actions, store=store, backend="inline", progress=False
    )


def test_the_failed_and_the_last_child_runs_are_kept(monkeypatch):
    monkeypatch.setattr(child_book, "_MAX_CHILDREN", 20)
    outer = run("none")
    indexes = outer.children()["index"].tolist()
    assert len(indexes) <= 20
    assert indexes[0] == 3
    assert indexes[-1] == 59
    dropped = 60 - len(indexes)
    assert f"{dropped} child runs are no longer kept, as the run has no store" in str(outer.alerts)


def test_with_a_store_all_child_runs_are_found(monkeypatch, tmp_path):
    monkeypatch.setattr(child_book, "_MAX_CHILDREN", 20)
    outer = run(tmp_path / "runs.db")
    assert outer.children()["index"].tolist() == list(range(60))
    assert not [alert for alert in outer.alerts if "child runs" in alert]

"""The summary of a run says how many runs its tasks began, and how to see one."""

import pytest

import attune_nb

INNER = """
parameters: {number: {type: integer}}
tasks: [{name: ping, action: act, input: {number: "{{ parameters.number }}"}}]
"""
OUTER = """
tasks:
  - name: deploy
    action: inner
    with_items: "{{ range(4) }}"
    input: {number: "{{ item }}"}
    next: [{do: check}]
  - {name: check, action: inner, input: {number: 9}}
"""


def fail_at(*numbers):
    """Return an action that fails for some numbers."""

    def act(number):
        if number in numbers:
            raise ValueError(f"{number} is broken")

    return act


def run(store, text=OUTER, failing=()):
    actions = {"inner": attune_nb.loads(INNER), "act": fail_at(*failing)}
    return attune_nb.loads(text).run(actions=actions, store=store, progress=False)


@pytest.fixture(params=["memory", "record"])
def store(request, tmp_path):
    """The record of a run; `none` keeps its child runs in memory."""
    return "none" if request.param == "memory" else tmp_path / "runs.db"


def test_the_summary_counts_the_runs_of_each_task(store):
    line = (
        "5 child runs: `deploy` 4, `check` 1; `run.children()` lists them, "
        '`run.child("deploy")` opens one'
    )
    summary = run(store)
    assert line in repr(summary)
    assert "5 child runs" in summary._repr_html_()
    assert summary.children()["task"].tolist() == ["deploy"] * 4 + ["check"]


def test_the_summary_leads_to_a_run_that_failed(store):
    summary = run(store, failing=(2, 3))
    assert (
        "5 child runs: `deploy` 4 (2 failed), `check` 1; `run.children()` lists them, "
        '`run.child("deploy", index=2)` opens one that failed'
    ) in repr(summary)
    assert summary.child("deploy", index=2).status == "failed"


def test_one_run_is_just_opened(store):
    text = "tasks: [{name: check, action: inner, input: {number: 9}}]"
    assert '1 child run: `check` 1; `run.child("check")` opens one' in repr(run(store, text))


def test_a_run_without_child_runs_says_nothing_of_them(store):
    summary = run(store, "tasks: [{name: check, action: core.noop}]")
    assert "child run" not in repr(summary)
    with pytest.raises(attune_nb.AttuneError, match="has no child runs"):
        summary.child("check")

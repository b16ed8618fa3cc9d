"""What is given in `actions` and is no action."""

import pytest

import attune_nb

TEXT = "tasks:\n  - {name: a, action: f}\n  - {name: b, action: f}\n"


@pytest.mark.parametrize(
    ("given", "kind"),
    [(5, "int"), (5.0, "float"), (None, "NoneType"), ("os:system", "str"), ([len], "list")],
)
def test_it_is_told_at_each_task_that_uses_it(given, kind):
    workflow = attune_nb.loads(TEXT)
    problems = workflow.check({"f": given})
    assert [each.message for each in problems] == [
        f"the action `f` is no function: it is of type {kind}"
    ] * 2
    assert [each.position.line for each in problems] == [2, 3]
    with pytest.raises(attune_nb.WorkflowError, match=f"`f` is no function: it is of type {kind}"):
        workflow.run(actions={"f": given})


def test_it_is_told_where_no_task_uses_it():
    workflow = attune_nb.loads(TEXT)
    (problem,) = workflow.check({"f": len, "g": 5})
    assert problem.message == "the action `g` is no function: it is of type int"
    assert problem.position is None


def test_within_a_workflow_too():
    parent = attune_nb.loads("tasks:\n  - {name: p, action: kid}\n")
    with pytest.raises(attune_nb.WorkflowError, match="`f` is no function: it is of type int"):
        parent.run(actions={"kid": attune_nb.loads(TEXT), "f": 5})

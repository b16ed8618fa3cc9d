"""What is given in `actions` and is no action."""

import pytest

import attune_nb

TEXT = "tasks:\n  - {name: a, action: f}\n  - {name: b, action: f}\n"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (5, "an integer"),
        (5.0, "a number"),
        (None, "null"),
        ("x:y", "a string"),
        ([len], "an array"),
    ],
)
def test_it_is_told_at_each_task_that_uses_it(given, kind):
    workflow = attune_nb.loads(TEXT)
    problems = workflow.check({"f": given})
    assert [each.message for each in problems] == [
        f"action `f` must be a function or a workflow, not {kind}"
    ] * 2
    assert [each.position.line for each in problems] == [2, 3]
    with pytest.raises(attune_nb.WorkflowError, match=f"`f` must be a function .*, not {kind}"):
        workflow.run(actions={"f": given})


def test_it_is_told_where_no_task_uses_it():
    workflow = attune_nb.loads(TEXT)
    (problem,) = workflow.check({"f": len, "g": 5})
    assert problem.message == "action `g` must be a function or a workflow, not an integer"
    assert problem.position is None


def test_within_a_workflow_too():
    parent = attune_nb.loads("tasks:\n  - {name: p, action: kid}\n")
    with pytest.raises(attune_nb.WorkflowError, match=r"`f` must be a function .*, not an integer"):
        parent.run(actions={"kid": attune_nb.loads(TEXT), "f": 5})

"""Values in `actions` that are no actions."""

import pytest

import attune_nb

TEXT = "tasks:\n  - {name: a, action: f}\n  - {name: b, action: f}\n"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (5, "an integer"),
        (5.0, "a number"),
        (None, "null"),
        ("x:y", "a string"),
        ([len], "an array"),
    ],
)
def test_it_is_a_problem_at_each_task_that_uses_it(value, kind):
    workflow = attune_nb.loads(TEXT)
    problems = workflow.check({"f": value})

    assert [problem.message for problem in problems] == [
        f"action `f` must be a function or a workflow, not {kind}"
    ] * 2
    assert [problem.position.line for problem in problems] == [2, 3]
    with pytest.raises(attune_nb.WorkflowError, match=f"`f` must be a function .*, not {kind}"):
        workflow.run(actions={"f": value})


def test_it_is_a_problem_if_no_task_uses_it():
    workflow = attune_nb.loads(TEXT)
    (problem,) = workflow.check({"f": len, "g": 5})

    assert problem.message == "action `g` must be a function or a workflow, not an integer"
    assert problem.position is None


def test_it_is_a_problem_of_a_nested_workflow_too():
    parent = attune_nb.loads("tasks:\n  - {name: p, action: kid}\n")
    with pytest.raises(attune_nb.WorkflowError, match=r"`f` must be a function .*, not an integer"):
        parent.run(actions={"kid": attune_nb.loads(TEXT), "f": 5})

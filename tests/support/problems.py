"""The problems that loading a workflow's text reports."""

import pytest

import attune_nb


def load_problems(text):
    """Return the problems of a text that cannot be loaded."""
    with pytest.raises(attune_nb.WorkflowError) as caught:
        attune_nb.loads(text)

    assert str(caught.value)
    return caught.value.problems


def line_and_column(problem):
    return problem.position.line, problem.position.column

"""All errors stand in one tree, give fault, position and remedy, and can be pickled."""

import pickle
import traceback

import pytest

from attune_nb import errors

SOURCE = errors.Source("flow.yaml", "tasks:\n  - nmae: a\n    action: core.noop\n")
POSITION = errors.Position(SOURCE, 2, 5)
PROBLEM = errors.Problem("unknown key `nmae`; did you mean `name`?", POSITION)
TEMPLATE_ERROR = errors.TemplateError("`x` is undefined", "{{ x }}", POSITION)

ERRORS = [
    errors.AttuneError("message"),
    errors.WorkflowError([PROBLEM]),
    errors.ParameterError("message"),
    TEMPLATE_ERROR,
    errors.ActionError("down", {"exit_code": 3}),
    errors.NotSendable("a lock cannot be sent"),
    errors.Timeout("too slow"),
    errors.BackendError("message"),
    errors.BackendUnavailable("message"),
    errors.StoreError("message"),
    errors.PackError("message"),
    errors.RunFailed("message"),
    errors.LookupFailed("message"),
    errors.CommandRefused("the run has ended", "ended"),
    errors.QuestionOpen("message"),
    errors.RunCancelled("message"),
]


def test_every_error_class_has_an_example_here():
    values = [getattr(errors, name) for name in errors.__all__]
    classes = {value for value in values if isinstance(value, type)}
    error_classes = {value for value in classes if issubclass(value, Exception)}

    assert error_classes == {type(error) for error in ERRORS}
    assert all(issubclass(error_class, errors.AttuneError) for error_class in error_classes)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling(error):
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.__dict__ == error.__dict__


def test_a_problem_shows_its_line_with_a_caret():
    assert PROBLEM.explain() == (
        "flow.yaml, line 2, column 5: unknown key `nmae`; did you mean `name`?\n"
        "    1 | tasks:\n"
        "    2 |   - nmae: a\n"
        "      |     ^\n"
        "    3 |     action: core.noop"
    )


def test_a_workflow_error_shows_all_its_problems():
    error = errors.WorkflowError([PROBLEM, errors.Problem("no tasks")])

    assert str(error).startswith("2 problems:\n")
    assert "no tasks" in "".join(traceback.format_exception(error))


def test_a_template_error_shows_expression_and_position():
    assert str(TEMPLATE_ERROR) == "`x` is undefined in {{ x }} (flow.yaml, line 2, column 5)"


@pytest.mark.parametrize(
    ("name", "candidates", "hint"),
    [
        ("retires", ["retry", "timeout"], "; did you mean `retry`?"),
        ("NAME", ["name", "other"], "; did you mean `name`?"),
        ("zzz", ["name"], ""),
        ("x", [], ""),
    ],
)
def test_the_nearest_name_is_offered_if_there_is_one(name, candidates, hint):
    assert errors.nearest(name, candidates) == hint

"""One tree of errors, each of which says what, where and what to do, and survives pickling."""

import pickle
import traceback

import pytest

from attune_nb import errors

SOURCE = errors.Source("flow.yaml", "tasks:\n  - nmae: a\n    action: core.noop\n")
PLACE = errors.Position(SOURCE, 2, 5)
PROBLEM = errors.Problem("unknown key `nmae`; did you mean `name`?", PLACE)

EVERY = [
    errors.AttuneError("said"),
    errors.WorkflowError([PROBLEM]),
    errors.ParameterError("said"),
    errors.TemplateError("`x` is undefined", "{{ x }}", PLACE),
    errors.ActionError("down", {"exit_code": 3}),
    errors.NotSendable("a lock cannot be sent"),
    errors.Timeout("too slow"),
    errors.BackendError("said"),
    errors.BackendUnavailable("said"),
    errors.StoreError("said"),
    errors.RunFailed("said"),
    errors.LookupFailed("said"),
    errors.RunCancelled("said"),
]


def test_every_error_of_the_module_is_tried_here():
    kinds = {
        each
        for name in errors.__all__
        if isinstance(each := getattr(errors, name), type) and issubclass(each, Exception)
    }
    assert kinds == {type(each) for each in EVERY}
    assert all(issubclass(each, errors.AttuneError) for each in kinds)


@pytest.mark.parametrize("error", EVERY, ids=lambda each: type(each).__name__)
def test_an_error_survives_pickling(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__


def test_a_problem_shows_its_line_with_a_caret():
    assert PROBLEM.explain() == (
        "flow.yaml, line 2, column 5: unknown key `nmae`; did you mean `name`?\n"
        "    1 | tasks:\n"
        "    2 |   - nmae: a\n"
        "      |     ^\n"
        "    3 |     action: core.noop"
    )


def test_a_workflow_error_tells_all_its_problems():
    error = errors.WorkflowError([PROBLEM, errors.Problem("no tasks")])
    assert str(error).startswith("2 problems:\n")
    assert "no tasks" in "".join(traceback.format_exception(error))


def test_a_template_error_tells_the_expression_and_its_place():
    assert str(EVERY[3]) == "`x` is undefined in {{ x }} (flow.yaml, line 2, column 5)"


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("retires", ["retry", "timeout"], "; did you mean `retry`?"),
        ("NAME", ["name", "other"], "; did you mean `name`?"),
        ("zzz", ["name"], ""),
        ("x", [], ""),
    ],
)
def test_the_nearest_name_is_offered_where_there_is_one(name, known, hint):
    assert errors.nearest(name, known) == hint

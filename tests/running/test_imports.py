"""Actions that are imported: `module:function`."""

import pytest

import attune_nb


def problems(action, **options):
    text = f"tasks:\n  - {{name: a, action: '{action}'}}\n"
    return [problem.message for problem in attune_nb.loads(text).check(**options)]


def test_nothing_is_imported_unless_it_is_allowed():
    (message,) = problems("os:system")
    assert message.startswith("`os:system` would be imported; allow that with `allow_imports=True`")


def test_an_imported_function_runs_if_imports_are_allowed():
    text = "tasks:\n  - {name: a, action: 'json:dumps', input: {obj: [1]}}\n"
    assert attune_nb.loads(text).run(allow_imports=True).result("a") == "[1]"


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("no_such_module:f", "cannot import `no_such_module:f`"),
        ("json:nothing", "cannot import `json:nothing`"),
        ("json:__doc__", "must be a function, not a string"),
        (":f", "cannot import"),
        ("json:", "cannot import"),
    ],
)
def test_a_failed_import_is_a_problem(action, message):
    assert message in problems(action, allow_imports=True)[0]

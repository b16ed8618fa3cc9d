"""An action that is imported: code that a text names."""

import pytest

import attune_nb


def problems(action, **options):
    text = f"tasks:\n  - {{name: a, action: '{action}'}}\n"
    return [each.message for each in attune_nb.loads(text).check(**options)]


def test_nothing_is_imported_unless_it_is_allowed():
    (told,) = problems("os:system")
    assert told.startswith("`os:system` would be imported; allow that with `allow_imports=True`")


def test_where_it_is_allowed_the_function_runs():
    text = "tasks:\n  - {name: a, action: 'json:dumps', input: {obj: [1]}}\n"
    assert attune_nb.loads(text).run(allow_imports=True).result("a") == "[1]"


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("no_such_module:f", "cannot import `no_such_module:f`"),
        ("json:nothing", "cannot import `json:nothing`"),
        ("json:__doc__", "must be a function, not a string"),
        (":f", "cannot import"),
        ("json:", "cannot import"),
    ],
)
def test_what_cannot_be_imported_is_told(action, said):
    assert said in problems(action, allow_imports=True)[0]

"""Values on a command line: JSON and literals, and nothing that is computed."""

import pytest

import attune_nb
from attune_nb.cli.values import read_mocks, read_pairs, read_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("true", True),
        ("True", True),
        ("None", None),
        ('["a", 1]', ["a", 1]),
        ("['a', None]", ["a", None]),
        ("{'a': (1, 2)}", {"a": (1, 2)}),
        ("", ""),
        ("web-1", "web-1"),
        ("2024-12-24", "2024-12-24"),
        ("10/24", "10/24"),
        ("1+1", "1+1"),
        ("[1, x]", "[1, x]"),
        ("[" * 100_000, "[" * 100_000),
        ("__import__('os').getcwd()", "__import__('os').getcwd()"),
    ],
)
def test_a_value_is_a_literal_or_else_a_string(text, value):
    assert read_value(text) == value


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (
            "hunter2",
            "--set takes NAME=VALUE, and one has no `=`; it is not shown, since it may be a secret",
        ),
        ("=hunter2", "--set takes NAME=VALUE, and there is no name before the `=`"),
    ],
)
def test_a_pair_of_another_form_is_refused(pair, message):
    with pytest.raises(attune_nb.ParameterError) as caught:
        read_pairs([pair], "--set")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "kind", "arguments"),
    [
        ('ValueError("disk full")', ValueError, ("disk full",)),
        ("Timeout()", attune_nb.Timeout, ()),
        ("ActionError('no')", attune_nb.ActionError, ("no",)),
    ],
)
def test_a_mock_can_be_a_failure(text, kind, arguments):
    error = read_mocks([f"check={text}"])["check"]
    assert type(error) is kind
    assert error.args[: len(arguments)] == arguments


@pytest.mark.parametrize("text", ["SystemExit(0)", "open('x')", "ValueError(x)", "print", "[1, 2]"])
def test_a_mock_runs_no_code(text):
    assert read_mocks([f"check={text}"])["check"] in (text, [1, 2])

"""`{name}` and `$name` in the words of a line."""

from pathlib import Path

import pytest

from attune_nb.notebook.split_line import split_line

VARIABLES = {
    "rid": "0f3a",
    "n": 3,
    "base": "http://web",
    "settings": {"k": ["a b"]},
    "folder": Path("/tmp/my data"),
}


def expand(line):
    return split_line(line, VARIABLES)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("status {rid}", ["status", "0f3a"]),
        ("status $rid", ["status", "0f3a"]),
        ("--workers {n}", ["--workers", "3"]),
        ("save flow {folder}/x.yaml", ["save", "flow", "/tmp/my data/x.yaml"]),
        ("answer run ask {settings['k']}", ["answer", "run", "ask", "settings['k']"]),
        ("--params {settings}", ["--params", "settings"]),
    ],
)
def test_a_variable_stands_for_its_text_or_itself(line, words):
    assert expand(line) == words


@pytest.mark.parametrize(
    ("line", "expression"),
    [
        ("x={rid}", "rid"),
        ("x=$rid", "rid"),
        ("x=[$rid, $n]", "[rid, n]"),
        ("x={base}/{rid}", "'http://web/0f3a'"),
        ("x=$base/v1", "'http://web/v1'"),
    ],
)
def test_in_an_expression_it_is_the_variable(line, expression):
    assert expand(f"--set {line}") == ["--set", f"x={expression}"]


@pytest.mark.parametrize(
    "word",
    [
        "x={'a': 1}",
        "x={'rid': rid}",
        "x={1, 2}",
        "x={k: 1 for k in settings}",
        'x=f"{base}/x"',
        "x='{rid} $rid'",
        "x=[{rid}]",
        "{unknown}",
        "$HOME",
        "$$rid",
        "{{rid}}",
        "{settings['none']}",
        "$",
    ],
)
def test_everything_else_stays(word):
    assert expand(f"--set {word}") == ["--set", word]

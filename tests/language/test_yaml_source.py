"""YAML text to plain data, with the position of each part, and the texts that are refused."""

import math
import pickle

import pytest
import yaml

from attune_nb.errors import WorkflowError
from attune_nb.language.reading import yaml_source
from attune_nb.language.reading.yaml_source import parse


@pytest.fixture(autouse=True, params=["CSafeLoader", "SafeLoader"])
def loader(request, monkeypatch):
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML without libyaml")
    monkeypatch.setattr(yaml_source, "_LOADER", getattr(yaml, request.param))


def parse_problems(text):
    with pytest.raises(WorkflowError) as caught:
        parse(text, "w.yaml")

    assert str(caught.value)
    return caught.value.problems


def leave_out_for_slow_loader():
    """Skip the test if it reads 100,000 values with the loader that is written in Python."""
    if yaml_source._LOADER is yaml.SafeLoader and hasattr(yaml, "CSafeLoader"):  # noqa: SLF001
        pytest.skip("it takes many seconds; the values are counted behind both loaders")


def place(position):
    return position.line, position.column


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
        ("0", 0), ("12", 12), ("-3", -3), ("+3", 3), ("1.10", 1.1), ("1e3", 1000.0),
        (".5", 0.5), ("1.", 1.0), ("'1'", "1"), ('"true"', "true"), ('""', ""),
        ("|\n  12", "12"), (">-\n  true", "true"), ("'True'", "True"), ("\u0661", "\u0661"),
        *((text, True) for text in ("True", "TRUE")),
        *((text, False) for text in ("False", "FALSE")),
        *((text, None) for text in ("Null", "NULL")),
        ("0x1f", 31), ("0x1F", 31), ("0o17", 15), ("+.5", 0.5), ("1e-05", 1e-05), ("-0", 0),
        *((text, text) for text in (
            "no", "on", "yes", "off", "y", "n", "No", "010", "0x", "0o8", "0X1F", "-0x1f", "1_000",
            "tRUE", "nULL", "12:30", "2024-01-02", "1.2.3",
            "010.5", "e3", ".", "=", "<<",
        )),
    ],
)  # fmt: skip
def test_scalars(text, value):
    parsed = parse(f"k: {text}").data["k"]

    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan", "1e999", "-1e999", ".NaN"])
def test_numbers_must_be_finite(text):
    (problem,) = parse_problems(f"k: {text}")

    assert "not finite" in problem.message
    assert place(problem.position) == (1, 4)


def test_long_numbers():
    assert parse("k: " + "9" * 100).data["k"] == 10**100 - 1
    assert "100 digits" in parse_problems("k: " + "9" * 101)[0].message
    assert "100 digits" in parse_problems("k: 0." + "1" * 100)[0].message
    assert "100 digits" in parse_problems("k: 0x" + "f" * 101)[0].message
    assert math.isclose(parse("k: 0.1").data["k"], 0.1)


def test_positions():
    doc = parse("a: 1\nb:\n  - x\n  - c: {d: 2}\n")

    assert doc.data == {"a": 1, "b": ["x", {"c": {"d": 2}}]}
    assert place(doc.value_position(())) == (1, 1)
    assert place(doc.value_position(("b", 1, "c", "d"))) == (4, 12)
    assert place(doc.key_position(("b", 1, "c", "d"))) == (4, 9)
    assert place(doc.key_position(("b", 1))) == (4, 5)
    assert place(doc.value_position(("b", 1, "nope", "deeper"))) == (4, 5)
    assert place(doc.key_position(("b", 1, "nope"))) == (4, 5)
    assert place(doc.key_position(("nope", "a"))) == (1, 1)
    assert place(doc.key_position(())) == (1, 1)
    assert place(pickle.loads(pickle.dumps(doc)).key_position(("b",))) == (2, 1)


def test_raw_text():
    doc = parse("version: 1.10\nq: '1.10'\nl: [1.0]\ne:\n")

    assert doc.data["version"] == 1.1
    assert doc.raw_text(("version",)) == "1.10"
    assert doc.raw_text(("q",)) == "1.10"
    assert doc.raw_text(("l", 0)) == "1.0"
    assert doc.raw_text(("e",)) == ""
    assert doc.raw_text(("l",)) is None
    assert doc.raw_text(("nope",)) is None


def test_bom_crlf_and_astral_columns():
    doc = parse("\ufeffa: 1\r\nb: |\r\n  x\r\n  y\r\n'😀': z\r\n")

    assert doc.data == {"a": 1, "b": "x\ny\n", "😀": "z"}
    assert place(doc.key_position(("a",))) == (1, 1)
    assert place(doc.value_position(("😀",))) == (5, 6)


def test_alias():
    doc = parse("a: &x {k: [1]}\nb: *x\nc: &t name\nd: {*t : 1}\n")

    assert doc.data == {"a": {"k": [1]}, "b": {"k": [1]}, "c": "name", "d": {"name": 1}}
    assert doc.data["a"]["k"] is not doc.data["b"]["k"]
    assert place(doc.value_position(("b",))) == (2, 4)
    assert place(doc.value_position(("b", "k", 0))) == (1, 12)


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30)
)
DEEP = "a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("", "nothing to run: expected a workflow with `tasks`", 1),
        ("# only\n# comments\n", "nothing to run", 1),
        ("---\n...\n", "nothing to run", 1),
        ("x" * (2**20 + 1), "1 MiB", 1),
        ("é" * (2**19 + 1), "1 MiB", 1),
        ("[" * 101 + "]" * 101, "deeper than 100", 1),
        ("[" * 1_000_000, "deeper than 100", 1),
        ("{" * 1_000_000, "quotes", 1),
        ("- " * 500_000, "deeper than 100", 1),
        (DEEP, "deeper than 100", 2),
        (BOMB, "100,000", 5),
        ("- x\n" * 100_001, "100,000", 100_000),
        ("a: &a [*a]", "contains it", 1),
        ("a: 1\nb: *nope", "no anchor `&nope` stands before `*nope`", 2),
        ("a: &a {x: 1}\nb:\n  <<: *a", "merge key", 3),
        ("a: !!str 1", "tag", 1),
        ("a: !!python/object:os.system x", "tag", 1),
        ("a: !x [1]", "tag", 1),
        ("a: 1\n---\nb: 2", "second document starts in line 2", 2),
        ("a: 1\nb: 2\na: 3", "lines 1 and 3", 3),
        ("1: x", "quote the key", 1),
        ("true: x", "quote the key", 1),
        ("? [a]\n: x", "quote the key", 1),
        ("a: &m {k: 1}\n*m : x", "quote the key", 2),
        ("? {a: 1}\n: x", "put quotes around `{{ ... }}`", 1),
        ("a: 1\nk: {{ x }}", "put quotes around `{{ ... }}`", 2),
        ("k: {{ x }} tail", "put quotes around `{{ ... }}`", 1),
        ("k: {{ f('a) }}", "put quotes around `{{ ... }}`", 1),
        ("- {% if x %}", "put quotes", 1),
        ("a:\n\tb: 1", "line 2 uses a tab; use spaces", 2),
        ("a:\n  b: 1\n\tc: 2", "line 3 uses a tab; use spaces", 3),
        ("a:\n  \tb: 1\n  \tc: 1", "uses a tab; use spaces", None),
        ("a: b: c", "quote the text", 1),
        ("a: 'x\nb: 1", "never closed", 1),
        ("a: [1, 2\nb: 1", "never closed", 1),
        ("a: `x`", "quote the text", 1),
        ("a: 1\n b: 2", "indent", 2),
        ("a:\n- x\n -y\nb", "`:`", None),
        ('a: "\\ud800"', "", 1),
        ('a: "\\UFFFFFFFF"', "", 1),
        ("%YAML 9.0\n---\na: 1", "", 1),
    ],
    ids=lambda case: repr(case)[:30],
)
def test_refusals(text, words, line):
    if len(text) == 4 * 100_001:
        leave_out_for_slow_loader()
    problem = parse_problems(text)[0]

    assert words in problem.message
    assert problem.position.source.name == "w.yaml"
    assert line is None or problem.position.line == line


@pytest.mark.parametrize(
    "char", ["\0", "\x07", "\x0c", "\x1b", "\x7f", "\x80", "\ud800", "\uffff", "\ufeff"]
)
def test_forbidden_characters(char):
    (problem,) = parse_problems(f"a: 1\r\nb: x{char}y")

    assert f"U+{ord(char):04X}" in problem.message
    assert place(problem.position) == (2, 5)


def test_limits_are_inclusive():
    parse("[" * 100 + "]" * 100)
    leave_out_for_slow_loader()
    assert len(parse("- x\n" * 99_999).data) == 99_999


def test_every_problem_at_once():
    problems = parse_problems("a: 1\na: 2\nb: {{ x }}\nc: {{ y }} z\n")

    assert [problem.position.line for problem in problems] == [2, 3, 4]
    assert place(problems[1].position) == (3, 4)
    assert len(parse_problems("a: 1\n" * 1000)) == yaml_source.MAX_PROBLEMS


def test_harmless_text():
    text = "a: |\n  x\n  \tkept\nb: '<<'\n'<<': 1\n? k\n: v\nc: \"{{ x }}\"\nd: {a: {}}\n"
    data = parse(text).data
    assert data == {
        "a": "x\n\tkept\n",
        "b": "<<",
        "<<": 1,
        "k": "v",
        "c": "{{ x }}",
        "d": {"a": {}},
    }
    assert parse("%YAML 1.2\n---\na: 1\n...\n").data == {"a": 1}
    assert parse("just text").data == "just text"

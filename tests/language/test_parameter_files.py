"""Files of parameters: read by the workflow's own YAML, or by a strict reader of JSON.

Add a row to add a case: the text, words of the message, line and column.
"""

import json
import time

import pytest

from attune_nb.errors import ParameterError
from attune_nb.running.workflow import load_parameters

BOMB = "k0: &k0 [1]\n" + "".join(
    f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 10)}]\n" for n in range(1, 30)
)
YAML = [
    ("v: 1\nv: 2\n", "`v` stands twice: lines 1 and 2", 2, 1),
    ("v: .inf\n", "the number `.inf` is not finite; quote it", 1, 4),
    ("v: .nan\n", "the number `.nan` is not finite", 1, 4),
    ("v: !!str 1\n", "remove the tag", 1, 4),
    ("v: {{ x }}\n", "put quotes around `{{ ... }}`", 1, 4),
    ("v: [1\n", "this bracket is never closed", None, None),
    ("v:\n\t- 1\n", "line 2 uses a tab; use spaces", 2, 1),
    ("v: a\x00\n", "the character U+0000 cannot stand in a file of parameters", 1, 5),
    ("1: a\n", 'the key `1` is not a string; quote the key: "1"', 1, 1),
    ("", "a file of parameters cannot be empty", 1, 1),
    (BOMB, "more than 100,000 values", None, None),
    ("a: " + "[" * 101 + "]" * 101, "nested deeper than 100 levels", 1, None),
    ("a: " + "9" * 101, "a number of more than 100 digits", 1, 4),
]  # fmt: skip
JSON = [
    ('{"v": 1,\n "v": 2}', "`v` stands twice: lines 1 and 2", 2, 2),
    ('{"v": NaN}', "the number `NaN` is not finite", 1, 7),
    ('{"v": 1e999}', "the number `1e999` is not finite", 1, 7),
    ('{"v": True}', "`True` is no value of JSON; write `true`", 1, 7),
    ('{"v": 010}', "`010` is no number of JSON", 1, 7),
    ('{"v": +1}', "`+1` is no number of JSON", 1, 7),
    ('{"v": hello}', "`hello` is no value of JSON; put quotes around a string", 1, 7),
    ("{v: 1}", "a key in double quotes is expected here", 1, 2),
    ("{'v': 1}", "JSON has strings in double quotes only", 1, 2),
    ('{"v": 1,}', "JSON has no `,` before a `}`; remove it", 1, 8),
    ('{"v": [1 2]}', "a `,` or a `]` is expected here", 1, 10),
    ('{"v" 1}', "a `:` is expected here, after the key", 1, 6),
    ('{"v": }', "a value is expected here, not `}`", 1, 7),
    ('{"v": [1', "this bracket is never closed", 1, 7),
    ('{"v": "a', "this string is never closed", 1, 7),
    ('{"v": "a\nb"}', "a line break or a control character", 1, 9),
    ('{"v": "\\q"}', "`\\q` is no escape of JSON", 1, 8),
    ('{"v": "\\u12"}', "`\\u` is no escape of JSON", 1, 8),
    ('{"v": "\\ud800"}', "half a character", 1, 7),
    ('{"v": 1} {}', "text follows the end of the JSON value", 1, 10),
    ('{"v": 1 // one\n}', "JSON has no comments", 1, 9),
    ("", "the text is empty; write an object", 1, 1),
    ('{"v": ' + "[" * 101 + "]" * 101 + "}", "nested deeper than 100 levels", 1, None),
    ('{"v": ' + "9" * 101 + "}", "a number of more than 100 digits", 1, 7),
    ('{"v": [' + "1," * 100_000 + "1]}", "more than 100,000 values", 1, None),
]  # fmt: skip


def load(folder, text, suffix=".yaml", **options):
    path = folder / f"p{suffix}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_parameters(path, **options)


def test_yaml_has_the_rules_of_a_workflow(tmp_path):
    text = (
        "no: no\nday: 2024-01-01\ntime: 12:30\ncode: 010\nnumber: 1e3\nhex: 0x1F\nflag: True\n"
        "nothing: ~\ntemplate: '{{ x }}'\nalias: &a [1]\nagain: *a\n"
    )

    assert load(tmp_path, text) == {
        "no": "no",
        "day": "2024-01-01",
        "time": "12:30",
        "code": "010",
        "number": 1000.0,
        "hex": 31,
        "flag": True,
        "nothing": None,
        "template": "{{ x }}",
        "alias": [1],
        "again": [1],
    }


def test_json_is_read_as_json(tmp_path):
    text = '{"n": 1e-05,\n\t"face": "\\ud83d\\ude00", "yes": "yes", "list": [null, {"a": -0.5}]}'
    assert load(tmp_path, text, ".JSON") == json.loads(text)


def test_a_key_of_json_may_be_long(tmp_path):
    key = "k" * 2000
    assert load(tmp_path, json.dumps({key: 1}), ".json") == {key: 1}


@pytest.mark.parametrize(
    ("suffix", "text", "words", "line", "column"),
    [*((".yaml", *row) for row in YAML), *((".json", *row) for row in JSON)],
)
def test_a_mistake_is_reported_at_its_position(tmp_path, suffix, text, words, line, column):
    begin = time.process_time()
    with pytest.raises(ParameterError) as caught:
        load(tmp_path, text, suffix)

    message = str(caught.value)
    assert f"p{suffix}` has a problem:" in message
    assert words in message
    if column is not None:
        assert f"p{suffix}, line {line}, column {column}: " in message
    assert time.process_time() - begin < 10, "an alias bomb must not expand"


def test_every_problem_of_a_yaml_file_is_reported(tmp_path):
    with pytest.raises(ParameterError) as caught:
        load(tmp_path, "a: 1\na: 2\nb: .inf\n")

    assert "has 2 problems:" in str(caught.value)
    assert "line 2, column 1" in str(caught.value)
    assert "line 3, column 4" in str(caught.value)


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_file_must_be_an_object(tmp_path, suffix):
    with pytest.raises(ParameterError, match="must be an object of parameters, not an array"):
        load(tmp_path, "[1]", suffix)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\xff\xfe", "it is not UTF-8 text"), (None, "No such file")]
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, content, reason):
    path = tmp_path / "p.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ParameterError, match=f"cannot read `.*p.yaml`: {reason}"):
        load_parameters(path)


def test_a_file_larger_than_1_mib_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="larger than 1 MiB"):
        load(tmp_path, json.dumps({"v": "x" * (1 << 20)}), ".json")


@pytest.mark.parametrize("text", ["token: hunter2\ntoken: x\n", "token: [hunter2\n"])
def test_lines_of_a_file_of_secrets_are_not_shown(tmp_path, text):
    with pytest.raises(ParameterError) as caught:
        load(tmp_path, text, noun="secrets", is_secret=True)

    assert "hunter2" not in str(caught.value)
    assert "line " in str(caught.value)

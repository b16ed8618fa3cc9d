"""Dates, paths, decimals, UUIDs and enums: their plain text wherever text or JSON is made.

Add a row to add a kind of value: the value, and its text.
"""

import datetime as dt
import enum
import json
import pathlib
import uuid
from decimal import Decimal
from fractions import Fraction

import pandas as pd
import pytest

import attune_nb
from attune_nb import Template, TemplateError
from attune_nb.context import WorkflowContext


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Word(enum.StrEnum):
    ONE = "one"


VALUES = [
    (pathlib.Path("/tmp/a b"), "/tmp/a b"),
    (pathlib.PureWindowsPath("C:/x"), "C:\\x"),
    (dt.date(2024, 1, 2), "2024-01-02"),
    (dt.datetime(2024, 1, 2, 3, 4, tzinfo=dt.UTC), "2024-01-02T03:04:00+00:00"),
    (dt.time(3, 4), "03:04:00"),
    (pd.Timestamp("2024-01-02T03:04", tz="UTC"), "2024-01-02T03:04:00+00:00"),
    (Decimal("1.10"), "1.10"),
    (Fraction(1, 3), "1/3"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Color.RED, "red"),
    (Word.ONE, "one"),
]


def render(source, value):
    return Template(source).render(WorkflowContext.create(vars={"x": value}))


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_has_its_text_in_a_template(value, text):
    assert render("<{{ x }}>", value) == f"<{text}>"
    assert render("{{ x | string }}", value) == text
    assert render("{{ string(x) }}", value) == text
    assert render("{{ x ~ '!' }}", value) == f"{text}!"
    assert render("{{ [x, x] | join(',') }}", value) == f"{text},{text}"
    assert render("{{ type_of(x) }}", value) == "string"


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_has_its_text_in_json(value, text):
    assert json.loads(render("{{ to_json({'a': [x]}) }}", value)) == {"a": [text]}
    assert json.loads(render("{{ [x] | tojson(2) }}", value)) == [text]
    assert json.loads(render("a {{ [x] }}", value)[2:]) == [text]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_alone_stays_what_it_is(value, text):
    assert render("{{ x }}", value) == value
    assert render({"k": ["{{ x }}"]}, value) == {"k": [value]}
    assert type(value) is Word or render("{{ x }}", value) is value


def test_an_enum_of_numbers_has_its_number():
    assert render("<{{ x }}>", Level.HIGH) == "<3>"
    assert render("{{ to_json([x]) }}", Level.HIGH) == "[3]"


@pytest.mark.parametrize("value", [{1}, b"a", dt.timedelta(1), object()])
def test_any_other_value_has_no_text(value):
    with pytest.raises(TemplateError, match="cannot be part of a string"):
        render("<{{ x }}>", value)
    with pytest.raises(TemplateError, match="cannot be written as JSON"):
        render("{{ to_json(x) }}", value)


def test_a_path_cannot_be_looked_into():
    with pytest.raises(TemplateError, match="which an expression cannot look into"):
        render("{{ x.name }}", pathlib.Path("/tmp/a"))


def test_a_shell_gets_the_text_of_a_path_and_a_date():
    text = """
parameters: {folder: {}, day: {}}
tasks:
  - name: show
    action: core.shell
    input:
      cmd: echo "$DAY" {{ parameters.folder | quote }}
      env: {DAY: "{{ parameters.day }}"}
"""
    parameters = {"folder": pathlib.Path("/tmp/a b"), "day": dt.date(2024, 1, 2)}
    run = attune_nb.loads(text).run(parameters)

    assert run.result("show")["stdout"].strip() == "2024-01-02 /tmp/a b"


@pytest.mark.parametrize("style", [">", "|", ">-", "|-"])
def test_a_block_string_of_one_expression_keeps_the_type(style):
    expression = f"{style}\n        {{{{ [1, 2] }}}}\n"
    indented = expression.replace("        ", " " * 14)
    text = (
        f"vars:\n  - first: {expression}"
        "tasks:\n  - name: a\n    action: core.noop\n"
        f"    input:\n      value: {expression}"
        f"    next:\n      - publish:\n          - second: {indented}"
        f"output_map:\n  first: '{{{{ first }}}}'\n  second: '{{{{ second }}}}'\n"
        f"  third: {expression}"
    )
    run = attune_nb.loads(text).run()

    assert run.output == {"first": [1, 2], "second": [1, 2], "third": [1, 2]}


@pytest.mark.parametrize("source", ["<{{ x }}>", "{{ to_json([x]) }}", "{{ x ~ '' }}"])
def test_a_fraction_of_too_many_digits_has_no_text(source):
    with pytest.raises(TemplateError, match="Fraction"):
        render(source, Fraction(10**5_000, 3))

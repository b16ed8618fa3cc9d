"""Strings with values in them, and templates that are one value."""

import json
import pickle

import pandas as pd
import pytest

from attune_nb import Template, WorkflowContext
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.values.frozen import freeze


def render(source, item=None, **variables):
    return Template(source).render(WorkflowContext.create(vars=variables).scope(freeze(item), 4))


TEXTS = [
    (None, ""),
    (True, "true"),
    (False, "false"),
    (0, "0"),
    (-1.0, "-1.0"),
    (1e16, "1e+16"),
    (0.1, "0.1"),
    ("é", "é"),
    ([1, None, {"a": True}], '[1,null,{"a":true}]'),
    ({"b": 1, "a": "é"}, '{"b":1,"a":"é"}'),
    ((1, (2,)), "[1,[2]]"),
    ([], "[]"),
    ({}, "{}"),
    (float("nan"), "NaN"),
    (float("-inf"), "-Infinity"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=[repr(value) for value, _ in TEXTS])
@pytest.mark.parametrize(
    "source",
    [
        "<{{ item }}>",
        "{{ '<' ~ item ~ '>' }}",
        "<{{ item | string }}>",
        "{{ index }}{{ index }}{{ index }}<{{ item }}>",
        "{{ '' }}<{{ item }}>",
        "<{{ [item] | join }}>",
    ],
)
def test_a_value_becomes_part_of_a_string(source, value, text):
    assert render(source, value).removeprefix("444") == f"<{text}>"


def test_a_single_expression_returns_the_same_object():
    for value in (freeze([1]), 10**30, "1", None, object()):
        assert render("{{ x }}", x=value) is value
        assert render("{{x}}", x=value) is value
        assert render({"k": ["{{ workflow.x }}"]}, x=value)["k"][0] is value
        assert render("{{ x if true else 1 }}", x=value) is value
        assert render("{{ y | default(x) }}", x=value) is value


def test_a_single_expression_returns_the_table_of_the_context():
    context = WorkflowContext.create(vars={"x": pd.DataFrame({"a": [1]})})
    tables = Template(["{{ x }}", "{{ workflow.x }}", "{{ x if true else 1 }}"]).render(context)
    assert isinstance(tables[0], pd.DataFrame)
    assert tables[0] is tables[1] is tables[2]


@pytest.mark.parametrize("source", [" {{ x }}", "{{ x }} ", "{{ x }}\n", "\n\t{{ x }}\r\n "])
def test_white_space_around_a_single_expression_does_not_count(source):
    for value in (freeze([1]), "1", None):
        assert render(source, x=value) is value
        assert render({"k": [source]}, x=value)["k"][0] is value


@pytest.mark.parametrize(
    "source", ["{{ x }}{{ '' }}", " {{ x }}{{ '' }}", "{{ x }}.", "{{ x }} {{ x }}", "\n{{ x }}\n-"]
)
def test_any_other_template_is_a_string(source):
    assert render(source, x=1) == source.replace("{{ x }}", "1").replace("{{ '' }}", "")


def test_a_string_stays_a_string():
    assert render("{{ x }}", x="0x10") == "0x10"
    assert render("{{ x }}{{ y }}", x=1, y=2) == "12"


def test_the_text_around_stays_as_it_is():
    around = "a\r\nb\t{# c #} ${#d} {e} }} %} { {\x00"

    assert render(around + "{{ 1 }}" + around) == around + "1" + around
    assert Template(around).is_constant


def test_white_space_control_works_as_in_jinja():
    assert render("a \n{{- 1 -}} \n b") == "a1b"
    assert render("{{- x -}}", x=[1]) == [1]


def test_keys_of_objects_are_not_rendered():
    assert render({"{{ x }}": "{{ x }}"}, x=1) == {"{{ x }}": 1}


def test_the_parts_of_objects_and_arrays_are_rendered():
    source = {"a": ["{{ x }}", 1, None, ("{{ x }}",)], "b": "c"}
    assert render(source, x=2) == {"a": [2, 1, None, [2]], "b": "c"}


@pytest.mark.parametrize("source", [None, 1, True, "a", [1, {"a": "b"}], {}, "{ {", ""])
def test_a_value_without_braces_is_constant(source):
    template = Template(source)

    assert template.is_constant
    assert template.references == []
    assert template.render() == source


@pytest.mark.parametrize("name", ["true", "True"])
def test_true_has_two_names(name):
    assert render("{{ " + name + " }}") is True


@pytest.mark.parametrize("name", ["null", "none", "None"])
def test_null_has_three_names(name):
    assert render("{{ " + name + " }}") is None
    assert render("{{ [" + name + "] }}") == [None]


def test_an_expression_may_hold_braces():
    assert render("{{ {'a': {'b': 1}} }}") == {"a": {"b": 1}}
    assert render("{{ {'a': {'b': 1}}}}") == {"a": {"b": 1}}
    assert render("{{ '}}' }}") == "}}"
    assert render("{{ '{{' }} {{ '{%' }}") == "{{ {%"
    assert render('{{ "a\\"}}" }}') == 'a"}}'


@pytest.mark.parametrize("source", ["{% if x %}{% endif %}", "{{ x }}{% raw %}", "{%"])
def test_statements_are_refused(source):
    with pytest.raises(TemplateError, match=r"statements .* are not part of the language"):
        Template(source)


def test_only_plain_data_becomes_a_string():
    frame = pd.DataFrame({"a": [1]})
    for source in ("a {{ x }}", "{{ x ~ '' }}", "{{ x|string }}", "a {{ [x] }}", "{{ [x]|join }}"):
        with pytest.raises(
            TemplateError, match=r"`DataFrame` cannot be (part of a string|written as JSON)"
        ):
            render(source, x=frame)


def test_records_and_namespaces_are_objects():
    context = WorkflowContext.create({"p": 1}, vars={"b": 1, "a": 2})
    context = context.with_outcome("t", Outcome(status="failed", error="no", attempts=2))

    assert list(Template("{{ workflow }}").render(context).items()) == [("a", 2), ("b", 1)]
    assert Template("{{ task.t }}").render(context)["error"] == "no"
    assert Template("{{ task['t'] | tojson }}").render(context).startswith('{"result":null')
    assert Template("{{ keys(task) }}").render(context) == ["t"]
    assert Template("x {{ parameters }}").render(context) == 'x {"p":1}'
    assert Template("{{ 'a' in workflow }}").render(context) is True


CONDITIONS = [
    ("item > 1", True),
    ("{{ item > 1 }}", True),
    (" {{ item > 9 }}\n", False),
    ("item", True),
    ("''", False),
    ("[]", False),
    ("frame", True),
    ("null", False),
    (True, True),
    (0, False),
]


@pytest.mark.parametrize(
    ("source", "expected"), CONDITIONS, ids=[str(source) for source, _ in CONDITIONS]
)
def test_a_condition_is_true_or_false(source, expected):
    context = WorkflowContext.create(vars={"frame": pd.DataFrame()})
    assert Template(source, condition=True).render(context.scope(2, 0)) is expected


def test_a_condition_is_one_expression():
    with pytest.raises(TemplateError, match="one expression"):
        Template("{{ a }} and {{ b }}", condition=True)


def test_a_template_pickles_and_compares():
    for template in (Template({"a": ["{{ 1 }}"]}), Template("1 > 2", condition=True)):
        copy = pickle.loads(pickle.dumps(template))
        assert copy == template
        assert hash(copy) == hash(template)
        assert copy.render() == template.render()

    assert Template("1", condition=True) != Template("1")
    assert Template("1") != "1"


def test_json_survives_a_round_trip():
    value = {"a": [1, 2.5, None, True, 'é\n"', {"b": {}}]}

    assert json.loads(render("{{ item | tojson }}", value)) == value
    assert render("{{ from_json(to_json(item)) }}", value) == value


REFERENCES = [
    ("{{ a.b + c }}", {("a", "b"), ("c",)}),
    ("{{ upper(a) ~ b.strip() ~ null }}", {("a",), ("b",)}),
    ("{{ a | default(b.c) }}", {("b", "c")}),
    ("{{ a.b if a is defined else 1 }}", set()),
    ("{{ a['x y'] }}", {("a", "x y")}),
    ("{{ a[0].b }}", {("a",)}),
    ("{{ a[b] }}", {("a",), ("b",)}),
    ("{{ now() }} {{ range(n) }}", {("n",)}),
    ("{{ task.a.b.c | map(attribute=k) }}", {("task", "a", "b", "c"), ("k",)}),
]


@pytest.mark.parametrize(
    ("source", "expected"), REFERENCES, ids=[source for source, _ in REFERENCES]
)
def test_references_are_the_names_that_are_read(source, expected):
    assert {name for name, _ in Template(source).references} == expected

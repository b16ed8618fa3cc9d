"""Parameters of an action are judged as JSON Schema judges them, also where a shortcut does."""

import math
from pathlib import Path

import jsonschema
import pytest
from support.packs import find_action, write_action

from attune_nb.errors import ActionError
from attune_nb.packs.model import PackAction, PackManifest
from attune_nb.packs.process.parameters import ParameterJudge

SPECS = (
    {},
    {"description": "any"},
    {"type": "any"},
    {"type": "string"},
    {"type": "string", "enum": ["a", "b"]},
    {"type": "string", "pattern": "^a+$"},
    {"type": "string", "minLength": 2},
    {"type": "integer"},
    {"type": "integer", "minimum": 0, "maximum": 10},
    {"type": "integer", "enum": [1, 2]},
    {"type": "number", "minimum": 0.5},
    {"type": "boolean"},
    {"type": "boolean", "enum": [True]},
    {"type": "array", "items": {"type": "integer"}},
    {"type": ["string", "integer"]},
)
VALUES = ("a", "aa", "", "c", 0, 1, 2, 11, -1, 0.5, 1.0, 1e300, True, False, [], [1], ["a"], {})


def judge_of(parameters):
    folder = Path("/packs/kit")
    pack = PackManifest(ref="kit", version="1.0.0", folder=folder)
    return ParameterJudge(
        PackAction(
            ref="kit.act",
            pack=pack,
            file=folder / "actions" / "act.yaml",
            entry_point=folder / "actions" / "act.sh",
            parameters=parameters,
        )
    )


def fits(parameters, values):
    try:
        judge_of(parameters).bind(values)
    except ActionError:
        return False
    return True


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_values_are_judged_as_by_json_schema(spec):
    schema = {key: value for key, value in spec.items() if value != "any"}

    for value in VALUES:
        expected = jsonschema.Draft202012Validator(schema).is_valid(value)
        assert fits({"p": spec}, {"p": value}) == expected, value


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
def test_a_number_that_is_not_finite_does_not_fit(number):
    assert not fits({"p": {"type": "number"}}, {"p": number})


def test_null_fits_what_is_not_required():
    assert fits({"p": {"type": "string"}}, {"p": None})
    assert not fits({"p": {"type": "string", "required": True}}, {"p": None})


def test_required_within_an_object_is_true_or_false(tmp_path):
    """The flat form goes on within `properties`."""
    spec = "{type: object, properties: {a: {type: string, required: true}}}"
    write_action(tmp_path, "", parameters=f"{{p: {spec}}}")
    parameters = find_action("kit.act", tmp_path).parameters

    assert fits(parameters, {"p": {"a": "x"}})
    assert not fits(parameters, {"p": {}})
    assert not fits(parameters, {"p": {"a": 1}})


def test_all_problems_are_named_together():
    parameters = {"a": {"type": "integer"}, "b": {"required": True}, "c": {}}

    with pytest.raises(ActionError) as caught:
        judge_of(parameters).bind({"a": "x", "d": 1})

    assert caught.value.message == (
        "action `kit.act`: the parameter `b` must be given; parameter `a` must be an "
        "integer, not a string; there is no parameter `d`; declared: a, b, c"
    )


def test_an_action_that_declares_nothing_takes_all():
    assert judge_of({}).bind({"a": 1}) == {"a": 1}


def test_defaults_stand_in_the_order_of_the_file():
    parameters = {"a": {"default": 1}, "b": {}, "c": {"default": None}}

    bound = judge_of(parameters).bind({"b": 2})

    assert list(bound.items()) == [("a", 1), ("b", 2), ("c", None)]

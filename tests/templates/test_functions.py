"""Every function of the language, with its edges."""

import math

import pytest

from attune_nb import Template, WorkflowContext
from attune_nb.context import Moment, Outcome, TaskScope
from attune_nb.errors import TemplateError
from attune_nb.templates.library.functions import FUNCTIONS, SCOPE_FUNCTIONS
from attune_nb.values.frozen import FrozenDict, FrozenList

DATA = {
    "list": [3, 1, 2],
    "map": {"b": 2, "a": {"c": [1]}},
    "pair": (1, (2,)),
    "text": "Grüße 😀",
    "null": None,
}


def value(expression, **variables):
    return Template("{{ " + expression + " }}").render(
        WorkflowContext.create(vars={**DATA, **variables})
    )


ENDINGS = ["succeeded", "failed", "timed_out", "skipped", "completed"]
CASES = [
    ("string(null)", ""),
    ("string(true)", "true"),
    ("string(1.0)", "1.0"),
    ("string({'a': [1, null]})", '{"a":[1,null]}'),
    ("string(pair)", "[1,[2]]"),
    ("number('2')", 2.0),
    ("number(' -2.5e1 ')", -25.0),
    ("number(3)", 3),
    ("number(true)", 1),
    ("int('3.9')", 3),
    ("int(-3.9)", -3),
    ("int('12345678901234567890')", 12345678901234567890),
    ("int(false)", 0),
    ("bool('')", False),
    ("bool('false')", False),
    ("bool('False')", False),
    ("bool('no')", True),
    ("bool(0)", False),
    ("bool([])", False),
    ("bool(null)", False),
    ("type_of(null)", "null"),
    ("type_of(true)", "bool"),
    ("type_of(1)", "number"),
    ("type_of(1.5)", "number"),
    ("type_of('')", "string"),
    ("type_of(pair)", "array"),
    ("type_of(list)", "array"),
    ("type_of(map)", "object"),
    ("length(text)", 7),
    ("length('')", 0),
    ("length(pair)", 2),
    ("length({})", 0),
    ("keys(map)", ["a", "b"]),
    ("keys({})", []),
    ("values({'b': 2, 'a': 1})", [1, 2]),
    ("abs(-2)", 2),
    ("abs(-0.5)", 0.5),
    ("floor(-1.5)", -2),
    ("ceil(-1.5)", -1),
    ("ceil(2)", 2),
    ("round(2.5)", 3),
    ("round(-2.5)", -3),
    ("round(0.5)", 1),
    ("round(2.675, 2)", 2.68),
    ("round(-2.675, 2)", -2.68),
    ("round(1250, -2)", 1300),
    ("round(-1250, -2)", -1300),
    ("round(7)", 7),
    ("round(1e300)", int(1e300)),
    ("min(2, 1)", 1),
    ("min([2, 1.5])", 1.5),
    ("max(list)", 3),
    ("max('a', 'b')", "b"),
    ("max([[1, 2], [1, 3]])", [1, 3]),
    ("sum([])", 0),
    ("sum([1, 2.5])", 3.5),
    ("lower('ÄB')", "äb"),
    ("upper('straße')", "STRASSE"),
    ("trim('  a b\\n')", "a b"),
    ("split('a,b,,', ',')", ["a", "b", "", ""]),
    ("split('', ',')", [""]),
    ("join([1, null, true, [2]], '-')", "1--true-[2]"),
    ("join([], ',')", ""),
    ("replace('aaa', 'a', 'b')", "bbb"),
    ("replace('ab', '', '-')", "-a-b-"),
    ("starts_with(text, 'Gr')", True),
    ("ends_with(text, '😀')", True),
    ("starts_with('a', 'ab')", False),
    ("match('b+', 'abbc')", True),
    ("match('^b', 'ab')", False),
    ("match('\\d{3}', 'x123')", True),
    ("match('', '')", True),
    ("contains('abc', 'bc')", True),
    ("contains('abc', '')", True),
    ("contains([1, [2]], [2.0])", True),
    ("contains([1], true)", False),
    ("contains(map, 'a')", True),
    ("contains(map, 2)", False),
    ("contains([], null)", False),
    ("index_of('abc', 'c')", 2),
    ("index_of('abc', 'x')", -1),
    ("index_of(list, 2)", 2),
    ("index_of([true, 1], 1)", 1),
    ("index_of([], 1)", -1),
    ("count('')", 0),
    ("count(map)", 2),
    ("count('banana', 'an')", 2),
    ("count([1, 1.0, true, '1'], 1)", 2),
    ("count([null, null], null)", 2),
    ("reversed(list)", [2, 1, 3]),
    ("reversed('abc')", "cba"),
    ("reversed([])", []),
    ("sort(list)", [1, 2, 3]),
    ("sort(['b', 'B', 'a'])", ["B", "a", "b"]),
    ("sort([2, 1.5, -1])", [-1, 1.5, 2]),
    ("sort([[2, 'a'], [1, 'b'], [1, 'a']])", [[1, "a"], [1, "b"], [2, "a"]]),
    ("sort([true, false])", [False, True]),
    ("sort([])", []),
    ("unique([1, 1.0, true, '1', null, null])", [1, True, "1", None]),
    ("unique([true, 1])", [True, 1]),
    ("unique([[1], [1.0], {'a': [1]}, {'a': [1]}])", [[1], {"a": [1]}]),
    ("flat([1, [2, [3]], pair])", [1, 2, [3], 1, (2,)]),
    ("flat([])", []),
    ("zip([1, 2, 3], ['a', 'b'])", [[1, "a"], [2, "b"]]),
    ("zip([1], [2], [3])", [[1, 2, 3]]),
    ("range(3)", [0, 1, 2]),
    ("range(-1)", []),
    ("range(1, 3)", [1, 2]),
    ("range(3, 0, -2)", [3, 1]),
    ("slice(list, 1)", [1, 2]),
    ("slice(list, -1)", [2]),
    ("slice(list, 0, 2)", [3, 1]),
    ("slice('abc', 1, null)", "bc"),
    ("slice('abc', 9)", ""),
    ("slice(pair, 0, 1)", [1]),
    ("merge({'a': 1, 'b': {'x': 1}}, {'b': {'y': 2}})", {"a": 1, "b": {"y": 2}}),
    ("merge({}, {})", {}),
    ("chunks([1, 2, 3], 2)", [[1, 2], [3]]),
    ("chunks([], 2)", []),
    ("from_json('[1, {\"a\": null}]')", [1, {"a": None}]),
    ("from_json('\"é\"')", "é"),
    ("to_json({'é': [1, true, null, 1.5]})", '{"é":[1,true,null,1.5]}'),
    ("to_json('a\"b')", '"a\\"b"'),
]


def assert_same(value, expected):
    """Assert that two values are equal and have the same types."""

    assert value == expected
    assert type(value) is type(expected) or isinstance(expected, list | dict | tuple)
    if not isinstance(expected, list):
        return
    for element, expected_element in zip(value, expected, strict=True):
        if not isinstance(expected_element, list | dict | tuple):
            assert type(element) is type(expected_element)


@pytest.mark.parametrize(
    ("expression", "expected"), CASES, ids=[expression for expression, _ in CASES]
)
def test_a_function_returns_its_value(expression, expected):
    assert_same(value(expression), expected)


def test_no_function_is_left_out():
    assert {expression.partition("(")[0] for expression, _ in CASES} == set(FUNCTIONS)
    # Their tests are below, and that of `uuid`.
    assert set(SCOPE_FUNCTIONS) == {"result", *ENDINGS, "now"}


def test_a_result_of_from_json_is_read_only():
    assert type(value("from_json('{}')")) is FrozenDict
    assert type(value("from_json('[]')")) is FrozenList


COUNTS = [
    ("string()", "`string(value)` takes 1 argument, not 0"),
    ("slice(list)", "`slice(values, start[, end])` takes 2 to 3 arguments, not 1"),
    ("split('a')", "`split(text, sep)` takes 2 arguments, not 1"),
    ("lower('a', 'b')", "`lower(text)` takes 1 argument, not 2"),
    ("min(1, 2, 3)", "`min(a[, b])` takes 1 to 2 arguments, not 3"),
    ("zip([])", "`zip(a, b[, more...])` takes 2 arguments or more, not 1"),
    ("range()", "`range(start[, stop][, step])` takes 1 to 3 arguments, not 0"),
    ("round(1, digit=2)", "`round(value[, digits])` takes no `digit`; did you mean `digits`?"),
    ("round(1, value=2)", "`round(value[, digits])` is given `value` twice"),
    ("round(1, digits=1, digits=2)", "an argument twice"),
    ("result(1)", "`result()` takes no arguments, not 1"),
    ("now(1)", "`now()` takes no arguments, not 1"),
    ("uuid('a')", "`uuid()` takes no arguments, not 1"),
    ("lower(*list)", "`*` and `**` are not part of a call"),
    ("lower(**map)", "`*` and `**` are not part of a call"),
]


@pytest.mark.parametrize(
    ("expression", "message"), COUNTS, ids=[expression for expression, _ in COUNTS]
)
def test_a_wrong_count_is_found_at_compilation(expression, message):
    with pytest.raises(TemplateError) as caught:
        Template("{{ " + expression + " }}")
    assert message in caught.value.message


TYPES = [
    ("length(1)", "`length` takes a string, an array or an object as `value`, not the integer `1`"),
    ("length(null)", "not null"),
    ("keys([])", "`keys` takes an object as `value`, not an array"),
    ("abs(true)", "`abs` takes a number as `value`, not a boolean"),
    ("abs('1')", "not a string"),
    ("floor(null)", "not null"),
    ("round(true)", "not a boolean"),
    ("round(1, 1.5)", "`round` takes an integer as `digits`, not the number `1.5`"),
    ("sum([1, true])", "`sum` adds numbers, not a boolean"),
    ("sum(['1'])", "`sum` adds numbers, not a string"),
    ("min([])", "`min` of an empty array has no value"),
    ("min(1, 'a')", "a string and an integer have no order"),
    ("max({})", "`max` takes an array or two values, not an object"),
    ("max([null])", "have no order"),
    ("lower(1)", "`lower` takes a string as `text`, not the integer `1`"),
    ("split('a', '')", "a separator that is not empty"),
    ("split('a', null)", "not null"),
    ("join('abc', '')", "`join` takes an array as `values`, not a string"),
    ("join([], 1)", "`join` takes a string as `sep`, not the integer `1`"),
    ("replace('a', 1, 'b')", "`replace` takes a string as `old`, not the integer `1`"),
    ("match('a', 1)", "`match` takes a string as `text`, not the integer `1`"),
    ("contains(1, 1)", "`contains` takes a string, an array or an object as `hay`"),
    ("contains('1', 1)", "`contains` looks for a string in a string, not for an integer"),
    ("index_of({}, 1)", "`index_of` takes a string or an array as `hay`, not an object"),
    ("index_of('a', 1)", "`index_of` looks for a string in a string"),
    ("count({}, 1)", "not in an object"),
    ("count('abc', '')", "not empty"),
    ("reversed({})", "`reversed` takes an array or a string as `values`, not an object"),
    ("sort([1, 'a'])", "`sort` takes values of one type, not an integer and a string together"),
    ("sort([1, null])", "null and an integer together"),
    ("sort([{}])", "cannot put an object in order"),
    ("sort([[1], ['a']])", "have no order"),
    ("sort('ba')", "`sort` takes an array"),
    ("unique('aab')", "`unique` takes an array as `values`, not a string"),
    ("flat({})", "`flat` takes an array"),
    ("zip([], 'ab')", "`zip` takes an array as `b`, not a string"),
    ("range(1.0)", "`range` takes an integer as `start`, not the number `1.0`"),
    ("range(true)", "not a boolean"),
    ("range(1, 5, 0)", "a step that is not 0"),
    ("range(100001)", "`range` returns at most 100,000 numbers"),
    ("slice(list, '1')", "`slice` takes an integer as `start`, not a string"),
    ("merge({}, [])", "`merge` takes an object as `b`, not an array"),
    ("chunks([1], 0)", "`chunks` takes a size of 1 or more, not 0"),
    ("chunks([1], 1.5)", "`chunks` takes an integer as `size`"),
    ("number('two')", "'two' is not a number"),
    ("number('')", "'' is not a number"),
    ("number('nan')", "is not a number"),
    ("number('1_0')", "is not a number"),
    ("number('1e999')", "is not a number"),
    ("number([])", "`number` takes a string, a number or a boolean as `value`, not an array"),
    ("int(null)", "not null"),
    ("from_json('{')", "`from_json` takes JSON"),
    ("from_json('NaN')", "NaN is not JSON"),
    ("from_json('1e999')", "too large a number"),
    ("from_json(1)", "`from_json` takes a string"),
]


@pytest.mark.parametrize(
    ("expression", "message"), TYPES, ids=[expression for expression, _ in TYPES]
)
def test_a_wrong_type_is_an_error_that_names_the_type(expression, message):
    with pytest.raises(TemplateError) as caught:
        value(expression)
    assert message in caught.value.message


@pytest.mark.parametrize(
    "expression", ["to_json(x)", "to_json([x])", "x|tojson", "'a ' ~ [x]", "string([x])"]
)
@pytest.mark.parametrize(
    ("invalid", "message"),
    [
        (math.nan, "no NaN"),
        (math.inf, "no NaN"),
        ({1}, "set` cannot be written as JSON"),
        (2**20000, "digits"),
    ],
    ids=["nan", "inf", "set", "huge"],
)
def test_values_that_are_not_json_are_refused(expression, invalid, message):
    with pytest.raises(TemplateError, match=message):
        value(expression, x=invalid)


@pytest.mark.parametrize("number", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["round", "floor", "ceil", "int", "abs"])
def test_a_number_that_is_not_finite_is_refused(name, number):
    with pytest.raises(TemplateError):
        value(f"{name}(x)", x=number)


def scope_of_task(status, result=None):
    return TaskScope(WorkflowContext.create(), Outcome(status=status, result=result))


@pytest.mark.parametrize("status", ["succeeded", "failed", "timed_out", "skipped"])
def test_functions_read_the_outcome_of_a_task(status):
    scope = scope_of_task(status)
    values = {name: Template(f"{{{{ {name}() }}}}").render(scope) for name in ENDINGS}

    assert values == {
        "succeeded": status in ("succeeded", "skipped"),
        "failed": status == "failed",
        "timed_out": status == "timed_out",
        "skipped": status == "skipped",
        "completed": True,
    }


def test_result_returns_the_result_of_the_task():
    scope = scope_of_task("failed", FrozenDict(error="no", exit_code=2))
    assert Template("{{ result().error }}: {{ result().exit_code }}").render(scope) == "no: 2"


def test_result_is_only_for_transitions():
    with pytest.raises(TemplateError, match=r"`result\(\)` can be called only in a task's `next`"):
        value("result()")


class Moments:
    def __init__(self, seed=7):
        self.count = 0
        self.seed = seed

    def __call__(self):
        self.count += 1
        return Moment(float(self.count), self.seed)


def test_now_is_the_same_within_one_evaluation():
    moments = Moments()
    context = WorkflowContext.create().with_clock(moments)
    template = Template({"a": "{{ now() }}", "b": ["{{ now() }}", "at {{ now() }}"]})

    rendered = template.render(context)
    assert rendered["a"] == rendered["b"][0] == "1970-01-01T00:00:01.000000Z"
    assert rendered["b"][1] == "at " + rendered["a"]
    assert moments.count == 1
    assert template.render(context)["a"] == "1970-01-01T00:00:02.000000Z"


def test_uuids_differ_by_place_and_are_reproducible():
    source = {"a": "{{ uuid() }}", "b": "{{ uuid() }}", "c": "{{ uuid() }} {{ uuid() }}"}
    context = WorkflowContext.create().with_clock(Moments())
    first = Template(source).render(context)

    assert Template(source).render(context) == first
    assert len({first["a"], first["b"], *first["c"].split()}) == 4


def test_uuids_differ_by_seed_and_by_item():
    template = Template("{{ uuid() }}")
    first = WorkflowContext.create().with_clock(Moments(1))
    second = WorkflowContext.create().with_clock(Moments(2))
    uuids = [template.render(first), template.render(second)]
    uuids += [template.render(first.scope("x", index)) for index in range(3)]

    assert len(set(uuids)) == 5


def test_now_and_uuid_are_only_for_runs():
    with pytest.raises(TemplateError, match="only within a run"):
        value("now()")


def test_a_wrong_pattern_is_found_at_compilation():
    with pytest.raises(TemplateError, match="is not a pattern"):
        Template("{{ match('(', 'a') }}")


def test_a_function_takes_its_arguments_by_name_too():
    assert value("slice(values=list, start=0, end=1)") == [3]
    assert value("range(1, step=2, stop=4)") == [1, 3]

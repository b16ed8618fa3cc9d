"""Properties of every expression, and of every value."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attune_nb import Template, WorkflowContext
from attune_nb.errors import TemplateError
from attune_nb.templates.compiler.calls import FILTER_NAMES
from attune_nb.templates.library.functions import FUNCTIONS
from attune_nb.templates.library.jinja_tests import TESTS
from attune_nb.templates.library.methods import METHOD_NAMES
from attune_nb.values.frozen import freeze

pytestmark = pytest.mark.timeout(300)

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
SCALARS |= st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
ODD = st.sampled_from([math.nan, math.inf, 2**5000, object(), {1}, b"x", (1, (2,)), "\ud800", 1j])

NAMES = ["item", "item.a", "item.b.c", "index", "parameters.x", "x", "y", "task.t", "workflow"]
CONSTANTS = ["0", "-1", "2.5", "'a'", "''", "true", "null", "[]", "{}", "[1, 2]", "'\\d'", "10**9"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "and", "or", "==", "!=", "<", ">=", "in"]


def _larger(inner):
    arguments = st.lists(inner, max_size=3).map(", ".join)
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("{}({})".format, st.sampled_from(sorted(FUNCTIONS)), arguments),
        st.builds("({}) | {}({})".format, inner, st.sampled_from(sorted(FILTER_NAMES)), arguments),
        st.builds("({}) | {}".format, inner, st.sampled_from(sorted(FILTER_NAMES))),
        st.builds("({}).{}({})".format, inner, st.sampled_from(sorted(METHOD_NAMES)), arguments),
        st.builds("({} is {})".format, inner, st.sampled_from(sorted(TESTS))),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("[{}]".format, arguments),
        st.builds("{{{}: {}}}".format, inner, inner),
        st.builds("not {}".format, inner),
        st.builds("-({})".format, inner),
        st.builds("({}) | map('{}') | list".format, inner, st.sampled_from(sorted(FILTER_NAMES))),
        st.builds("({}) | select('{}') | list".format, inner, st.sampled_from(sorted(TESTS))),
    )


EXPRESSIONS = st.recursive(st.sampled_from(NAMES + CONSTANTS), _larger, max_leaves=8)
RELAXED = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@RELAXED
@given(EXPRESSIONS, JSON | ODD, JSON | ODD, st.sampled_from(["{}", "a {}", "{} {} {}"]))
def test_an_expression_has_a_value_or_a_template_error(expression, first, second, form):
    context = WorkflowContext.create({"x": first}, vars={"x": second, "y": [first, second]})
    context = context.with_result("t", second)
    source = form.replace("{}", "{{ " + expression + " }}")
    try:
        Template(source).render(context.scope(freeze({"a": first, "b": {"c": second}}), 1))
    except TemplateError as error:
        assert error.message
        # Never the message of an error that the engine does not expect.
        assert not error.message.startswith(("TypeError", "AttributeError", "KeyError", "IndexErr"))


@RELAXED
@given(st.text(alphabet="{}%#-'\"\\()[]|.~ ,:ax1\n", max_size=30))
def test_any_string_is_a_template_or_a_template_error(source):
    try:
        Template(source).render(WorkflowContext.create(vars={"a": 1, "x": "x"}))
    except TemplateError as error:
        assert error.expression
    else:
        assert "{%" not in source or "{{" in source


@RELAXED
@given(JSON | ODD)
def test_a_value_is_passed_on_unchanged(value):
    if isinstance(value, tuple):
        value = [value]
    frozen = freeze(value)
    scope = WorkflowContext.create({"v": frozen}, vars={"v": frozen}).scope(frozen, 0)
    for source in ("{{ item }}", "{{ parameters.v }}", "{{ v }}", "{{ v if true else 1 }}"):
        assert Template(source).render(scope) is frozen


@RELAXED
@given(JSON)
def test_json_survives_a_round_trip(value):
    scope = WorkflowContext.create().scope(freeze(value), 0)
    text = Template("{{ to_json(item) }}").render(scope)

    assert json.loads(text) == value
    assert Template("{{ from_json(to_json(item)) }}").render(scope) == value
    assert Template("{{ from_json(to_json(item)) == item }}").render(scope) is True
    if isinstance(value, list | dict):
        assert json.loads(Template("={{ item }}").render(scope)[1:]) == value


@RELAXED
@given(JSON, JSON)
def test_equality_is_that_of_json(left, right):
    def canonical(value):
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return repr(value)
        if isinstance(value, list):
            return [canonical(element) for element in value]
        if isinstance(value, dict):
            return {key: canonical(part) for key, part in value.items()}
        return value

    context = WorkflowContext.create(vars={"a": left, "b": right})
    is_equal = Template("{{ a == b }}").render(context)
    assert is_equal is (canonical(left) == canonical(right))
    assert Template("{{ unique([a, b]) | length }}").render(context) == (1 if is_equal else 2)
    assert Template("{{ a in [b] }}").render(context) is is_equal


@RELAXED
@given(st.text(max_size=20), st.text(max_size=20))
def test_the_text_around_an_expression_stays(before, after):
    if "{" in before or "{" in after:
        return
    scope = WorkflowContext.create().scope("v", 0)

    # white space alone does not make a string of a value
    is_value = not (before + after).strip()
    expected = "v" if is_value else f"{before}v{after}"
    assert Template(before + "{{ item }}" + after).render(scope) == expected


@RELAXED
@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_round_is_half_away_from_zero(number, digits):
    context = WorkflowContext.create(vars={"n": number, "m": -number})
    up = Template(f"{{{{ round(n, {digits}) }}}}").render(context)

    assert Template(f"{{{{ round(m, {digits}) }}}}").render(context) == -up
    assert abs(up - number) <= 0.5 * 10**-digits * (1 + 1e-6) + abs(number) * 1e-15

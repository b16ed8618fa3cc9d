"""Formats of numbers and strings: the filter `format`, the operator `%` and the method `format`."""

import datetime as dt
import decimal

import pytest

from attune_nb import Template, WorkflowContext
from attune_nb.errors import TemplateError


def value(expression, **values):
    return Template("{{ " + expression + " }}").render(WorkflowContext.create(vars=values))


PERCENT = [
    ("%.2f", 1.005),
    ("%03d", 7),
    ("%-6s|", "ab"),
    ("%6.1s|", "ab"),
    ("%+d", 3),
    ("%d", 2.9),
    ("%x", 255),
    ("%#o", 8),
    ("%e", 12345.678),
    ("%G", 1e-10),
    ("%05.1f", -2.25),
    ("100%% of %s", "it"),
    ("% d", 5),
    ("%.0f", 2**70),
]


@pytest.mark.parametrize(("text", "argument"), PERCENT)
def test_a_percent_format_is_that_of_python(text, argument):
    assert value(f"'{text}' | format(x)", x=argument) == text % argument
    assert value(f"'{text}' % x", x=argument) == text % argument


BRACES = [
    ("{:,}", 1234567),
    ("{:_}", 1234567),
    ("{:.2f}", 1.005),
    ("{:>8}|", "ab"),
    ("{:*^8}|", "ab"),
    ("{:=<8}|", "ab"),
    ("{:05d}", 42),
    ("{:+.1%}", 0.256),
    ("{:#x}", 255),
    ("{:b}", 5),
    ("{:.3}", 3.14159),
    ("{:8}|", 3),
    ("{{{}}}", 1),
    ("{:,.2f}", 1e9),
    ("{:.1}", "ab"),
]


@pytest.mark.parametrize(("text", "argument"), BRACES)
def test_a_brace_format_is_that_of_python(text, argument):
    assert value(f"'{text}'.format(x)", x=argument) == text.format(argument)


def test_values_have_numbers_or_names():
    assert value("'{1}-{0}-{1}'.format(1, 2)") == "2-1-2"
    assert value("'{a}{}'.format(1, a=2)") == "21"
    assert value("'%(a)s %(b)03d' | format(a='x', b=7)") == "x 007"
    assert value("'%s and %s' % ('a', 2)") == "a and 2"


def test_values_become_strings_as_in_a_text():
    values = {"day": dt.date(2024, 12, 24), "price": decimal.Decimal("1.50")}
    assert value("'{} {} {} {}'.format(true, null, [1, 2.5], day)", **values) == (
        "true  [1,2.5] 2024-12-24"
    )
    assert value("'%s %s %s' | format(false, {'a': 1}, price)", **values) == 'false {"a":1} 1.50'
    assert value("'{:>6}|{:d}'.format(true, true)") == "  true|1"


def test_a_format_stands_in_a_text():
    text = "{{ '%.1f' | format(x) }} s, {{ '{:,}'.format(n) }} rows"
    context = WorkflowContext.create(vars={"x": 1.25, "n": 12345})
    assert Template(text).render(context) == "1.2 s, 12,345 rows"


@pytest.mark.parametrize("text", ["'%.1f' | format(x)", "'{:.1f}'.format(x)"])
def test_a_value_that_is_no_finite_number_is_refused(text):
    for number in (float("inf"), float("nan")):
        with pytest.raises(TemplateError, match="not a finite number"):
            value(text, x=number)
    with pytest.raises(TemplateError, match="too large"):
        value(text, x=2**2000)
    with pytest.raises(TemplateError, match="takes a number, not null"):
        value(text, x=None)


@pytest.mark.parametrize("text", ["'{0.a}'", "'{0[a]}'", "'{x.__class__}'", "'{:{w}}'", "'{0!a}'"])
def test_no_part_of_a_value_is_read(text):
    with pytest.raises(TemplateError, match=r"field of a format|part of a format|specification"):
        Template("{{ " + text + ".format(x, x=x, w=1) }}")

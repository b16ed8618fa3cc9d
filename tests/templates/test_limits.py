"""Limits of size, work and time, which no workflow can switch off."""

import re
import subprocess
import sys
import threading
import time

import pytest

from attune_nb import Template, WorkflowContext
from attune_nb.errors import TemplateError
from attune_nb.templates.sandbox import METER, STEP_BUDGET
from attune_nb.values.frozen import freeze

LARGE_RANGE = "range(100000)"
CONTEXT = WorkflowContext.create(
    {
        "text": "ab " * 2_000_000,
        "wide": "😀" * 1_000_000,
        "rows": [{"a": index} for index in range(50_000)],
        "huge": 2**100_000,
        "json": "[" + "[]," * 900_000 + "1]",
    }
)

REFUSED = [
    ("range(10**9)", "at most 100,000 numbers"),
    ("range(0, 10**30)", "at most 100,000 numbers"),
    ("'x' * 10**9", "more than 10,000,000 characters"),
    ("10**9 * 'x'", "more than 10,000,000 characters"),
    ("[0] * 10**8", "too much work"),
    ("((([0] * 1000) * 1000) * 1000)", "too much work"),
    ("[" * 30 + "0" + "] * 10" * 30, "too much work"),
    ("(" + "[" * 12 + "0" + "] * 10" * 12 + ") | tojson", "too much work"),
    ("(" + "[" * 12 + "0" + "]*10" * 12 + ") == (" + "[" * 12 + "0" + "]*10" * 12 + ")", "work"),
    ("unique([" + "[" * 9 + "0" + "] * 10" * 9 + "])", "too much work"),
    ("2 ** (10**8)", "more than 4,096 bits"),
    ("9 ** (9 ** 9)", "more than 4,096 bits"),
    ("(2 ** 4000) * (2 ** 4000)", "at most 4,096 bits"),
    ("parameters.huge + 1", "at most 4,096 bits"),
    ("parameters.huge // 3", "at most 4,096 bits"),
    ("parameters.huge ~ ''", "too many digits"),
    ("parameters.huge | string", "too many digits"),
    ("sum([parameters.huge])", "at most 4,096 bits"),
    ("int('9' * 5000)", "too many digits"),
    ("'%1000000000d' % 1", "a width in a format is at most 1,000 characters"),
    ("'%s%s' | format(parameters.text, parameters.text)", "more than 10,000,000 characters"),
    ("'{0}{0}'.format(parameters.text)", "more than 10,000,000 characters"),
    ("'{:,}'.format(parameters.huge)", "too many digits"),
    ("'a' | center(10**9)", "a width is at most"),
    ("'a' | indent(10**9)", "a width is at most"),
    ("[1] | batch(10**9, 0)", "too much work"),
    ("[1] | slice(10**9)", "too much work"),
    ("parameters.text | replace('a', parameters.text)", "more than 10,000,000 characters"),
    ("([parameters.text] * 10) | join", "more than 10,000,000 characters"),
    ("parameters.text ~ parameters.text", "more than 10,000,000 characters"),
    ("parameters.text + parameters.text", "more than 10,000,000 characters"),
    ("[" + ",".join(["parameters.wide | upper"] * 1000) + "]", "too much work"),
    ("[" + ",".join(["split(parameters.text, ' ')"] * 50) + "]", "too much work"),
    ("[" + ",".join(["parameters.text.split()"] * 50) + "]", "too much work"),
    ("[" + ",".join([LARGE_RANGE] * 100) + "]", "too much work"),
    (" + ".join([LARGE_RANGE] * 100), "too much work"),
    (LARGE_RANGE + " | sort" * 100, "too much work"),
    (LARGE_RANGE + " | map('string')" * 50, "too much work"),
    (LARGE_RANGE + " | select('odd')" * 50 + " | map('sort')", "work"),
    ("(zip(" + LARGE_RANGE + ", " + LARGE_RANGE + ") * 2) | map('map', 'string')", "too much work"),
    ("zip(" + LARGE_RANGE + ", " + LARGE_RANGE + ") | map('sort') | map('sort')", "too much work"),
    ("[" + ",".join(["'x' in " + LARGE_RANGE] * 100) + "]", "too much work"),
    ("from_json(parameters.json)", "too much work"),
    ("from_json('[' * 100000)", "too"),
    ("match('(a|a)*[b-c]', parameters.text)", "at most 1,000,000 characters"),
    ("match('(?:abcdefghij){e<=9}', 'x' * 900000)", "takes too long"),
    ("match('(a{1000}){1000}', 'a')", "counts"),
    ("match('(?R)', 'a')", "contains itself"),
    ("match('a' * 2000, 'a')", "at most 1,000 characters"),
]


@pytest.mark.parametrize(
    ("expression", "message"),
    REFUSED,
    ids=[f"{expression[:40]} {len(expression)}" for expression, _ in REFUSED],
)
def test_too_much_work_is_refused(expression, message):
    start = time.process_time()

    with pytest.raises(TemplateError, match=message):
        Template("{{ " + expression + " }}").render(CONTEXT)
    # No time is promised, only that there is a limit.
    assert time.process_time() - start < 20


def test_a_string_is_counted_before_it_is_joined():
    with pytest.raises(TemplateError, match="more than 10,000,000 characters"):
        Template("{{ parameters.text }}" * 4000).render(CONTEXT)
    with pytest.raises(TemplateError, match="more than 10,000,000 characters"):
        Template("{{ parameters.text }}{{ parameters.text }}").render(CONTEXT)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("9 ** (9 ** 9)", "more than 4,096 bits"),
        ("item + 9 ** (9 ** 9)", "more than 4,096 bits"),
        ("1e300 * (1e300 - 1)", "not a finite number"),
        ("1 / (1 - 1)", "a number is divided by zero"),
    ],
)
def test_constant_numbers_are_computed_at_compilation(expression, message):
    assert Template("{{ 2 * 3 + 2 ** 0.5 }}").render(CONTEXT) == 6 + 2**0.5
    with pytest.raises(TemplateError, match=re.escape(message)) as caught:
        Template("{{ " + expression + " }}")
    assert caught.value.expression == "{{ " + expression + " }}"


def test_no_other_value_is_computed_at_compilation():
    Template("{{ 'x' * 10**9 }}")
    Template("{{ range(10**9) }}")


FINE = [
    "range(100000) | map('string') | join(',')",
    "parameters.rows | map(attribute='a') | sum",
    "parameters.rows | selectattr('a', 'gt', 3) | list | length",
    "parameters.rows | sort(attribute='a', reverse=true)",
    "parameters.rows | groupby('a') | length",
    "parameters.text | lower | trim | length",
    "'x' * 10000000",
    "2 ** 4000",
    "parameters.rows | tojson | length",
]


@pytest.mark.parametrize("expression", FINE)
def test_common_expressions_stay_within_the_limits(expression):
    Template("{{ " + expression + " }}").render(CONTEXT)


def test_each_evaluation_has_a_budget_of_its_own():
    template = Template("{{ range(100000) | sort | length }}")
    for _ in range(20):
        assert template.render() == 100_000


def test_each_thread_has_a_budget_of_its_own():
    template = Template("{{ (range(100000) | sort | length) + (range(100000) | length) }}")
    failures = []

    def work():
        try:
            for _ in range(10):
                template.render()
        except TemplateError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_an_array_of_templates_shares_one_budget():
    part = "{{ range(100000) | sort | length }}"
    with pytest.raises(TemplateError, match="too much work"):
        Template([part] * 100).render()


def test_a_plain_path_costs_no_steps():
    before = METER.steps
    scope = CONTEXT.scope(freeze({"url": "u"}), 0)
    for source in ("{{ item.url }}", "{{ parameters.rows }}", "a {{ item.url }}", "{{ index }}"):
        Template(source).render(scope)

    assert METER.steps == before


def test_a_string_of_plain_paths_needs_no_budget():
    template = Template("{{ parameters.rows }}")
    string = Template("rows: {{ parameters.rows }}")
    METER.steps = 1
    for _ in range(4):
        template.render(CONTEXT)
        assert string.render(CONTEXT).startswith("rows: [")

    assert METER.steps <= STEP_BUDGET


MEMORY = """
import resource, sys
from attune_nb import Template, WorkflowContext
from attune_nb.errors import TemplateError
context = WorkflowContext.create({"wide": "x" * 999_999 + chr(0x1F600)})
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for part in sys.argv[1:]:
    try:
        Template("{{ [" + ",".join([part] * (90_000 // len(part))) + "] }}").render(context)
    except TemplateError as error:
        assert "too much work" in error.message, error
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(grown // 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no getrusage there")
def test_memory_is_bounded():
    parts = [
        "range(100000)", "range(100000)|map('string')", "parameters.wide|upper", "[1.5]*9999",
        "chunks(range(100000),1)", "parameters.wide|list", "split(('ab,'*99999),',')",
        "zip(range(99999),range(99999))", "('ab '*99999).split()", "parameters.wide[1:]",
        "range(50000)|map('float')", "(['é'*200]*9999)|map('upper')", "from_json('[[],[]]')",
    ]  # fmt: skip
    process = subprocess.run(
        [sys.executable, "-c", MEMORY, *parts],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )

    # MB above the memory at the start; at times two values are alive.
    assert int(process.stdout) < 260


def test_the_nearest_name_is_searched_among_few(monkeypatch):
    counts = []

    def nearest(_, names):
        counts.append(len(list(names)))
        return ""

    monkeypatch.setattr("attune_nb.templates.members.nearest", nearest)
    item = freeze({f"key{index}": index for index in range(5_000)})
    for source in ("{{ item.kye }}", "{{ item[parameters.text] }}", "{{ task.t.kye }}"):
        with pytest.raises(TemplateError, match="has no"):
            Template(source).render(CONTEXT.with_result("t", item).scope(item, 0))
    assert counts == [1_000, 1_000]

"""Every cost of a template is bounded before it is paid.

Each function, filter, test, method and operator is called on the worst input of its kind, in a
child process. One call ends within 1 s of processor time and 200 MB, with a value or an error. The
cases are lines of `support/template_cost_table.py`.
"""

import re

import pytest
from support.template_cost_table import FAULTS, VALUES, WORST
from support.template_costs import Case, CostMeter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CostMeter.is_available(), reason="the memory of a process is read from /proc"
    ),
]

# The limits of one evaluation: seconds of processor time, and megabytes.
SECONDS = 1
MEGABYTES = 200

WORST_CASES = [
    (f"{kind} {name}", expression)
    for kind, rows in WORST.items()
    for name, expressions in rows.items()
    for expression in expressions
]


@pytest.fixture(scope="module")
def meter():
    """Yield a process that evaluates templates."""
    with CostMeter() as cost_meter:
        yield cost_meter


def check(meter, expression):
    """Evaluate an expression, in which `v.NAME` is one of the values."""
    source = "{{ " + re.sub(r"\bv\.", "parameters.", expression) + " }}"
    values = {name: VALUES[name] for name in re.findall(r"\bv\.(\w+)", expression)}

    measurement = meter.measure(Case(source, values))
    assert measurement.outcome, "it did not end"
    assert not measurement.outcome.startswith("bare "), measurement.outcome
    assert "memory" not in measurement.outcome, "it was stopped by the limit of the system"
    assert measurement.seconds < SECONDS, measurement
    assert measurement.megabytes < MEGABYTES, measurement


@pytest.mark.parametrize("expression", FAULTS.values(), ids=FAULTS)
def test_a_cost_is_bounded(meter, expression):
    check(meter, expression)


@pytest.mark.parametrize(
    ("name", "expression"), WORST_CASES, ids=[" ".join(c) for c in WORST_CASES]
)
def test_the_worst_input_of_each_name_ends(meter, name, expression):
    check(meter, expression)

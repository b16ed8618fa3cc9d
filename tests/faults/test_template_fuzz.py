"""Random expressions over large values end, with a value or an error of the library.

`ATTUNE_FUZZ_SECONDS=600` runs longer, `ATTUNE_FUZZ_SEED` begins elsewhere.
"""

import os
import re
import sys
import time

import pytest
from support.template_cost_table import VALUES
from support.template_costs import Case, CostMeter
from support.template_fuzzer import random_expression

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not CostMeter.is_available(), reason="the memory of a process is read from /proc"
    ),
]

# Expressions of a common run, and seconds of a long one.
EXPRESSIONS = 120
SECONDS = float(os.environ.get("ATTUNE_FUZZ_SECONDS", "0"))
FIRST_SEED = int(os.environ.get("ATTUNE_FUZZ_SEED", "0"))

# The limits of one expression. Each call has limits of its own; an expression has many.
MOST_SECONDS = 2
MOST_MEGABYTES = 400


@pytest.mark.timeout(240 + SECONDS)
def test_an_expression_of_large_values_ends():
    end = time.monotonic() + SECONDS
    seed = FIRST_SEED
    faults = []
    with CostMeter() as meter:
        while seed < FIRST_SEED + EXPRESSIONS or time.monotonic() < end:
            expression = random_expression(seed)
            source = "{{ " + re.sub(r"\bv\.", "parameters.", expression) + " }}"
            names = re.findall(r"\bv\.(\w+)", expression)
            measurement = meter.measure(Case(source, {name: VALUES[name] for name in names}))

            is_bare = not measurement.outcome or measurement.outcome.startswith("bare")
            is_costly = measurement.seconds > MOST_SECONDS or measurement.megabytes > MOST_MEGABYTES
            if is_bare or is_costly or re.search(r"\w+Error:|memory", measurement.outcome):
                faults.append(f"seed {seed}: {expression}\n    {measurement}\n")
                sys.stdout.write(faults[-1])
                sys.stdout.flush()
            seed += 1

    sys.stdout.write(f"{seed - FIRST_SEED:,} expressions\n")
    assert not faults, f"{len(faults)} of {seed - FIRST_SEED:,} expressions:\n{''.join(faults)}"

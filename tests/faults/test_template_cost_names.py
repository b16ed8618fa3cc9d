"""The table of the costs of templates has every name of the language."""

from support.template_cost_table import WORST

from attune_nb.reference.table import ENTRIES
from attune_nb.templates.compiler.calls import FILTER_NAMES
from attune_nb.templates.library.functions import FUNCTIONS, SCOPE_FUNCTIONS, TASK_FUNCTION
from attune_nb.templates.library.jinja_tests import COMPARISONS, TESTS
from attune_nb.templates.library.methods import METHODS
from attune_nb.templates.library.numbers import OPERATORS

NAMES = {
    "function": {*FUNCTIONS, *SCOPE_FUNCTIONS, TASK_FUNCTION.name, "uuid"},
    "filter": FILTER_NAMES,
    "test": set(TESTS),
    **{f"{kind} method": set(methods) for kind, methods in METHODS.items()},
}
SIGNS = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}


def test_no_name_is_missing_from_the_table():
    assert {kind: set(WORST[kind]) for kind in NAMES} == NAMES


def test_no_entry_of_the_reference_is_missing():
    for kind in NAMES:
        assert {entry.name for entry in ENTRIES if entry.kind == kind} <= set(WORST[kind])


def test_no_operator_is_missing_from_the_table():
    comparisons = {SIGNS[name] for name in COMPARISONS}
    assert OPERATORS.keys() | comparisons <= WORST["operator"].keys()

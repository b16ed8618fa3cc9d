"""Random expressions over large values, of every name of the language."""

import random

from attune_nb.templates.compiler.calls import FILTER_NAMES
from attune_nb.templates.library.filters import FILTERS
from attune_nb.templates.library.filters_sequence import SEQUENCE_FILTERS
from attune_nb.templates.library.functions import FUNCTIONS
from attune_nb.templates.library.jinja_tests import TESTS
from attune_nb.templates.library.methods import METHODS
from support.template_cost_table import VALUES

__all__ = ["random_expression"]

NUMBERS = ["large", "huge", "huge_too", "million", "tiny"]
OBJECTS = ["object", "one_hash_object"]
ARRAYS = [
    "one_hash", "one_hash_arrays", "integers", "floats", "large_numbers", "one_number",
    "huge_numbers", "two_huge", "strings", "long_strings", "letter_strings", "short_needles",
    "empty_strings", "empty_arrays", "few_empty_arrays", "pairs", "fives", "rows", "deep",
    "last_keys", "zeros", "large_in_arrays", "floats_in_arrays",
]  # fmt: skip
STRINGS = [name for name in VALUES if name not in {*NUMBERS, *OBJECTS, *ARRAYS}]

SMALL = {
    "string": ["'a'", "''", "','", "'ab' * 40", "' '", "'a.b'", "'%s'", "'é'", "'😀'"],
    "number": ["0", "1", "-1", "7", "300", "-300", "0.5", "1e300", "10**9", "2**61 - 1"],
    "array": ["[]", "[1, 2, 3]", "['a', 'b']", "[[1, 'a'], [2, 'b']]", "[{'a': 1}]"],
    "object": ["{}", "{'a': 1}", "{0: 1, 2305843009213693951: 2}"],
    "boolean": ["true", "false"],
    "null": ["null"],
}
LARGE = {"string": STRINGS, "number": NUMBERS, "array": ARRAYS, "object": OBJECTS}

# Expressions of each kind, with places for others.
SHAPES = {
    "string": [
        "({string} ~ {string})", "({string} + {string})", "({string} * {number})",
        "({array} | join({string}))", "({any} | tojson)", "({any} | string)",
        "({string} | replace({string}, {string}))", "({string} | upper)", "{string}[{number}:]",
        "('%s %s' | format({any}, {any}))", "('{{:>9}}'.format({any}))", "({string} | title)",
        "({string} | indent({number}))", "{string}.strip({string})", "({array} | first | string)",
    ],
    "number": [
        "({number} + {number})", "({number} * {number})", "({number} ** {number})",
        "({number} // {number})", "({number} % {number})", "(-{number})", "({any} | length)",
        "({array} | sum)", "{string}.rfind({string})", "int({string})", "index_of({array}, {any})",
    ],
    "array": [
        "({array} + {array})", "({array} * {number})", "({string} | list)", "[{any}, {any}]",
        "range({number}, {number}, {number})", "({array} | map('string') | list)",
        "({array} | select('eq', {any}) | list)", "({array} | batch({number}))",
        "zip({array}, {array})", "split({string}, {string})", "({array} | unique)",
        "({array} | sort)", "{array}[{number}:{number}]", "chunks({array}, {number})",
        "({object} | items)", "({array} | groupby({number}))", "[{any}] * {number}",
    ],
    "object": ["merge({object}, {object})", "{{'a': {any}}}", "from_json({any} | tojson)"],
}  # fmt: skip
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in"]
KINDS = ["string", "number", "array", "object"]


class _Writer:
    """Writes one expression.

    Args:
        seed: The seed; one seed gives one expression.
    """

    def __init__(self, seed):
        self._random = random.Random(seed)

    def write(self):
        """Return a call of any name, or an operator, within a filter at times."""
        choose = self._random.choice
        shape = choose(["function", "filter", "test", "method", "operator", "map", "select", "any"])
        if shape == "function":
            callee = FUNCTIONS[choose(sorted(FUNCTIONS))]
            return f"{callee.name}({self._arguments(callee.parameters)})"
        if shape == "filter":
            return f"({self.value('any')} | {self._filter()})"
        if shape == "test":
            callee = TESTS[choose(sorted(TESTS))]
            return (
                f"({self.value('any')} is {callee.name}({self._arguments(callee.parameters[1:])}))"
            )
        if shape == "method":
            kind = choose(sorted(METHODS))
            callee = METHODS[kind][choose(sorted(METHODS[kind]))]
            arguments = self._arguments(callee.parameters[1:])
            return f"({self.value(kind)}).{callee.name}({arguments})"
        if shape == "operator":
            return f"({self.value('any')} {choose(OPERATORS)} {self.value('any')})"
        if shape == "map":
            name = choose(sorted(FILTER_NAMES))
            return f"({self.value('array')} | map('{name}', {self.value('any')}) | list)"
        if shape == "select":
            name = choose(sorted(TESTS))
            return f"({self.value('array')} | select('{name}', {self.value('any')}) | list)"
        return self.value("any", depth=3)

    def _filter(self):
        name = self._random.choice(sorted({**FILTERS, **SEQUENCE_FILTERS}))
        callee = {**FILTERS, **SEQUENCE_FILTERS}[name]
        return f"{name}({self._arguments(callee.parameters[1:])})"

    def _arguments(self, parameters):
        arguments = []
        for parameter in parameters:
            is_needed = not parameter.is_optional and not parameter.is_repeated
            if not is_needed and self._random.random() < 0.5:
                break
            arguments.append(self.value(self._kind_of(parameter)))
        return ", ".join(arguments)

    def _kind_of(self, parameter):
        """Return a kind that a parameter takes, and now and then another."""
        types = parameter.types
        if types is None or self._random.random() < 0.05:
            return "any"
        kinds = {str: "string", int: "number", list: "array", dict: "object", bool: "boolean"}
        return self._random.choice([kinds.get(kind, "any") for kind in sorted(types, key=str)])

    def value(self, kind, depth=2):
        """Return an expression of a kind: a value, or a shape with others in it."""
        if kind == "any":
            kind = self._random.choice(KINDS)

        chance = self._random.random()
        if kind in SHAPES and depth > 0 and chance < 0.4:
            shape = self._random.choice(SHAPES[kind])
            places = {name: _Place(self, name, depth - 1) for name in [*KINDS, "any"]}
            return shape.format(**places)
        if kind in LARGE and chance < 0.8:
            return f"v.{self._random.choice(LARGE[kind])}"
        return self._random.choice(SMALL[kind])


class _Place:
    """A place of a shape; each use of it is another value."""

    def __init__(self, writer, kind, depth):
        self._writer = writer
        self._kind = kind
        self._depth = depth

    def __format__(self, _):
        return self._writer.value(self._kind, self._depth)


def random_expression(seed):
    """Return an expression, in which `v.NAME` is one of the large values."""
    return _Writer(seed).write()

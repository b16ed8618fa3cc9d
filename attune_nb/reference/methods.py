"""The methods of strings, arrays and objects: `value.name(...)`."""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["METHODS"]


def _string(name: str, explanation: str, expression: str, result: str, *related: str) -> Entry:
    """Return the entry of a method of strings, with an expression and its value as JSON."""
    return Entry("string method", name, explanation, expression, result=result, related=related)


def _array(name: str, explanation: str, expression: str, result: str, *related: str) -> Entry:
    """Return the entry of a method of arrays, with an expression and its value as JSON."""
    return Entry("array method", name, explanation, expression, result=result, related=related)


def _object(name: str, explanation: str, expression: str, result: str, *related: str) -> Entry:
    """Return the entry of a method of objects, with an expression and its value as JSON."""
    return Entry("object method", name, explanation, expression, result=result, related=related)


_STRINGS = (
    _string("upper", "Return the string in upper case.", "'Ab'.upper()", '"AB"', "lower"),
    _string("lower", "Return the string in lower case.", "'Ab'.lower()", '"ab"', "upper"),
    _string("capitalize", "Return the string with its first letter in upper case.",
            "'hELLO'.capitalize()", '"Hello"', "title"),
    _string("casefold", "Return the string for comparisons without case.", "'AB'.casefold()",
            '"ab"', "lower"),
    _string("swapcase", "Return the string with upper and lower case exchanged.",
            "'Ab'.swapcase()", '"aB"'),
    _string("title", "Return the string with the first letter of every word in upper case.",
            "'hello world'.title()", '"Hello World"', "capitalize"),
    _string("isalnum", "Return whether there are only letters and digits.", "'a1'.isalnum()",
            "true", "isalpha", "isdigit"),
    _string("isalpha", "Return whether there are only letters.", "'a1'.isalpha()", "false",
            "isalnum"),
    _string("isdecimal", "Return whether there are only decimal digits.", "'42'.isdecimal()",
            "true", "isdigit"),
    _string("isdigit", "Return whether there are only digits.", "'42'.isdigit()", "true",
            "isdecimal", "number"),
    _string("isnumeric", "Return whether there are only characters of numbers.",
            "'42'.isnumeric()", "true", "isdigit"),
    _string("islower", "Return whether all letters are in lower case.", "'ab'.islower()", "true",
            "isupper"),
    _string("isupper", "Return whether all letters are in upper case.", "'AB'.isupper()", "true",
            "islower"),
    _string("isspace", "Return whether there is only white space.", "' '.isspace()", "true",
            "strip"),
    _string("istitle", "Return whether every word begins in upper case.", "'Ab Cd'.istitle()",
            "true", "title"),
    _string("strip", "Return the string without white space, or other characters, at its ends.",
            "' a '.strip()", '"a"', "lstrip", "rstrip"),
    _string("lstrip", "Return the string without white space at its start.", "' a '.lstrip()",
            '"a "', "strip", "rstrip"),
    _string("rstrip", "Return the string without white space at its end.", "' a '.rstrip()",
            '" a"', "strip", "lstrip"),
    _string("removeprefix", "Return the string without a certain start.",
            "'v1.2'.removeprefix('v')", '"1.2"', "removesuffix", "startswith"),
    _string("removesuffix", "Return the string without a certain end.",
            "'a.csv'.removesuffix('.csv')", '"a"', "removeprefix", "endswith"),
    _string("startswith", "Return whether the string begins with another one, or with one of an "
            "array.", "'https://x'.startswith(['http:', 'https:'])", "true", "endswith"),
    _string("endswith", "Return whether the string ends with another one, or with one of an "
            "array.", "'a.csv'.endswith('.csv')", "true", "startswith"),
    _string("format", "Return the string, which stands in quotes, with values in its fields: `{}`, "
            "`{0}`, `{name}`, with `>10`, `05d`, `,`, `.2f`, `.1%`, `x` after a colon. A width is "
            "at most 1,000, a precision at most 100.",
            "'{:,} of {:.0%}'.format(1234567, 0.5)", '"1,234,567 of 50%"', "round", "string"),
    _string("find", "Return the position of a part, counted from 0; -1 if there is none.",
            "'abc'.find('c')", "2", "rfind", "index_of"),
    _string("rfind", "Return the position of the last occurrence of a part.", "'aba'.rfind('a')",
            "2", "find"),
    _string("count", "Return how often a part occurs.", "'banana'.count('a')", "3", "length"),
    _string("replace", "Return the string with one part replaced by another.",
            "'a.b'.replace('.', '-')", '"a-b"', "removeprefix"),
    _string("split", "Return the parts between separators; without one, between white space.",
            "'a b c'.split()", '["a", "b", "c"]', "rsplit", "splitlines", "join"),
    _string("rsplit", "As `split`, but `maxsplit` counts from the end.",
            "'a.b.c'.rsplit('.', 1)", '["a.b", "c"]', "split"),
    _string("splitlines", "Return the lines.", "'a\\nb'.splitlines()", '["a", "b"]', "split"),
    _string("join", "Return the elements of an array as one string, with this one between them.",
            "', '.join([1, 2])", '"1, 2"', "split"),
)  # fmt: skip

_ARRAYS = (
    _array("count", "Return how often an element occurs.", "[1, 1, 2].count(1)", "2", "length"),
    _array("index", "Return the position of an element, counted from 0; an error if there is "
           "none.", "[5, 6].index(6)", "1", "index_of"),
)  # fmt: skip

_OBJECTS = (
    _object("get", "Return the value of a key; null, or another value, if there is none.",
            "{'a': 1}.get('b', 0)", "0", "default"),
    _object("items", "Return the keys and values as pairs.", "{'a': 1}.items()", '[["a", 1]]',
            "keys", "values"),
    _object("keys", "Return the keys in their order; the function `keys` sorts them.",
            "{'b': 1, 'a': 2}.keys()", '["b", "a"]', "values", "items"),
    _object("values", "Return the values in the order of their keys.",
            "{'b': 1, 'a': 2}.values()", "[1, 2]", "keys", "items"),
)  # fmt: skip

METHODS: tuple[Entry, ...] = (*_STRINGS, *_ARRAYS, *_OBJECTS)
"""All methods, by the kind of value that has them."""

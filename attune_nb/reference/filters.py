"""The filters of expressions: `value|name(...)`. They are those of Jinja2."""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["FILTERS"]


def _filter(
    name: str, explanation: str, expression: str, result: str, *related: str, values: str = ""
) -> Entry:
    """Return the entry of a filter.

    Args:
        name: The filter.
        explanation: Its meaning.
        expression: An expression with it.
        result: The value of the expression, as JSON.
        related: Further words to look up.
        values: The call, for a filter whose signature the library does not hold.
    """
    return Entry(
        "filter", name, explanation, expression, result=result, values=values, related=related
    )


_MISSING = (
    _filter(
        "default",
        "Return another value if this one is undefined; with `true` as the second argument also "
        "if it is empty or false.",
        "{'a': 1}.b|default('none')",
        '"none"',
        "d", "defined",
        values="value|default([default_value][, boolean])",
    ),
    _filter(
        "d",
        "Short for `default`.",
        "''|d('none', true)",
        '"none"',
        "default",
        values="value|d([default_value][, boolean])",
    ),
)  # fmt: skip

_ELEMENTS = (
    _filter(
        "map",
        "Return an array with a filter applied to each element, or with an attribute of each.",
        "[[{'id': 1}, {'id': 2}]|map(attribute='id'), ['a', 'b']|map('upper')]",
        '[[1, 2], ["A", "B"]]',
        "select", "selectattr",
        values="value|map(filter[, arguments...]), value|map(attribute=path[, default=value])",
    ),
    _filter(
        "select",
        "Return the elements that pass a test; without a test, those that count as true.",
        "[1, 2, 3]|select('>', 1)",
        "[2, 3]",
        "reject", "selectattr", "map",
        values="value|select([test[, arguments...]])",
    ),
    _filter(
        "reject",
        "Return the elements that do not pass a test.",
        "[1, 2, 3]|reject('odd')",
        "[2]",
        "select", "rejectattr",
        values="value|reject([test[, arguments...]])",
    ),
    _filter(
        "selectattr",
        "Return the elements whose attribute passes a test; without a test, those whose attribute "
        "counts as true.",
        "[{'id': 1, 'up': true}, {'id': 2, 'up': false}]|selectattr('up')|map(attribute='id')",
        "[1]",
        "rejectattr", "select", "map",
        values="value|selectattr(path[, test[, arguments...]])",
    ),
    _filter(
        "rejectattr",
        "Return the elements whose attribute does not pass a test.",
        "[{'id': 1, 'up': true}, {'id': 2, 'up': false}]|rejectattr('up')|map(attribute='id')",
        "[2]",
        "selectattr", "reject",
        values="value|rejectattr(path[, test[, arguments...]])",
    ),
    _filter(
        "batch",
        "Return the elements in rows of that many; `fill_with` completes the last row.",
        "[1, 2, 3]|batch(2, 0)",
        "[[1, 2], [3, 0]]",
        "slice", "chunks",
    ),
    _filter(
        "slice",
        "Return the elements in that many columns. The function `slice` returns a part.",
        "[1, 2, 3, 4, 5]|slice(2)",
        "[[1, 2, 3], [4, 5]]",
        "batch",
    ),
    _filter(
        "dictsort",
        "Return the keys and values of an object as pairs, sorted by key or by value.",
        "{'b': 1, 'a': 2}|dictsort",
        '[["a", 2], ["b", 1]]',
        "items", "sort",
    ),
    _filter("first", "Return the first element.", "[1, 2, 3]|first", "1", "last"),
    _filter("last", "Return the last element.", "[1, 2, 3]|last", "3", "first"),
    _filter(
        "groupby",
        "Return groups of elements with the same attribute: the attribute's value and the array "
        "of its elements.",
        "[{'n': 1, 'r': 'b'}, {'n': 2, 'r': 'a'}]|groupby('r')|map('first')",
        '["a", "b"]',
        "sort", "unique",
    ),
    _filter(
        "items",
        "Return the keys and values of an object as pairs.",
        "{'a': 1}|items",
        '[["a", 1]]',
        "dictsort", "keys", "values",
    ),
    _filter(
        "list",
        "Return an array: the characters of a string, the keys of an object, or the array itself.",
        "'abc'|list",
        '["a", "b", "c"]',
    ),
    _filter("length", "Return the number of characters, elements or keys.", "[1, 2]|length", "2",
            "count"),
    _filter("count", "The same as `length`.", "'abc'|count", "3", "length"),
    _filter("max", "Return the greatest element; strings are compared without case.",
            "[1, 3, 2]|max", "3", "min"),
    _filter("min", "Return the smallest element; strings are compared without case.",
            "[2, 1]|min", "1", "max"),
    _filter(
        "reverse",
        "Return an array or a string in the opposite order.",
        "[1, 2]|reverse",
        "[2, 1]",
        "sort",
    ),
    _filter(
        "sort",
        "Return the elements in order, also by an attribute: `sort(attribute='size')`. Strings "
        "are compared without case.",
        "['b', 'C', 'a']|sort(reverse=true)",
        '["C", "b", "a"]',
        "dictsort", "unique",
    ),
    _filter("sum", "Return the sum of numbers, or of an attribute of the elements.",
            "[{'n': 1}, {'n': 2}]|sum(attribute='n')", "3"),
    _filter(
        "unique",
        "Return the elements without repeated ones; strings are compared without case.",
        "['a', 'A', 'b']|unique",
        '["a", "b"]',
        "groupby",
    ),
    _filter("join", "Return the elements as one string, with a separator between them.",
            "[1, 2]|join(', ')", '"1, 2"', "split"),
)  # fmt: skip

_TEXTS = (
    _filter("capitalize", "Return text with its first letter in upper case, others in lower case.",
            "'hELLO'|capitalize", '"Hello"', "title", "lower"),
    _filter("center", "Return text in the middle of a line of that width.", "'ab'|center(6)",
            '"  ab  "'),
    _filter("indent", "Return text with its lines indented, by default all but the first one.",
            "'a\\nb'|indent(2)", r'"a\n  b"'),
    _filter("lower", "Return text in lower case.", "'Ab'|lower", '"ab"', "upper"),
    _filter("upper", "Return text in upper case.", "'Ab'|upper", '"AB"', "lower"),
    _filter("title", "Return text with the first letter of every word in upper case.",
            "'hello world'|title", '"Hello World"', "capitalize"),
    _filter("trim", "Return text without white space, or other characters, at its ends.",
            "'--a--'|trim('-')", '"a"', "strip"),
    _filter("truncate", "Return text cut to that many characters, with an ellipsis at its end.",
            "'one two three four five'|truncate(12)", '"one two..."'),
    _filter("replace", "Return text with one part replaced by another.",
            "'a.b'|replace('.', '-')", '"a-b"'),
    _filter("wordcount", "Return the number of words.", "'one two'|wordcount", "2", "length"),
    _filter("striptags", "Return text without the tags of HTML.", "'<b>a</b>'|striptags", '"a"',
            "escape"),
    _filter("escape", "Return text with `&`, `<`, `>` and quotes written for HTML.",
            "'<b>'|escape", '"&lt;b&gt;"', "e", "forceescape", "striptags"),
    _filter("e", "Short for `escape`.", "'<b>'|e", '"&lt;b&gt;"', "escape"),
    _filter("forceescape", "The same as `escape`.", "'<b>'|forceescape", '"&lt;b&gt;"', "escape"),
    _filter("safe", "Return a value as text. Nothing is escaped here unless a filter does it.",
            "'<b>'|safe", '"<b>"', "escape"),
    _filter("string", "Return a value as text.", "[1, true]|string", '"[1,true]"', "tojson"),
    _filter("tojson", "Return a value as JSON text; `indent` writes it in lines.",
            "{'a': 1}|tojson", r'"{\"a\":1}"', "to_json", "from_json"),
    _filter("quote", "Return a value as one word of a shell's command, whatever it holds; an array "
            "as one word an element.", "'it is; rm x'|quote", "\"'it is; rm x'\"", "urlencode"),
    _filter("urlencode", "Return text, or the pairs of an object, as a part of an address.",
            "{'q': 'a b'}|urlencode", '"q=a+b"'),
)  # fmt: skip

_NUMBERS = (
    _filter("abs", "Return a number without its sign.", "-3|abs", "3", "round"),
    _filter("float", "Return a value as a number with a fraction; `default` if it is none.",
            "'1.5'|float", "1.5", "int"),
    _filter("int", "Return a value as an integer; `default`, which is 0, if it is none.",
            "'42'|int + 'x'|int", "42", "float"),
    _filter("round", "Return a number with that many digits after the point. A half is rounded to "
            "the even digit; the function `round` rounds it away from 0.",
            "2.5|round", "2.0", "abs"),
    _filter("filesizeformat", "Return a number of bytes for people; `true` counts in 1024.",
            "1500000|filesizeformat", '"1.5 MB"'),
    _filter("format", "Return a format with values in it, as Python's `%` does, which works too: "
            "`%s`, `%d`, `%05.2f`, `%e`, `%g`, `%x`, `%o`. The format is a string in quotes; a "
            "width is at most 1,000, a precision at most 100.",
            "'%s has %.2f' | format('a', 1.5)", '"a has 1.50"', "round", "string"),
)  # fmt: skip

FILTERS: tuple[Entry, ...] = (*_MISSING, *_ELEMENTS, *_TEXTS, *_NUMBERS)
"""All filters, those of one purpose together."""

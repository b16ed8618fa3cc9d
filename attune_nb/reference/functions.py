"""The functions of expressions."""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["FUNCTIONS"]


def _function(name: str, explanation: str, expression: str, result: str, *related: str) -> Entry:
    """Return the entry of a function.

    Args:
        name: The function.
        explanation: Its meaning.
        expression: A call.
        result: The value of the call, as JSON.
        related: Further words to look up.
    """
    return Entry("function", name, explanation, expression, result=result, related=related)


_CONVERSIONS = (
    _function(
        "string",
        "Return a value as text: null is empty, a boolean is `true` or `false`, an array or an "
        "object is JSON.",
        "string(42) ~ ' ' ~ string([1, true])",
        '"42 [1,true]"',
        "number", "to_json", "type_of",
    ),
    _function(
        "number",
        "Return a string or a boolean as a number. Text that is no number is an error.",
        "number('1.5') + number(true)",
        "2.5",
        "int", "string",
    ),
    _function(
        "int",
        "Return a value as an integer; a fraction is cut off towards 0.",
        "int('42') + int(-1.9)",
        "41",
        "number", "round", "floor",
    ),
    _function(
        "bool",
        "Return whether a value counts as true. Empty values, 0 and null are false, and so is the "
        "string `false`.",
        "[bool('false'), bool('no'), bool([])]",
        "[false, true, false]",
        "when",
    ),
    _function(
        "type_of",
        "Return the kind of a value: `null`, `bool`, `number`, `string`, `array` or `object`.",
        "[type_of(1), type_of('a'), type_of({})]",
        '["number", "string", "object"]',
        "string", "number",
    ),
    _function(
        "from_json",
        "Return the value of a JSON text.",
        "from_json('{\"a\": [1, 2]}').a",
        "[1, 2]",
        "to_json",
    ),
    _function(
        "to_json",
        "Return a value as JSON text.",
        "to_json({'a': [1, 2]})",
        r'"{\"a\":[1,2]}"',
        "from_json", "tojson",
    ),
)  # fmt: skip

_NUMBERS = (
    _function("abs", "Return a number without its sign.", "abs(-3)", "3"),
    _function("floor", "Return the next integer below.", "floor(-1.5)", "-2", "ceil", "round"),
    _function("ceil", "Return the next integer above.", "ceil(1.2)", "2", "floor", "round"),
    _function(
        "round",
        "Return a number with that many digits after the point. A half is rounded away from 0; "
        "the filter `round` rounds it to the even digit, as Python does.",
        "[round(2.5), round(1.255, 1)]",
        "[3, 1.3]",
        "floor", "ceil", "int",
    ),
    _function(
        "min",
        "Return the smallest of an array, or of two values.",
        "[min([3, 1, 2]), min(3, 1)]",
        "[1, 1]",
        "max", "sort",
    ),
    _function(
        "max",
        "Return the greatest of an array, or of two values.",
        "[max([3, 1, 2]), max(3, 1)]",
        "[3, 3]",
        "min", "sort",
    ),
    _function("sum", "Return the sum of an array of numbers.", "sum([1, 2, 3])", "6", "length"),
    _function(
        "range",
        "Return the integers from `start` up to, but not with, `stop`. With one argument the start "
        "is 0.",
        "[range(3), range(1, 10, 4)]",
        "[[0, 1, 2], [1, 5, 9]]",
        "slice", "chunks", "with_items",
    ),
)  # fmt: skip

_STRINGS = (
    _function("lower", "Return a string in lower case.", "lower('Ab')", '"ab"', "upper"),
    _function("upper", "Return a string in upper case.", "upper('Ab')", '"AB"', "lower"),
    _function(
        "trim",
        "Return a string without white space at its ends.",
        "trim('  a b ')",
        '"a b"',
        "strip",
    ),
    _function(
        "split",
        "Return the parts of a string between separators.",
        "split('a,b,c', ',')",
        '["a", "b", "c"]',
        "join", "splitlines",
    ),
    _function(
        "join",
        "Return the elements of an array as one string, with a separator between them.",
        "join(['a', 'b', 3], '-')",
        '"a-b-3"',
        "split",
    ),
    _function(
        "replace",
        "Return a string with one part replaced by another, wherever it occurs.",
        "replace('a.b.c', '.', '/')",
        '"a/b/c"',
        "match",
    ),
    _function(
        "starts_with",
        "Return whether a string begins with another one.",
        "starts_with('https://x', 'https')",
        "true",
        "ends_with", "contains",
    ),
    _function(
        "ends_with",
        "Return whether a string ends with another one.",
        "ends_with('report.csv', '.csv')",
        "true",
        "starts_with", "contains",
    ),
    _function(
        "match",
        "Return whether a regular expression is found in a string. The pattern comes first; it "
        "may match anywhere, unless `^` and `$` mark the ends.",
        "match('^v[0-9]+', 'v12-rc1')",
        "true",
        "contains", "pattern", "on_error",
    ),
)  # fmt: skip

_COLLECTIONS = (
    _function(
        "length",
        "Return the number of characters, elements or keys.",
        "[length('abc'), length([1, 2]), length({'a': 1})]",
        "[3, 2, 1]",
        "count",
    ),
    _function(
        "keys",
        "Return the keys of an object, sorted.",
        "keys({'b': 1, 'a': 2})",
        '["a", "b"]',
        "values", "items",
    ),
    _function(
        "values",
        "Return the values of an object, in the order of its sorted keys.",
        "values({'b': 1, 'a': 2})",
        "[2, 1]",
        "keys", "items",
    ),
    _function(
        "contains",
        "Return whether a string has a part, an array an element, or an object a key.",
        "[contains('abc', 'b'), contains([1, 2], 3), contains({'a': 1}, 'a')]",
        "[true, false, true]",
        "index_of", "match", "in",
    ),
    _function(
        "index_of",
        "Return the position of a part of a string or of an element of an array, counted from 0; "
        "-1 if there is none.",
        "[index_of('abc', 'c'), index_of([5, 6], 7)]",
        "[2, -1]",
        "contains", "slice",
    ),
    _function(
        "count",
        "Return how often a part or an element occurs; without `needle`, the length.",
        "[count('banana', 'a'), count([1, 1, 2], 1), count([1, 1, 2])]",
        "[3, 2, 3]",
        "length",
    ),
    _function(
        "reversed",
        "Return an array or a string in the opposite order.",
        "reversed([1, 2, 3])",
        "[3, 2, 1]",
        "sort",
    ),
    _function(
        "sort",
        "Return an array in ascending order. The filter `sort` also sorts by an attribute.",
        "sort([3, 1, 2])",
        "[1, 2, 3]",
        "reversed", "unique", "min", "max",
    ),
    _function(
        "unique",
        "Return an array without repeated elements; the first of equal ones is kept.",
        "unique([1, 2, 1])",
        "[1, 2]",
        "sort",
    ),
    _function(
        "flat",
        "Return an array whose elements that are arrays are replaced by their elements.",
        "flat([1, [2, 3], [[4]]])",
        "[1, 2, 3, [4]]",
        "chunks", "zip",
    ),
    _function(
        "zip",
        "Return arrays of the first elements, of the second elements, and so on, up to the end of "
        "the shortest array.",
        "zip(['a', 'b'], [1, 2, 3])",
        '[["a", 1], ["b", 2]]',
        "merge", "range",
    ),
    _function(
        "slice",
        "Return a part of an array or a string: from `start` up to, but not with, `end`. A "
        "negative position counts from the end.",
        "[slice([1, 2, 3, 4], 1, 3), slice('report.csv', -3)]",
        '[[2, 3], "csv"]',
        "chunks", "index_of",
    ),
    _function(
        "merge",
        "Return one object with the keys of two; of a key in both the second value is kept. It is "
        "shallow.",
        "merge({'a': 1, 'b': 1}, {'b': 2})",
        '{"a": 1, "b": 2}',
        "zip",
    ),
    _function(
        "chunks",
        "Return an array in parts of that many elements; the last part may be shorter.",
        "chunks([1, 2, 3, 4, 5], 2)",
        "[[1, 2], [3, 4], [5]]",
        "batch_size", "slice",
    ),
)  # fmt: skip

_OUTCOMES = (
    Entry(
        "function",
        "result",
        "Return the result of the task that has just ended. Of a failed task it is an object with "
        "`error`, `error_type` and whatever the action returned before it failed; of a task with "
        "items it is an array of these.",
        """
        tasks:
          - name: count
            action: core.echo
            input: {message: 5}
            next:
              - publish: {total: "{{ result().message }}"}
        """,
        related=("next", "publish", "succeeded", "task"),
    ),
    Entry(
        "function",
        "succeeded",
        "Return whether the task that has just ended succeeded. A skipped task did.",
        """
        tasks:
          - name: build
            action: core.noop
            next:
              - when: "{{ succeeded() }}"
                do: deploy
          - name: deploy
            action: core.noop
        """,
        related=("failed", "timed_out", "skipped", "completed"),
    ),
    Entry(
        "function",
        "failed",
        "Return whether the task that has just ended failed. A timeout is not a failure: use "
        "`timed_out()`, or `not succeeded()` for both.",
        """
        tasks:
          - name: deploy
            action: core.fail
            input: {message: disk full}
            next:
              - when: "{{ failed() }}"
                do: undo
          - name: undo
            action: core.noop
        """,
        related=("succeeded", "timed_out", "retry", "noop"),
    ),
    Entry(
        "function",
        "timed_out",
        "Return whether the task that has just ended exceeded its `timeout`.",
        """
        tasks:
          - name: wait
            action: core.sleep
            timeout: 0.05
            input: {seconds: 10}
            next:
              - when: "{{ timed_out() }}"
                do: noop
        """,
        related=("timeout", "failed", "succeeded"),
    ),
    Entry(
        "function",
        "skipped",
        "Return whether the task was skipped because its `when` was false.",
        """
        tasks:
          - name: notify
            action: core.noop
            when: "{{ false }}"
            next:
              - when: "{{ skipped() }}"
                do: note
          - name: note
            action: core.noop
        """,
        related=("when", "succeeded"),
    ),
    Entry(
        "function",
        "completed",
        "Return true: the task has ended, however it ended. A transition without `when` says the "
        "same.",
        """
        tasks:
          - name: build
            action: core.noop
            next:
              - when: "{{ completed() }}"
                do: clean
          - name: clean
            action: core.noop
        """,
        related=("succeeded", "failed", "next"),
    ),
)

_MOMENTS = (
    Entry(
        "function",
        "now",
        "Return the present time in UTC, as ISO 8601 text with microseconds. It is taken once for "
        "each evaluation and recorded, so that a replay gives the same.",
        """
        tasks:
          - name: show
            action: core.echo
            input: {message: "It is {{ now() }}"}
        """,
        related=("uuid", "system"),
    ),
    Entry(
        "function",
        "uuid",
        "Return a new random identifier as text. It is recorded, so that a replay gives the same.",
        """
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ uuid() }}"}
        """,
        related=("now",),
    ),
)

_RECORDS = (
    Entry(
        "function",
        "task",
        "Return the record of a task that has ended: an object with the fields of `task.NAME`. "
        "The name may be computed, and a key of the result hides none of the fields.",
        """
        tasks:
          - name: check
            action: core.echo
            input: {message: fine}
        output_map: {status: "{{ task('check').status }}"}
        """,
        related=("status", "result", "failures"),
    ),
)

FUNCTIONS: tuple[Entry, ...] = (
    *_OUTCOMES,
    *_CONVERSIONS,
    *_COLLECTIONS,
    *_STRINGS,
    *_NUMBERS,
    *_MOMENTS,
    *_RECORDS,
)
"""All functions, those of one purpose together."""

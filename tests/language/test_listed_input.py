"""One table of the bad inputs that careful tools meet; add a row to add a case.

A case is a name, a text, and words of the message. `run` has the options of its run, written as
Python; `position` is the line and column of the message. All cases run in one process of their
own, each within 2 seconds and 200 MB. None may crash it, and none may raise an error that is
not an `AttuneError`.
"""

import itertools
import sys
from typing import NamedTuple

import pytest
from support.bounded_process import run_cases

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


class Case(NamedTuple):
    text: str
    words: str
    position: tuple[int, int] | None = None
    run: str | None = ""


A = "tasks:\n  - name: a\n    action: core.noop\n"
B = "  - {name: b, action: core.noop}\n"
ACT = "tasks:\n  - name: a\n    action: act\n"
ITEMS = "parameters: {p: {}}\n" + A + "    with_items: '{{ parameters.p }}'\n"
NUMBER = "parameters: {num: {type: number, required: true}}\n" + A


def expression(text):
    quoted = "'" + text.replace("'", "''") + "'"
    return A + f"    input: {{x: {quoted}}}\n"


def bomb(first, template):
    """Return a text in which each value holds an earlier one several times."""
    lines = [f"a: &a {first}\n"]
    for earlier, name in itertools.pairwise("abcdefghi"):
        lines.append(f"{name}: &{name} {template.format('*' + earlier)}\n")
    return "".join(lines) + "tasks: *i\n"


YAML = {
    "an empty text": Case("", "nothing to run"),
    "only comments": Case("# nothing\n", "nothing to run"),
    "an array": Case("- a\n", "a workflow must be an object", (1, 1)),
    "a string": Case("a\n", "a workflow must be an object", (1, 1)),
    "two documents": Case(A + "---\n" + A, "a second document starts in line 4", (4, 1)),
    "not YAML": Case("tasks: [a: b: c\n", "never closed", (1, 8)),
    "a quote that is not closed": Case("tasks: 'a\n", "never closed", (1, 8)),
    "a tab indent": Case("tasks:\n\t- name: a\n", "uses a tab", (2, 1)),
    "a key twice": Case(A + "    action: x\n", "lines 3 and 4", (4, 5)),
    "an alias bomb": Case(
        bomb("[x, x, x, x, x, x, x, x, x]", f"[{'{0}, ' * 9}]"), "100,000 values", (6, 8)
    ),
    "a merge-key bomb": Case(bomb("{x: 1}", "{{<<: [{0}, {0}, {0}]}}"), "<<"),
    "an alias of itself": Case("tasks: &a [*a]\n", "contains it", (1, 12)),
    "an alias without an anchor": Case("tasks: *x\n", "x", (1, 8)),
    "10,000 levels": Case("tasks: " + "[" * 10_000, "deep"),
    "100,000 brackets": Case("[" * 100_000, "deep"),
    "2 MiB": Case("a: " + "x" * 2**21, "larger than 1 MiB", (1, 1)),
    "50 MB": Case("a: x\n" * 10**7, "larger than 1 MiB", (1, 1)),
    "100,000 dashes": Case("- " * 100_000, "deep"),
    "100,000 keys": Case("".join(f"k{n}: 1\n" for n in range(100_000)), "values"),
    "a binary file": Case(bytes(range(256)).decode("latin-1"), "U+0000", (1, 1)),
    "a NUL": Case(A + "    label: a\0b\n", "U+0000", (4, 13)),
    "a lone surrogate": Case(A + "    label: a\ud800b\n", "U+D800", (4, 13)),
    "a tag": Case("tasks: !!python/object/apply:os.system [ls]\n", "tag", (1, 8)),
    "!!binary": Case("tasks: !!binary aaaa\n", "tag", (1, 8)),
    "!!set": Case("tasks: !!set {a, b}\n", "tag", (1, 8)),
    "!!omap": Case("tasks: !!omap [a: b]\n", "tag", (1, 8)),
    "a key that is a number": Case("1: x\n", "quote", (1, 1)),
    "a key that is an array": Case("[a]: x\n", "a key must be a string", (1, 1)),
    "a template without quotes": Case(A + "    when: {{ x }}\n", "put quotes around", (4, 11)),
    "a number that is not finite": Case(A + "    timeout: .inf\n", "not finite", (4, 14)),
    "NaN": Case(A + "    timeout: .nan\n", "not finite", (4, 14)),
    "1e999": Case(A + "    timeout: 1e999\n", "not finite", (4, 14)),
    "5,000 digits": Case(A + "    timeout: " + "9" * 5000 + "\n", "digits", (4, 14)),
    "010 for a number": Case(A + "    timeout: 010\n", "010", (4, 14)),
    "12:30 for a number": Case(A + "    timeout: 12:30\n", "12:30", (4, 14)),
}
WORKFLOW = {
    "no tasks": Case("version: 1\n", "needs `tasks`", (1, 1)),
    "empty tasks": Case("tasks: []\n", "tasks", (1, 8)),
    "tasks that are a string": Case("tasks: a\n", "tasks", (1, 8)),
    "two tasks of one name": Case(A + "  - {name: a, action: x}\n", "line 2", (4, 12)),
    "10,000 tasks of one name": Case("tasks:\n" + A.partition("\n")[2] * 10_000, "line 2"),
    "a target that does not exist": Case(
        A + "    next: [{do: bb}]\n" + B, "did you mean `b`?", (4, 17)
    ),
    "a task named like a reserved target": Case("tasks: [{name: fail, action: x}]\n",
                                                "reserved", (1, 16)),
    "a name that is empty": Case("tasks: [{name: '', action: x}]\n", "1 to 100", (1, 16)),
    "a name of 10,000 characters": Case(f"tasks: [{{name: {'x' * 10_000}, action: x}}]\n",
                                        "1 to 100", (1, 16)),
    "a name with `/`": Case("tasks: [{name: ../x, action: x}]\n", "without `/`", (1, 16)),
    "no action": Case("tasks:\n  - {name: a}\n", "task `a` needs an `action`", (2, 5)),
    "an unknown key of a workflow": Case("taks: 1\n" + A, "did you mean `tasks`?", (1, 1)),
    "an unknown key of a task": Case(A + "    retires: 1\n", "did you mean `retry`?", (4, 5)),
    "an unknown key of a retry": Case(A + "    retry: {count: 1, dealy: 1}\n",
                                      "did you mean `delay`?", (4, 23)),
    "an unknown key of a transition": Case(A + "    next: [{dO: b}]\n" + B,
                                           "did you mean `do`?", (4, 13)),
    "an unknown key of a parameter": Case("parameters: {p: {tpye: any}}\n" + A,
                                          "did you mean `type`?", (1, 18)),
    "concurrency 0": Case(A + "    with_items: [1]\n    concurrency: 0\n", "1 or more", (5, 18)),
    "negative concurrency": Case(A + "    with_items: [1]\n    concurrency: -1\n", "1 or more",
                                 (5, 18)),
    "fractional concurrency": Case(A + "    with_items: [1]\n    concurrency: 1.5\n",
                                   "1 or more", (5, 18)),
    "retry count 0": Case(A + "    retry: {count: 0}\n", "from 1 to 100", (4, 20)),
    "retry count 101": Case(A + "    retry: {count: 101}\n", "from 1 to 100", (4, 20)),
    "retry count -1": Case(A + "    retry: {count: -1}\n", "from 1 to 100", (4, 20)),
    "retry count 1e9": Case(A + "    retry: {count: 1e9}\n", "from 1 to 100", (4, 20)),
    "retry count of text": Case(A + "    retry: {count: '3'}\n", "from 1 to 100", (4, 20)),
    "timeout 0": Case(A + "    timeout: 0\n", "more than 0", (4, 14)),
    "a negative timeout": Case(A + "    timeout: -1\n", "more than 0", (4, 14)),
    "a timeout of text": Case(A + "    timeout: soon\n", "more than 0", (4, 14)),
    "timeout true": Case(A + "    timeout: true\n", "more than 0", (4, 14)),
    "join 0": Case(A + "    join: 0\n", "`all` or an integer", (4, 11)),
    "join -1": Case(A + "    join: -1\n", "`all` or an integer", (4, 11)),
    "a join of more tasks than point at it": Case(
        A + "    next: [{do: b}]\n  - {name: b, action: core.noop, join: 2}\n", "join", (5, 40)
    ),
    "a self-join": Case(
        A + "    next: [{do: b}]\n  - {name: b, action: core.noop, join: all, next: [{do: b}]}\n",
        "it could never start", (5, 40),
    ),
    "no entry point": Case(A + "    next: [{do: a}]\n", "start", (2, 11)),
    "an unreachable task": Case(
        A + "  - {name: b, action: core.noop, next: [{do: c}]}\n"
        "  - {name: c, action: core.noop, next: [{do: b}]}\n",
        "no path leads to `b`", (4, 12), None,
    ),
    "an endless cycle": Case(
        A + "    next: [{do: b}]\n  - {name: b, action: core.noop, next: [{do: b}]}\n",
        "10,000",
    ),
    "a catastrophic pattern in a parameter": Case(
        "parameters: {p: {pattern: '(a+)+$', default: " + "a" * 50 + "!}}\n" + A,
        "does not match", (1, 46)),
}  # fmt: skip
TEMPLATES = {
    "an unclosed `{{`": Case(expression("{{ x"), "not closed", (4, 16)),
    "a statement": Case(expression("{% if x %}"), "statements", (4, 16)),
    "an include": Case(expression("{% include 'x' %}"), "statements", (4, 16)),
    "a syntax error": Case(expression("{{ 1 + }}"), "not an expression", (4, 16)),
    "an undefined name": Case("vars: {item: 1}\n" + expression("{{ itme }}"),
                              "did you mean `item`?", (5, 16)),
    "an undefined name in an array": Case(expression("{{ [xx]|length }}"), "`xx` is undefined",
                                        (4, 16)),
    "a key of null": Case("parameters: {a: {default: null}}\n" + expression("{{ parameters.a.b }}"),
                          "null", (5, 16)),
    "1 MB of expression": Case(expression("{{ " + "1+" * 490_000 + "1 }}"), "at most 100,000"),
    "3,000 parentheses": Case(expression("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}"),
                              "brackets", (4, 16)),
    "range(10**9)": Case(expression("{{ range(10**9) }}"), "at most 100,000 numbers", (4, 16)),
    "a string times 10**9": Case(expression("{{ 'a' * 10**9 }}"), "10,000,000 characters"),
    "2 ** 10**8": Case(expression("{{ 2 ** (10**8) }}"), "4,096 bits", (4, 16)),
    "9**(9**9)": Case(expression("{{ 9**(9**9) }}"), "4,096 bits", (4, 16)),
    "filters like nested comprehensions": Case(
        expression("{{ range(99999)" + "|map('string')|sort" * 4 + "|list }}"), "too much work"
    ),
    "an array times 10**9": Case(expression("{{ [0] * 10**9 }}"), "too much work", (4, 16)),
    "a string that doubles": Case(expression("{{ " + " ~ ".join(["('ab' * 10**6)"] * 50) + " }}"),
                                "10,000,000 characters"),
    "ljust": Case(expression("{{ 'x'.ljust(10**9) }}"), "no method `ljust`", (4, 16)),
    "center": Case(expression("{{ 'x'|center(10**9) }}"), "at most 10,000", (4, 16)),
    "a width in %": Case(
        expression("{{ '%999999999d' % 1 }}"), "is at most 1,000 characters", (4, 16)),
    "a width in format": Case(
        expression("{{ '{:999999999d}'.format(1) }}"), "is at most 1,000 characters", (4, 16)),
    "a stored format": Case(expression("{{ ''|attr('format') }}"), "`attr` is not available"),
    "`__class__`": Case(expression("{{ ''.__class__.__mro__ }}"), "has no `__class__`"),
    "`cycler`": Case(expression("{{ cycler.__init__ }}"), "`cycler` is not part of the language"),
    "a catastrophic pattern": Case(
        expression("{{ match('(a|a)*b|(a+)+$', 'a' * 100000 ~ '!') }}"), "takes too long"),
    "a method of a DataFrame": Case(
        "parameters: {p: {}}\n" + expression("{{ parameters.p.to_csv('x.csv') }}"), "`to_csv`",
        None, "{'parameters': {'p': pandas.DataFrame({'a': [1]})}}"),
    "a method of a path": Case(
        "parameters: {p: {}}\n" + expression("{{ parameters.p.unlink() }}"), "`unlink`",
        None, "{'parameters': {'p': pathlib.Path('x')}}"),
}  # fmt: skip
DATA = {
    **{
        f"with-items over {kind}": Case(
            ITEMS, words, (5, 17), f"{{'parameters': {{'p': {value}}}}}"
        )
        for kind, value, words in [
            ("a string", "'abc'", "needs an array, not a string"),
            ("null", "None", "needs an array, not null"),
            ("a number", "5", "needs an array, not an integer"),
        ]
    },
    "a parameter that is missing": Case(NUMBER, "the run needs the parameter `num`", None, "{}"),
    "a parameter that is unknown": Case(NUMBER, "did you mean `num`?", None,
                                        "{'parameters': {'num': 1, 'nun': 1}}"),
    "a parameter of the wrong type": Case(NUMBER, "number", None, "{'parameters': {'num': 'x'}}"),
    "a parameter that is NaN": Case(NUMBER, "finite", None, "{'parameters': {'num': math.nan}}"),
    "a parameter of bytes": Case(NUMBER, "bytes", None, "{'parameters': {'num': b'x'}}"),
    "parameters that are an array": Case(NUMBER, "must be an object", None, "{'parameters': [1]}"),
    "a key that an item lacks": Case(
        ITEMS + "    input: {x: '{{ item.k }}'}\n", "index 2: `item` has no `k`", (6, 16),
        "{'parameters': {'p': [{'k': 1}, {'k': 2}, {'l': 3}]}}"),
    "an unknown action": Case(A.replace("noop", "nop"), "mean `core.noop`?", (3, 13), "{}"),
    "an argument that is missing": Case(A.replace("noop", "sleep"), "seconds", (3, 13), "{}"),
    "an argument that is unknown": Case(
        A.replace("noop", "sleep") + "    input: {seconds: 0, secs: 1}\n", "secs", (4, 25), "{}"),
    "an import that is not allowed": Case(A.replace("core.noop", "os:getcwd"), "allow_imports",
                                          (3, 13), "{}"),
}  # fmt: skip
DATA["a DataFrame with a column twice"] = Case(
    ITEMS, "two columns are named `a`", (5, 17),
    "{'parameters': {'p': pandas.DataFrame([[1, 2]], columns=['a', 'a'])}}",
)  # fmt: skip
DATA["a sleep of text"] = Case(
    A.replace("noop", "sleep") + "    input: {seconds: x}\n", "seconds", None, "{}"
)
ACTIONS = {
    f"an action that {deed}": Case(
        ACT + more, words, None, f"{{'backend': 'threads', 'actions': {{'act': {act}}}}}"
    )
    for deed, act, more, words in [
        ("raises", "raising(ValueError('no'))", "", "no"),
        ("raises an error without a text", "raising(Unsayable())", "", "Unsayable"),
        ("raises a BaseException", "raising(BaseException('no'))", "", "no"),
        ("calls sys.exit", "sys.exit", "", "SystemExit"),
        ("returns a value that contains itself", "lambda: itself", "", "contains itself"),
        ("changes its input", "lambda x: x.append(1)", "    input: {x: [1]}\n", "read-only"),
    ]
}
ACTIONS["an action that never returns"] = Case(
    ACT + "    timeout: 0.2\n", "0.2 s", None,
    "{'backend': 'threads', 'actions': {'act': lambda: time.sleep(1000)}}",
)  # fmt: skip
ACTIONS["an action that raises KeyboardInterrupt"] = Case(
    ACT, "KeyboardInterrupt", None,
    "{'backend': 'threads', 'actions': {'act': raising(KeyboardInterrupt())}}",
)  # fmt: skip
FINE = {
    "a name like <script>": Case("tasks: [{name: '<script>', action: core.noop}]\n", "", run="{}"),
    "a name like $x^{$": Case("tasks: [{name: '$x^{$', action: core.noop}]\n", "", run="{}"),
    "an emoji as a name": Case("tasks: [{name: 😀, action: core.noop}]\n", "", run="{}"),
    "CRLF, a BOM and trailing blanks": Case(
        "\ufeff" + A.replace("\n", "  \r\n"), "", run="{}"
    ),
    "`no` as a name": Case(A.replace("name: a", "name: no"), "", run="{}"),
    "concurrency 10**9": Case(
        A + "    with_items: [1]\n    concurrency: 1000000000\n", "", run="{}"
    ),
    "an empty array of items": Case(ITEMS, "", run="{'parameters': {'p': []}}"),
    "1,000 tasks in a chain": Case(
        "tasks:\n" + "".join(
            f"  - {{name: t{n}, action: core.noop, next: [{{do: t{n + 1}}}]}}\n"
            for n in range(999)
        ) + "  - {name: t999, action: core.noop}\n", "", run="{}"),
    "an action that returns any object": Case(ACT, "", run="{'actions': {'act': object}}"),
    "an action that returns bytes": Case(ACT, "", run="{'actions': {'act': lambda: b'x'}}"),
    "an action that prints 100,000 lines": Case(
        ACT, "", run="{'actions': {'act': lambda: print('x\\n' * 100_000, file=sys.stderr)}}"),
    "an action that runs a workflow": Case(
        ACT, "", run="{'actions': {'act': lambda: attune_nb.loads(A).run().status}}"),
}  # fmt: skip
CASES = {**YAML, **WORKFLOW, **TEMPLATES, **DATA, **ACTIONS}


@pytest.fixture(scope="module")
def outcomes():
    """Run all cases at once: a process for each would take a minute."""
    cases = {**CASES, **FINE}
    return run_cases({name: (case.text, case.run) for name, case in cases.items()})


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_reported_at_its_position(outcomes, name):
    outcome = outcomes[name]
    case = CASES[name]

    assert outcome.message.startswith(("refused: ", "failed: ", "warned: "))
    assert case.words in outcome.message
    if case.position is not None:
        assert (outcome.line, outcome.column) == case.position


@pytest.mark.parametrize("name", FINE)
def test_unusual_input_is_right(outcomes, name):
    assert outcomes[name].message == "succeeded: None"

"""Texts that are not workflows: every mistake is reported once, at its position.

`test_refusals.py` has the wrong values of each key. This module has the mistakes of YAML itself,
those that could be reported twice, and every wrong kind of value for every key. A row is a text,
words of the message, line and column (None: as the parser reports it).
"""

import itertools
import sys

import pytest
from support.bounded_process import run_cases
from support.problems import line_and_column, load_problems

import attune_nb

A = "tasks:\n  - name: a\n    action: core.noop\n"
B = "  - {name: b, action: core.noop}\n"
JOIN = "  - {name: b, action: core.noop, join: all}\n"
QUOTE = "put quotes around `{{ ... }}`"

YAML = [
    ("", "nothing to run: expected a workflow with `tasks`", 1, 1),
    ("# only a comment\n", "nothing to run", 1, 1),
    ("null\n", "nothing to run", 1, 1),
    ("PK\x03\x04\0", "the character U+0003 cannot stand in a workflow; remove it", 1, 3),
    (A + "    label: x\0\n", "the character U+0000 cannot stand", 4, 13),
    ("%PDF-1.4\n", "not valid YAML", 1, None),
    (A + "---\n" + A, "a second document starts in line 4; write one", 4, 1),
    (A + "    action: x\n", "`action` stands twice: lines 3 and 4", 4, 5),
    (A + "\ttimeout: 1\n", "line 4 uses a tab; use spaces", 4, 1),
    (A + "    when: 'x\n", "this quoted text is not valid or is never closed", 4, 11),
    (A + "    when: a: b: c\n", "a `: ` where no key can stand; quote the text", 4, 12),
    (A + "    when: [a\n", "this bracket is never closed", None, None),
    (A + "    when: @x\n", "unquoted text cannot start with this character", 4, 11),
    (A + "    when: *x\n", "no anchor `&x` stands before `*x`", 4, 11),
    (A + "    when: &x [*x]\n", "`*x` refers to a value that contains it", 4, 15),
    (A + "    1: x\n", 'the key `1` is not a string; quote the key: "1"', 4, 5),
    (A + "    true: x\n", "the key `true` is not a string", 4, 5),
    (A + "    [x]: x\n", "a key must be a string, not an array or an object", 4, 5),
    (A + "    on: x\n", "unknown key `on` in a task", 4, 5),
    (A + "    when: {{ x }}\n", QUOTE, 4, 11),
    (A + "    input: {x: {{ x }}}\n", QUOTE, 4, 16),
    (A + "    input: !!python/object/apply:os.system [ls]\n", "remove the tag", 4, 12),
    (A + "    input: {x: !!binary aGk=}\n", "remove the tag", 4, 16),
    (A + "    input: !!set {x}\n", "remove the tag", 4, 12),
    (A + "    input: {x: &m {y: 1}, z: {<<: *m}}\n", "the merge key `<<` is not", 4, 31),
    (A + "    input: {x: .nan}\n", "the number `.nan` is not finite", 4, 16),
    (A + "    input: {x: 1e999}\n", "the number `1e999` is not finite", 4, 16),
    (A + f"    input: {{x: {'9' * 5000}}}\n", "more than 100 digits", 4, 16),
    (A + '    label: "\\ud800"\n', "the escape `\\ud800` stands for no character", 4, 13),
    (A + "    timeout: 010\n", "not the string `010`; write 10", 4, 14),
    (A + "    timeout: 1_000\n", "not the string `1_000`; write 1000", 4, 14),
    (A + "    timeout: '0x1F'\n", "not the string `0x1F`; write 31", 4, 14),
    (A + "    timeout: 12:30\n", "not the string `12:30`", 4, 14),
    (A + "    timeout: '30'\n", "not the string `30`; write 30, without quotes", 4, 14),
    (A + "    timeout: '1.50'\n", "not the string `1.50`; write 1.5", 4, 14),
    (A + "    timeout: '{{ 5 }}'\n", "no expression is allowed here", 4, 14),
    (
        A + "    retry: {count: 1e9}\n",
        "an integer from 1 to 100, not the number `1000000000.0`",
        4,
        20,
    ),
]
FOLLOWING = [
    ("taks: [{name: a, action: x}]\n", "did you mean `tasks`?", 1, 1),
    ("tasks:\n  - {nmae: a, action: x}\n", "did you mean `name`?", 2, 6),
    ("tasks:\n  - {name: a, acton: x}\n", "did you mean `action`?", 2, 15),
    ("tasks:\n  - {name: 5, action: x, next: [{do: b}]}\n" + JOIN,
     "`name` must be a string", 2, 12),
    (A + "    next: [{do: b}]\n  - b\n", "a task must be an object, not the string `b`", 5, 5),
    (A + "    next: {do: b}\n" + JOIN,
     "`next` must be an array of transitions, not an object", 4, 11),
    (A + "    next: [{od: b}]\n" + JOIN, "unknown key `od` in a transition", 4, 13),
    (A + "    netx: [{do: b}]\n" + JOIN, "unknown key `netx`", 4, 5),
    (A + "    with_itmes: [1]\n    batch_size: 2\n    input: {x: '{{ item + index }}'}\n",
     "did you mean `with_items`?", 4, 5),
    (A + "    on_succes: b\n" + JOIN, "did you mean `on_success`?", 4, 5),
    (A + "    next: [{do: [[b]]}]\n" + JOIN,
     "an entry of `do` must be a name, not an array", 4, 18),
    (A + "    on_success: {do: b}\n" + JOIN, "`on_success` must be a task's name, an array", 4, 17),
    (A + "    decision: [{next: [5]}]\n" + JOIN,
     "an entry of `next` must be a name, not the integer `5`", 4, 24),
    (A + "    decision: [{default: 5}]\n" + JOIN,
     "`default` must be a name or an array of names", 4, 26),
    (A + "    decision: [{when: 1 > 0}]\n", "a branch of `decision` needs `next`", 4, 16),
    (A + "    decision: [{default: true}]\n", "a branch of `decision` needs `next`", 4, 16),
    (A + "    decision: [{when: nope, next: b}, {default: noop}]\n" + B, "`nope` is", 4, 23),
    (A + "    decision: [{default: b, when: true}]\n" + B, "has no `when`", 4, 35),
    (A + "    on_success: [{when: 1 >, do: b}]\n" + B, "'end of template' in 1 >", 4, 25),
    (A + "    on_success: [{when: '{{ 1 }} and {{ 2 }}', do: b}]\n" + B, "one pair", 4, 25),
    (A + "    when: x > 0\n    publish: 5\n", "`publish` must be an object, or an array", 5, 14),
    ("varz: {x: 1}\n" + A + "    when: x > 0\n", "did you mean `vars`?", 1, 1),
    ("vars: 5\n" + A + "    when: x > 0\n", "`vars` must be an object, or an array", 1, 7),
    ("vars: {x: '{{'}\n" + A + "    when: x > 0\n", "`{{` is not closed", 1, 11),
    ("paramters: {x: {}}\n" + A + "    when: parameters.x\n", "did you mean `parameters`?", 1, 1),
    ("parameters: [x]\n" + A + "    when: parameters.x\n",
     "an object of names, not an array", 1, 13),
    ("parameters: {x: 5}\n" + A + "    when: parameters.x\n",
     "parameter `x` must be an object such", 1, 17),
    ("tasks:\n  - {name: p, type: paralel, tasks: {x: {action: y}}}\n", "`parallel`?", 2, 21),
    ("tasks:\n  - {name: p, type: parallel, action: x}\n", "needs `tasks`", 2, 5),
    ("ref: x\nworkflow: {tasks: [{name: a, action: x}]}\n", "`ref` stands beside", 1, 1),
    ("tasks:\n  a: {name: b, action: x}\n", "named by its key `a`; remove this `name`", 2, 13),
    (A + "    join: all\n    next: [{do: a}]\n", "another (a -> a)", 2, 11),
    (A + "    retry: {cuont: 1}\n", "did you mean `count`?", 4, 13),
    (A + "    when: ' '\n",
     "`when` must be a condition such as `result() > 3`; it is empty", 4, 11),
    (A + "    when: [1]\n",
     "`when` must be a condition such as `result() > 3`, not an array", 4, 11),
    (A + "    worker_selector: GPU\n",
     "`worker_selector` must be an object of the resources that a worker must", 4, 22),
    (A + "    worker_selector: [GPU]\n", "as `{GPU: 1}`, not an array", 4, 22),
    (A + "    worker_selector: {GPU: -5}\n", "must be a number above 0, not -5", 4, 28),
    ("output: 5\n" + A,
     "`output` must be an object of names and values, not the integer `5`", 1, 9),
]  # fmt: skip
PARAMETERS = [
    ("{p: {requird: true}}", "`requird` in parameter `p`; did you mean `required`?", 18),
    ("{p: {properties: {q: {tpye: string}}}}", "unknown key `tpye` in `properties` of", 35),
    ("{p: {items: {secret: true}}}", "unknown key `secret` in `items` of parameter `p`", 26),
    ("{p: {zzz: 1}}", "a key of your own begins with `x-`", 18),
    ("{p: {required: 5}}", "`required` must be true or false, not the integer `5`", 28),
    ("{p: {secret: [x]}}", "`secret` must be true or false, not an array", 26),
    ("{p: {type: [string, null]}}", 'write the type null as "null", in quotes', 33),
    ("{p: {type: [strin]}}", "unknown parameter type `strin`; did you mean `string`?", 25),
    ("{p: {type: 5}}", "a parameter type must be a string, not the integer `5`; known: string", 24),
    ("{p: {type: []}}", "`type` is empty", 24),
    ("{p: {enum: 5}}", "parameter `p`, `enum`: 5 is not of type 'array'", 24),
    ("{p: {properties: {q: {minimum: x}}}}", "`properties.q.minimum`: 'x' is not of type", 44),
    ("{p: {pattern: '('}}", "'(' is not a pattern", 27),
    ("{p: {pattern: '(?R)'}}", "a pattern that contains itself", 27),
    ("{p: {$ref: 'http://x.invalid'}}", "`$ref` must be `#/$defs/NAME`, with NAME among", 24),
    ("{p: {$ref: '#/$defs/q'}}", "`$ref` must be `#/$defs/NAME`, with NAME among", 24),
    ("{p: {default: [1], enum: [[2]]}}", "the default of parameter `p` does not fit", 27),
    ("{p: {default: hunter2, enum: [x], secret: true}}", "is not of the declared kind", 27),
    ("{p: {pattern: '(a|aa)+$', default: " + "a" * 90 + "b}}", "takes too long", 48),
    ("{type: object, properties: 5}",
     "`properties` must be an object of names, not the integer `5`", 40),
    ("{type: object, propertis: {p: {}}}", "did you mean `properties`?", 28),
    ("{type: object, properties: {p: {}}, required: p}",
     "`required` must be an array of names", 59),
    ("{type: object, properties: {p: {}}, required: [q]}", "`required` names `q`, which", 60),
    ("{type: object, properties: {p: {$ref: '#/$defs/q', default: 1}}, $defs: {q: 5}}",
     "5 is not of type 'object', 'boolean'", 89),
    (("{type: object, $defs: {q: {$ref: '#/$defs/q'}}, properties: "
      "{p: {$ref: '#/$defs/q', default: 1}}}"),
     "contains itself", 106),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words", "line", "column"),
    [
        *YAML,
        *FOLLOWING,
        *((f"parameters: {text}\n{A}", words, 1, column) for text, words, column in PARAMETERS),
    ],
)
def test_a_mistake_is_reported_once_at_its_position(text, words, line, column):
    (problem,) = load_problems(text)

    assert words in problem.message
    assert problem.position.line == line or line is None
    assert problem.position.column == column or column is None


def test_a_secret_default_is_not_shown():
    (problem,) = load_problems("parameters: {p: {default: hunter2, enum: [x], secret: true}}\n" + A)
    assert "hunter2" not in problem.message


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("tasks:\n  - {nmae: a}\n  - {acton: x}\n", [(2, 6), (3, 5), (3, 6)]),
        (A + "    type: x\n    action: y\n    when: {{ z }}\n", [(5, 5), (6, 11)]),
        ("timeout: 0\n" + A + "    next: [{do: c}]\nref: 5\n", [(1, 10), (5, 17), (6, 6)]),
        (A + "    next: [{do: c, when: nope}]\n    x1: 1\n", [(4, 17), (4, 26), (5, 5)]),
        ("tasks:\n  - {name: x y, action: !!str a}\n  - {name: .nan}\n", [(2, 25), (3, 12)]),
    ],
)
def test_all_mistakes_are_reported_in_the_order_of_the_text(text, positions):
    assert [line_and_column(problem) for problem in load_problems(text)] == positions


def test_reading_a_text_ends_after_50_problems():
    keys = "".join(f"    k{number}: x\n" for number in range(5000))
    assert len(load_problems(A + keys)) == 50


VALUES = [
    "null", "true", "false", "0", "-1", "7", "1.5", "''", "' '", "text", "'5'", "010", "12:30",
    "[]", "{}", "[null]", "[1]", "[text]", "[[text]]", "[{}]", "[{x: 1}]", "[{x: 1, y: 2}]",
    "{x: 1}", "{x: null}", "{x: [1]}", "{x: {y: z}}", "{type: object}", "{type: {}}",
    "'{{ item }}'", "'{{ nope }}'", "'{{'", "'{% x %}'", "'{{ 1 / 0 }}'",
]  # fmt: skip
LEVELS = {
    "workflow": (
        "%s: %s\ntasks:\n  - {name: a, action: core.noop}\n",
        (
            "ref label description tags version parameters output vars output_map "
            "cancellation_policy timeout workflow nope"
        ),
    ),
    "tasks": ("%s: %s\n", "tasks workflow"),
    "task": (
        "tasks:\n  - {name: a, action: core.noop, %s: %s}\n",
        (
            "type input when with_items concurrency batch_size retry max_failures rate_limit "
            "report_every "
            "timeout delay join next tasks start "
            "permission_set_refs worker_selector worker_tolerations worker_affinity __chart_meta__ "
            "on_success on_failure on_complete on_timeout decision publish nope"
        ),
    ),
    "name": ("tasks:\n  - {action: core.noop, %s: %s}\n", "name"),
    "action": ("tasks:\n  - {name: a, %s: %s}\n", "action"),
    "items": (
        "tasks:\n  - {name: a, action: core.noop, with_items: [1], %s: %s}\n",
        "input when concurrency batch_size retry max_failures rate_limit report_every",
    ),
    "parallel": (
        "tasks:\n  - {name: a, type: parallel, %s: %s}\n",
        "tasks action next join when timeout delay",
    ),
    "within": (
        "tasks:\n  - {name: a, type: parallel, tasks: [{name: b, action: x, %s: %s}]}\n",
        "type input when with_items concurrency retry timeout join next tasks nope",
    ),
    "retry": (
        "tasks:\n  - {name: a, action: core.noop, retry: {%s: %s}}\n",
        "count delay backoff max_delay on_error nope",
    ),
    "rate_limit": (
        "tasks:\n  - {name: a, action: core.noop, rate_limit: {%s: %s}}\n",
        "count per nope",
    ),
    "retry of 1": (
        "tasks:\n  - {name: a, action: core.noop, retry: {count: 1, %s: %s}}\n",
        "delay backoff max_delay on_error nope",
    ),
    "transition": (
        "tasks:\n  - {name: a, action: core.noop, next: [{%s: %s}]}\n",
        "when do publish nope",
    ),
    "branch": (
        "tasks:\n  - {name: a, action: core.noop, on_success: [{%s: %s}]}\n",
        "when do publish nope",
    ),
    "decision": (
        "tasks:\n  - {name: a, action: core.noop, decision: [{%s: %s}]}\n",
        "when next default nope",
    ),
    "parameter": (
        "parameters: {p: {%s: %s}}\ntasks:\n  - {name: a, action: core.noop}\n",
        (
            "type required secret default description title enum const minimum maximum multipleOf "
            "minLength pattern format items properties anyOf allOf not if required uniqueItems "
            "$ref $defs additionalProperties dependentRequired examples $schema x-own nope"
        ),
    ),
    "schema": (
        "parameters: {type: object, %s: %s}\ntasks:\n  - {name: a, action: core.noop}\n",
        "properties required additionalProperties $defs allOf minProperties default nope",
    ),
}


@pytest.mark.parametrize("level", LEVELS)
def test_any_kind_of_value_for_any_key_is_read_or_refused(level):
    template, keys = LEVELS[level]

    for key, value in itertools.product(keys.split(), VALUES):
        text = template % (key, value)
        try:
            workflow = attune_nb.loads(text)
        except attune_nb.WorkflowError as error:
            assert len(str(error)) < 2000, text
            assert all(problem.position is not None for problem in error.problems), text
            assert len(error.problems) <= 3, (text, error.problems)
        else:
            workflow.check()


CHAIN = "".join(
    f"  - {{name: t{n}, action: core.noop, next: [{{do: t{n + 1}}}]}}\n" for n in range(999)
)
EDGES = "".join(
    f"  - {{name: t{n}, action: core.noop, next: [{{do: {ahead}}}]}}\n"
    for n in range(1000)
    for ahead in [[f"t{m}" for m in range(n + 1, min(n + 12, 1000))]]
)  # fmt: skip
HEAVY = {
    "a chain of 1,000 tasks": f"tasks:\n{CHAIN}  - {{name: t999, action: core.noop}}\n",
    "10,000 edges": f"tasks:\n{EDGES}",
    "a cycle of 1,000 tasks": f"tasks:\n{CHAIN}"
    "  - {name: t999, action: core.noop, next: [{do: t0}]}\n",
    "1,000 targets that do not exist": "tasks:\n" + CHAIN.replace("do: t", "do: tt"),
    "5,000 names that do not exist": A
    + "    input:\n"
    + "".join(f"      k{n}: '{{{{ task.t{n} }}}} {{{{ x{n} }}}}'\n" for n in range(2500)),
    "1,000 parameters": "parameters:\n"
    + "".join(f"  p{n}: {{type: string, default: x}}\n" for n in range(1000))
    + A,
    "1,001 parameters": "parameters:\n"
    + "".join(f"  p{n}: {{type: string}}\n" for n in range(1001))
    + A,
    "1,000 parameters that are wrong": "parameters:\n"
    + "".join(f"  p{n}: {{type: strng}}\n" for n in range(1000))
    + A,
    "a deep schema": f"parameters: {{p: {'{items: ' * 90}{{}}{'}' * 90}}}\n{A}",
    "1,000 patterns that take long": "parameters:\n"
    + "".join(f"  p{n}: {{pattern: '(a|aa)+$', default: {'a' * 90}b}}\n" for n in range(1000))
    + A,
    "items of which each is different": "parameters: {p: {uniqueItems: true, default: ["
    + ", ".join(f"{{k: {n}}}, {n}, t{n}" for n in range(7000))
    + f"]}}}}\n{A}",
}  # fmt: skip


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_large_workflows_are_read_or_refused_in_time_and_memory():
    outcomes = run_cases({name: (text, None) for name, text in HEAVY.items()})

    assert {name for name, outcome in outcomes.items() if outcome.message == "loads"} == {
        "a chain of 1,000 tasks",
        "10,000 edges",
        "1,000 parameters",
        "a deep schema",
        "items of which each is different",
    }
    assert len(outcomes["a cycle of 1,000 tasks"].message) < 1000
    assert outcomes["1,000 targets that do not exist"].problems == 50

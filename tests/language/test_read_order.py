"""Mistakes that are found when a workflow is loaded, and not only in its run.

A row is a text, words of its one problem, and the problem's line and column.
"""

import itertools
import json
import random
import re
import time

import jsonschema
import pytest
import yaml
from support.problems import line_and_column, load_problems

import attune_nb
from attune_nb.language.reading.yaml_source import parse

A = "tasks:\n  - name: a\n    action: core.noop\n"
B = "  - {name: b, action: core.noop}\n"
TO_B = A + "    next: [{do: b}]\n"
ITEMS = A + "    with_items: %s\n"
WIDTH = A + "    with_items: [1]\n    concurrency: %s\n"
ASK = "tasks:\n  - name: a\n    action: core.ask\n    input: {prompt: x, response_schema: %s}\n"

SCHEMAS = [
    (ASK % "{type: foo}", "unknown type `foo`; known: string, number", 4, 48),
    (ASK % "{type: strin}", "did you mean `string`?", 4, 48),
    (ASK % "{type: any}", "unknown type `any`", 4, 48),
    (
        ASK % "5",
        "`response_schema` must be an object such as {type: string}, not the integer `5`",
        4,
        41,
    ),
    (ASK % "true", "must be an object such as {type: string}, not the boolean `true`", 4, 41),
    (ASK % "{pattern: '('}", "'(' is not a pattern: missing )", 4, 51),
    (ASK % "{$ref: '#/nope'}", "`$ref` leads only to a part of the schema itself", 4, 48),
    (ASK % "{$ref: 'http://x.invalid/y'}", "not `http://x.invalid/y`", 4, 48),
    (ASK % "{$ref: 'http://['}", "not `http://[`", 4, 48),
    (ASK % "{properties: {a: {items: {type: foo}}}}", "unknown type `foo`", 4, 73),
    (ASK % "{minimum: x}", "`response_schema`, `minimum`: 'x' is not of type 'number'", 4, 51),
]
CALLS = [
    (A + "    next: [{when: succeeded, do: noop}]\n",
     "`succeeded` is a function: write `succeeded()`", 4, 19),
    (A + "    when: now\n", "`now` is a function: write `now()`", 4, 11),
    (A + "    when: uuid\n", "`uuid` is a function: write `uuid()`", 4, 11),
    (A + "    when: length > 3\n", "`length` is a function: write `length(...)`", 4, 11),
    (A + "    when: dict\n", "`dict` is not part of the language: write `{'key': value}`", 4, 11),
]  # fmt: skip
OUTCOMES = [
    (A + "    when: {}() or false\n", 4, 11),
    (A + "    input: {{x: ['{{{{ {}() }}}}']}}\n", 4, 17),
    (A + "    with_items: '{{{{ [{}()] }}}}'\n", 4, 17),
    (A + "    with_items: [1]\n    concurrency: '{{{{ {}() }}}}'\n", 5, 18),
    ("output_map: {{x: '{{{{ {}() }}}}'}}\n" + A, 1, 17),
    ("tasks:\n  - {{name: p, type: parallel, tasks: {{x: {{action: core.noop, when: {}()}}}}}}\n",
     2, 68),
]  # fmt: skip
VARS = [
    ("vars: {x: '{{ task.a.result }}'}\n" + A + "    when: x\n",
     "`task.a` is not there yet: `vars` are set before any task runs", 1, 11),
    ("vars: {x: '{{ tasks.nope }}'}\n" + A + "    when: x\n", "`tasks.nope` is not there", 1, 11),
    ("vars: [{x: '{{ y }}'}, {y: 1}]\n" + A + "    when: x\n",
     "`y` is set only after `x`: `vars` are set before any task runs, in their order", 1, 12),
    ("vars: {x: '{{ vars.y }}', y: 1}\n" + A + "    when: x\n", "only after `x`", 1, 11),
    ("vars: {x: '{{ x }}'}\n" + A, "`x` is read by its own first value", 1, 11),
    ("vars: {x: '{{ workflow.y }}'}\n" + A + "    when: x\n    next: [{publish: [y]}]\n",
     "`y` is published only by a task", 1, 11),
]  # fmt: skip
CONSTANTS = [
    (
        ITEMS % "'x {{ 1 }}'",
        "needs an array, not a string: there is text outside the braces",
        4,
        17,
    ),
    (ITEMS % "'{{ config.x }}.'", "there is text outside the braces", 4, 17),
    (ITEMS % "' {{ 3 }} '", "`with_items` needs an array, not the integer `3`", 4, 17),
    (ITEMS % "'{{ 3 }}'", "`with_items` needs an array, not the integer `3`", 4, 17),
    (ITEMS % "'{{ null }}'", "`with_items` needs an array, not null", 4, 17),
    (ITEMS % "'{{ config.x ~ 1 }}'", "`with_items` needs an array, not a string", 4, 17),
    (
        WIDTH % "'{{ 0 }}'",
        "`concurrency` must be an integer of 1 or more, not the integer `0`",
        5,
        18,
    ),
    (
        WIDTH % "'{{ 2 - 2 }}'",
        "`concurrency` must be an integer of 1 or more, not the integer `0`",
        5,
        18,
    ),
    (WIDTH % "'{{ [1] }}'", "`concurrency` must be an integer of 1 or more, not an array", 5, 18),
    (WIDTH % "'{{ config.x }}.'", "not a string: there is text outside the braces", 5, 18),
]
HYPHENS = (
    "tasks:\n  - {name: a-b, action: x, next: [{do: c}]}\n  - {name: c, action: x, when: %s}\n"
)
ODD = [
    (HYPHENS % "task.a-b.result", "`task` has no `a`; a name with `-` is written `task['a-b']`",
     3, 32),
    ("parameters: {a-1: {}}\n" + A + "    when: parameters.a-1\n", "written `parameters['a-1']`",
     5, 11),
    ("parameters: {a-b: {}, a: {}}\n" + A + "    when: parameters.a-b\n",
     "`b` is undefined; a name with `-` is written `parameters['a-b']`", 5, 11),
    ("{{ x }}: 1\n" + A, "put quotes around", 1, 1),
    ('label: "\\ud83d\\ude00"\n' + A,
     "`\\ud83d\\ude00` is one character in two halves, as JSON has it; in YAML, write `\\U0001F6",
     1, 9),
    ('label: "x\\ud83d"\n' + A, "the escape `\\ud83d` stands for no character", 1, 10),
    ('label: "\\q"\n' + A, "`\\q` is no escape of YAML in double quotes", 1, 9),
]  # fmt: skip
CONDITIONS = [
    ("result( == 1", "the bracket `(` is not closed"),
    ("result() == 1 }}", "`}}` closes nothing; remove it, or write `{{`"),
    ('result() == "1', 'a quote (") is not closed'),
    ("(1]", "the bracket `]` closes nothing that is open"),
    ("1 +", "not an expression"),
]


@pytest.mark.parametrize(
    ("text", "words", "line", "column"), [*SCHEMAS, *CALLS, *VARS, *CONSTANTS, *ODD]
)
def test_a_mistake_is_one_problem_at_its_position(text, words, line, column):
    (problem,) = load_problems(text)

    assert words in problem.message
    assert line_and_column(problem) == (line, column)


@pytest.mark.parametrize(
    "name", ["result", "succeeded", "failed", "timed_out", "skipped", "completed"]
)
@pytest.mark.parametrize(("text", "line", "column"), OUTCOMES)
def test_outcome_functions_are_allowed_only_in_next(text, line, column, name):
    (problem,) = load_problems(text.format(name))

    assert f"`{name}()` can be called only in a task's `next`" in problem.message
    assert line_and_column(problem) == (line, column)


def test_outcome_functions_are_not_allowed_in_vars():
    (problem,) = load_problems("vars: {x: '{{ result() }}'}\n" + A + "    when: x\n")
    assert "`result()` can be called only in a task's `next`" in problem.message


@pytest.mark.parametrize(("condition", "words"), CONDITIONS)
@pytest.mark.parametrize("place", ["when: %s", "next: [{when: %s}]", "on_failure: [{when: %s}]"])
def test_a_message_quotes_a_condition_without_braces(condition, words, place):
    (problem,) = load_problems(A + f"    {place % json.dumps(condition)}\n")

    assert words in problem.message
    assert problem.message.endswith(f" in {condition}")


@pytest.mark.parametrize(
    "text",
    [
        ASK % "'{{ [1] }}'",
        ASK % "{enum: '{{ config.x }}', type: foo}",
        ASK % "{$ref: '#/$defs/x', $defs: {x: {$ref: '#'}}, widget: 1}",
        ASK % "",
        "vars: [{x: 1}, {x: '{{ x + 1 }}'}, {y: '{{ [x, parameters, task, vars] }}'}]\n"
        + A + "    when: y\n",
        "vars: {x: '{{ (task.a is defined and task.a) or (x | default(1)) }}'}\n" + A,
        A + "    publish: [{y: '{{ result() }}'}]\n    decision: [{when: failed(), next: noop}]\n"
        "output_map: {y: '{{ y }}'}\n",
        ITEMS % "'{{- config.x -}}'",
        ITEMS % "'{{ {} }}'",
        ITEMS % "'{{ [config.x] * 2 }}'",
        WIDTH % "'{{ config.x }}'",
        WIDTH % "'{{ 1 + 2 }}'",
        WIDTH % "3.0",
        HYPHENS % '"task[\'a-b\'].result"',
        A + "    when: '{\"a\": {\"b\": 1}}.a.b == 1'\n",
    ],
)  # fmt: skip
def test_a_text_that_may_work_is_loaded(text):
    attune_nb.loads(text)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("tasks:\n" + "  - {name: 5, action: x}\n" * 500, "at least 50", "at least 20"),
        ("tasks:\n" + "  - {name: 5, action: x}\n" * 40, "40", "10"),
        (A + "    input: {x: ['{{ nope }}'" + ", '{{ nope }}'" * 59 + "]}\n", "at least 50", "20"),
    ],
)
def test_the_count_of_problems_is_a_minimum_if_reading_ended(text, first, last):
    with pytest.raises(attune_nb.WorkflowError) as caught:
        attune_nb.loads(text)
    assert str(caught.value).startswith(f"{first} problems; the first 30:\n")
    assert str(caught.value).endswith(f"{last} more")


@pytest.mark.parametrize(
    "more",
    [
        "with_items: [1], concurrency: 3.0",
        "with_items: [1], batch_size: 2.0",
        "next: [{do: b}], retry: {count: 2.0}",
        "tasks: null",
    ],
)
def test_the_schema_and_the_loader_agree(more):
    text = f"tasks:\n  - {{name: a, action: core.noop, {more}}}\n"
    text += B.replace("}", ", join: 1.0}") if "next" in more else ""
    workflow = attune_nb.loads(text)
    jsonschema.validate(parse(text).data, type(workflow).json_schema())
    assert attune_nb.loads(workflow.to_yaml()) == workflow
    assert not re.search(r"\d\.0\b", workflow.to_yaml())
    parallel = "tasks: [{name: p, type: parallel, tasks: null}]"
    assert not jsonschema.Draft202012Validator(workflow.json_schema()).is_valid(
        yaml.safe_load(parallel)
    )


@pytest.mark.parametrize(
    "declared",
    [
        "{p: {secret: true, default: hush, enum: [hush]}, q: {default: seen}}",
        "{type: object, properties: {p: {secret: true, default: hush}, q: {default: seen}}}",
    ],
)
def test_a_secrets_default_is_written_but_not_shown(declared):
    workflow = attune_nb.loads(f"parameters: {declared}\n{A}")
    assert "hush" not in repr(workflow)
    assert "'default': '***'" in repr(workflow)
    assert "seen" in repr(workflow)
    assert attune_nb.loads(workflow.to_yaml()) == workflow
    assert workflow.run().status == "succeeded"


STEP = "  - {name: %s, action: core.noop, when: %s, next: [%s]}\n"


def find_warnings(*steps):
    """Return the warnings about reads in a workflow.

    A step is a task's name, the task that its `when` reads, and the targets of the task.
    """
    text = "tasks:\n"
    for name, read_name, targets in steps:
        when = f"task.{read_name} or true" if read_name else "true"
        text += STEP % (name, when, f"{{when: failed(), do: {targets}}}")

    problems = attune_nb.loads(text).check()
    return [problem.message for problem in problems if "reads" in problem.message]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([("a", "a", "[]")], "`a` reads `task.a` before it has run itself"),
        ([("a", "b", "[b]"), ("b", "", "[]")], "every path to it leads through `a`"),
        ([("a", "c", "[b]"), ("b", "", "[c]"), ("c", "", "[b]")], "`a` reads `task.c`, which"),
        (
            [("s", "", "[a]"), ("a", "d", "[b, c]"), ("b", "", "[d]"), ("c", "", "[d]"),
             ("d", "", "[]")],
            "`a` reads `task.d`, which cannot have ended",
        ),
    ],
)  # fmt: skip
def test_a_read_of_a_task_that_cannot_have_ended_is_reported(steps, words):
    (message,) = find_warnings(*steps)
    assert words in message


@pytest.mark.parametrize(
    "steps",
    [
        # the two tasks run side by side
        [("a", "b", "[]"), ("b", "", "[]")],
        [("s", "", "[a, b]"), ("a", "b", "[]"), ("b", "", "[]")],
        # another path leads there
        [("s", "", "[a, d]"), ("a", "d", "[d]"), ("d", "", "[]")],
        # the task runs again
        [("s", "", "[a]"), ("a", "a", "[a]")],
        [("s", "", "[a]"), ("a", "b", "[b]"), ("b", "", "[a]")],
        [("s", "", "[s2]"), ("s2", "", "[s2, a]"), ("a", "b", "[b]"), ("b", "", "[]")],
        [("a", "", "[b]"), ("b", "a", "[]")],
    ],
)
def test_a_read_of_a_task_that_may_have_ended_is_right(steps):
    assert find_warnings(*steps) == []


def test_a_read_that_is_tested_first_is_right():
    text = A + "    when: task.a.x is defined and task.a.y\n"
    assert attune_nb.loads(text).check() == []


def find_reachable(targets, starts, without=None):
    reached = set()
    pending = [name for name in starts if name != without]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += [target for target in targets[name] if target != without]
    return reached


def draw_targets(luck, names):
    most = min(2, len(names))
    return {name: luck.sample(names, luck.randint(0, most)) for name in names}


def test_only_certain_problems_are_reported_for_any_graph():
    """A simpler search decides the same for random graphs."""
    luck = random.Random(7)
    count = 0
    for size in itertools.islice(itertools.cycle(range(2, 9)), 300):
        names = "abcdefgh"[:size]
        targets = draw_targets(luck, names)
        starts = set(names).difference(*targets.values())
        if not starts:
            continue

        read_name = luck.choice(names)
        reader = luck.choice(names)
        steps = []
        for name in names:
            own_read = read_name if name == reader else ""
            steps.append((name, own_read, f"[{', '.join(targets[name])}]"))
        warnings = find_warnings(*steps)
        count += len(warnings)

        reached = find_reachable(targets, starts)
        if reader not in reached or read_name not in reached:
            continue
        cyclic = {name for name in names if name in find_reachable(targets, targets[name])}
        may_repeat = reader in find_reachable(targets, cyclic)
        is_dominated = read_name not in find_reachable(targets, starts, without=reader)
        expected = is_dominated and not may_repeat
        assert bool(warnings) == expected, (targets, reader, read_name)
    assert count > 20


def test_a_thousand_tasks_are_checked_in_some_seconds():
    """They have ten thousand transitions. Every path leads through `t0`, so its read is wrong."""
    lines = []
    for number in range(1000):
        targets = ", ".join(f"t{target}" for target in range(number + 1, min(number + 11, 1000)))
        when = f"task.t{(number + 500) % 1000} or true"
        lines.append(STEP % (f"t{number}", when, f"{{do: [{targets}]}}"))
    workflow = attune_nb.loads("tasks:\n" + "".join(lines))

    started = time.process_time()
    problems = workflow.check()

    assert time.process_time() - started < 20
    assert [problem.severity for problem in problems] == ["warning"]

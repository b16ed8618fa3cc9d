"""`check` before a run: the flow, the names in expressions, the arguments of actions.

A row is a text, words of its one problem, the problem's severity, line and column.
"""

import pytest
from support.problems import line_and_column

import attune_nb

A = "tasks:\n  - name: a\n    action: core.noop\n"
TO_B = A + "    next: [{do: b}]\n"
B = "  - {name: b, action: core.noop}\n"


def as_rows(problems):
    return [(problem.message, problem.severity, *line_and_column(problem)) for problem in problems]


def find_problems(text):
    """Return the problems that loading raises, or else those of a check."""
    try:
        return as_rows(attune_nb.loads(text).check())
    except attune_nb.WorkflowError as error:
        return as_rows(error.problems)


TARGETS = [
    (A + "    next: [{do: c}]\n" + B, "`a` goes to `c`, which does not exist", "error", 4, 17),
    (A + "    next: [{do: [b, bb]}]\n" + B, "did you mean `b`?", "error", 4, 21),
    (A + "    next: [{do: noop}, {do: nooop}]\n", "did you mean `noop`?", "error", 4, 29),
    (A + "    on_failure: fial\n", "did you mean `fail`?", "error", 4, 17),
    (A + "    decision: [{when: true, next: B}]\n" + B, "did you mean `b`?", "error", 4, 35),
    (
        A + "    next: [{do: x}]\n  - {name: p, type: parallel, tasks: {x: {action: y}}}\n",
        "goes to `x`, which does not exist; it is within `p`", "error", 4, 17,
    ),
]  # fmt: skip
FLOW = [
    (
        TO_B + "  - {name: b, action: core.noop, next: [{do: a}]}\n",
        "so none can start; write `start: true` below `name: a`", "error", 2, 11,
    ),
    (A + "    join: 1\n", "`a` has a `join`, but no task points at it", "error", 4, 11),
    (
        TO_B + "  - {name: b, action: core.noop, join: 2}\n",
        "joins 2 tasks, but only 1 points at it", "error", 5, 40,
    ),
    (
        TO_B + "  - {name: b, action: core.noop, join: all, next: [{do: b}]}\n",
        "`b` joins itself: it could never start", "error", 5, 40,
    ),
    (
        TO_B + "  - {name: b, action: core.noop, join: 2, next: [{do: c}]}\n"
        "  - {name: c, action: core.noop, next: [{when: failed(), do: b}]}\n",
        "`b` joins `c`, which comes only after it", "error", 5, 40,
    ),
    (TO_B + B + "  - {name: c, action: core.noop, next: [{do: c}]}\n",
     "no path leads to `c`", "warning", 6, 12),
    (
        TO_B + "  - {name: b, action: core.noop, next: [{do: c}]}\n"
        "  - {name: c, action: core.noop, next: [{do: [d, b]}]}\n"
        "  - {name: d, action: core.noop}\n",
        "the cycle b -> c -> b has no way out", "warning", 5, 12,
    ),
    (
        TO_B + "  - {name: b, action: core.noop, next: [{when: true, do: b}]}\n",
        "the cycle b -> b has no way out", "warning", 5, 12,
    ),
    (
        TO_B + "  - {name: b, action: core.noop, join: 1, next: [{do: b}]}\n",
        "the cycle b -> b has no way out", "warning", 5, 12,
    ),
    (
        A + "    with_items: [1]\n    concurrency: 1000000000\n",
        "no more items run at once than the backend has workers", "hint", 5, 18,
    ),
]  # fmt: skip
NAMES = [
    (A + "    input: {x: '{{ nme }}'}\n", "`nme` is undefined", "error", 4, 16),
    ("vars: {name: 1}\n" + A + "    input: {x: '{{ nme ~ name }}'}\n", "did you mean `name`?",
     "error", 5, 16),
    (A + "    when: nme\n", "`nme` is undefined", "error", 4, 11),
    (A + "    with_items: '{{ nme }}'\n", "`nme` is undefined", "error", 4, 17),
    (A + "    with_items: [1]\n    concurrency: '{{ nme }}'\n", "`nme` is", "error", 5, 18),
    (A + "    next: [{when: nme, do: noop}]\n", "`nme` is undefined", "error", 4, 19),
    (A + "    next: [{publish: {y: '{{ nme }}'}}]\n", "`nme` is undefined", "error", 4, 26),
    (A + "    next: [{publish: [{y: '{{ nme }}'}]}]\n", "`nme` is undefined", "error", 4, 27),
    (A + "    publish: [{y: '{{ nme }}'}]\n", "`nme` is undefined", "error", 4, 19),
    (A + "    on_failure: [{when: nme, do: noop}]\n", "`nme` is undefined", "error", 4, 25),
    (A + "    input: {x: '{{ [nme] | length }}'}\n", "`nme` is undefined", "error", 4, 16),
    ("output_map: {x: ['{{ nme }}']}\n" + A, "`nme` is undefined", "error", 1, 18),
    ("vars: [{x: '{{ nme + 1 }}'}]\n" + A, "`nme` is undefined", "error", 1, 12),
    ("tasks:\n  - {name: p, type: parallel, tasks: {x: {action: core.noop, when: nme}}}\n",
     "`nme` is undefined", "error", 2, 68),
    ("parameters: {url: {}}\n" + A + "    when: parameters.ulr\n",
     "`parameters` has no `ulr`; did you mean `url`?", "error", 5, 11),
    ("parameters: {url: {}}\n" + A + "    when: url\n",
     "did you mean `parameters.url`?", "error", 5, 11),
    (A + "    when: task.aa\n", "`task` has no `aa`; did you mean `a`?", "error", 4, 11),
    (A + "    when: tasks['aa']\n", "`tasks` has no `aa`", "error", 4, 11),
    (A + "    when: workflow.x\n", "`workflow` has no `x`", "error", 4, 11),
    (A + "    when: vars.x\n", "`vars` has no `x`", "error", 4, 11),
    (A + "    when: system.timestmp\n", "did you mean `timestamp`?", "error", 4, 11),
    (A + "    input: {x: '{{ item }}'}\n", "`item` exists only within the `input` of a task",
     "error", 4, 16),
    (A + "    with_items: [1]\n    when: index > 0\n", "only within the `input` of `a`",
     "error", 5, 11),
    (A + "    with_items: [1]\n    input: {x: '{{ itme }}'}\n", "did you mean `item`?",
     "error", 5, 16),
    ("vars: {spare: 1}\n" + A, "no expression reads the variable `spare`", "hint", 1, 8),
    ("vars: [{x: 1}, {x: 2}]\n" + A + "    when: x > 0\n", "gives `x` a value again",
     "warning", 1, 17),
]  # fmt: skip
ACTIONS = [
    (A.replace("noop", "nop"), "there is no action `core.nop`; did you mean `core.noop`?",
     "error", 3, 13),
    (A.replace("noop", "echo") + "    input: {mesage: 1, message: 2}\n",
     "takes no `mesage`; did you mean `message`?", "error", 4, 13),
    (A.replace("noop", "echo"), "action `core.echo` needs `message` in `input`", "error", 3, 13),
    ("tasks:\n  - {name: a, type: workflow, action: other}\n",
     "there is no workflow `other`; pass it in `actions`", "error", 2, 39),
    (A.replace("core.noop", "os:system"), "allow that with `allow_imports=True`", "error", 3, 13),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words", "severity", "line", "column"), [*TARGETS, *FLOW, *NAMES, *ACTIONS]
)
def test_a_problem_is_reported_once_at_its_position(text, words, severity, line, column):
    ((message, *place),) = find_problems(text)

    assert words in message
    assert place == [severity, line, column]


def test_unreachable_tasks_and_a_join_with_them_are_reported():
    """The join is an error; without it, each of the two tasks of the cycle gives a warning."""
    text = TO_B + (
        "  - {name: b, action: core.noop, join: all}\n"
        "  - {name: c, action: core.noop, next: [{when: failed(), do: [d, b]}]}\n"
        "  - {name: d, action: core.noop, next: [{when: failed(), do: c}]}\n"
    )
    assert find_problems(text) == [
        ("`b` joins `c`, which no path leads to: it could never start", "error", 5, 40)
    ]
    assert find_problems(text.replace(", join: all", "")) == [
        ("no path leads to `c`", "warning", 6, 12),
        ("no path leads to `d`", "warning", 7, 12),
    ]


@pytest.mark.parametrize(
    "text",
    [
        TO_B + "  - {name: b, action: core.noop, next: [{when: failed(), do: b}]}\n",
        TO_B + "  - {name: b, action: core.noop, next: [{do: c}]}\n"
        "  - {name: c, action: core.noop, next: [{when: failed(), do: b}]}\n",
        A + "    next: [{do: [b, c]}]\n  - {name: b, action: core.noop, next: [{do: c}]}\n"
        "  - {name: c, action: core.noop, join: all}\n",
        TO_B + "  - {name: b, action: core.noop, join: 1, next: [{when: failed(), do: b}]}\n",
        A + "    next: [{do: [b, c]}]\n  - {name: c, action: core.noop, next: [{do: b}]}\n"
        "  - {name: b, action: core.noop, join: 2, next: [{do: b}]}\n",
        "vars: {x: 1}\noutput_map: {x: '{{ workflow }}'}\n" + A,
        A + "    when: nme is defined and (nme | default(1)) > 0\n",
        A + "    next: [{publish: [x]}]\n" + B + "    \n" + "output_map: {x: '{{ x }}'}\n",
        A + "    when: config.x > keystore.y\n",
        A + "    with_items: [1]\n    input: {x: '{{ item.x ~ index }}'}\n",
        A + "    when: (task.a.x is defined) or task.a.status == 'x' or system.workflow_ref\n",
    ],
)
def test_possibly_right_workflows_have_no_problems(text):
    assert find_problems(text) == []


def test_passed_actions_are_checked_by_their_signatures():
    workflow = attune_nb.loads(
        "tasks:\n"
        "  - {name: a, action: double, input: {x: 1}}\n"
        "  - {name: b, action: double, input: {y: 1, xx: 2}}\n"
        "  - {name: c, action: other, input: {m: 1}}\n"
        "  - {name: d, action: duoble}\n"
    )
    child = attune_nb.loads("parameters: {n: {required: true}}\n" + A)
    actions = {"double": lambda x, y=0: x, "other": child}

    assert as_rows(workflow.check(actions=actions)) == [
        ("action `double` takes no `xx`; did you mean `x`?", "error", 3, 45),
        ("workflow `other` has no parameter `m`", "error", 4, 38),
        ("workflow `other` needs `n` in `input`", "error", 4, 23),
        ("there is no action `duoble`; did you mean `double`?", "error", 5, 23),
    ]

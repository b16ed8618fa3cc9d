"""The values that a workflow's text cannot have: each mistake is one message at its position.

Add a row to add a case: the text, words of the message, line and column.
"""

import pytest
from support.problems import line_and_column, load_problems

import attune_nb

A = "tasks:\n  - name: a\n    action: core.noop\n"
B = "  - {name: b, action: core.noop}\n"
X = "tasks:\n  - {name: a, action: core.noop"

WORKFLOW = [
    ("vars: {a: 1}\n", "a workflow needs `tasks`", 1, 1),
    ("tasks: []\n", "`tasks` must be an array of at least one task", 1, 8),
    ("tasks: {}\n", "`tasks` must be an array of at least one task", 1, 8),
    ("tasks: hello\n", "`tasks` must be an array of at least one task", 1, 8),
    ("tasks:\n", "`tasks` must be an array of at least one task", 1, 7),
    ("tasks:\n  - text\n", "a task must be an object, not the string `text`", 2, 5),
    ("- a\n- b\n", "a workflow must be an object, not an array", 1, 1),
    ("hello\nworld\n", "a workflow must be an object with an array of `tasks`, not a string", 1, 1),
    ("workflow: 3\n", "a workflow must be an object, not the integer `3`", 1, 11),
    (
        "zzz: 1\n" + A,
        "unknown key `zzz` in a workflow; known keys: name, parameters, vars, tasks, ",
        1,
        1,
    ),
    ("Tasks: []\n" + A, "unknown key `Tasks` in a workflow; did you mean `tasks`?", 1, 1),
    ("label: 3\n" + A, "`label` must be a string, not the integer `3`; quote it", 1, 8),
    ("tags: 3\n" + A, "`tags` must be a name or an array of names, not the integer `3`", 1, 7),
    ("version: [1]\n" + A, "`version` must be a string or a number, not an array", 1, 10),
    ("vars: 3\n" + A, "`vars` must be an object, or an array of objects with one key", 1, 7),
    ("vars: [{a: 1, b: 2}]\n" + A, "an entry of `vars` must be one key and its value", 1, 8),
    (
        "output_map: [1]\n" + A,
        "`output_map` must be an object of names and values, not an array",
        1,
        13,
    ),
    ("cancellation_policy: stop\n" + A, "must be one of allow_finish, cancel_running", 1, 22),
    ("timeout: -1\n" + A, "`timeout` must be a number of seconds, more than 0", 1, 10),
    ("parameters: 3\n" + A, "`parameters` must be an object of names, not the integer `3`", 1, 13),
    (
        "parameters: {p: string}\n" + A,
        "parameter `p` must be an object such as {type: string}",
        1,
        17,
    ),
    ("parameters: {p: {type: strin}}\n" + A, "did you mean `string`?", 1, 24),
    (
        "parameters: {p: {minimum: x}}\n" + A,
        "parameter `p`, `minimum`: 'x' is not of type 'number'",
        1,
        27,
    ),
    (
        "parameters: {p: {type: integer, default: x}}\n" + A,
        "the default of parameter `p` must be an integer, not a string",
        1,
        42,
    ),
]
TASK = [
    ("tasks:\n  - {action: core.noop}\n", "a task needs a `name`", 2, 5),
    ("tasks:\n  - {name: a}\n", "task `a` needs an `action`", 2, 5),
    (
        "tasks:\n  - {name: 3, action: core.noop}\n",
        "`name` must be a string, not the integer `3`; quote it",
        2,
        12,
    ),
    (
        A + "  - {name: a, action: core.noop}\n",
        "two tasks are named `a` (the other on line 2)",
        4,
        12,
    ),
    ("tasks:\n  - {name: noop, action: core.noop}\n", "`noop` is a reserved target", 2, 12),
    ("tasks:\n  - {name: fail, action: core.noop}\n", "`fail` is a reserved target", 2, 12),
    ("tasks:\n  - {name: '', action: core.noop}\n", "must have 1 to 100 characters", 2, 12),
    ("tasks:\n  - {name: ' a', action: core.noop}\n", "no space at its ends", 2, 12),
    (f"tasks:\n  - {{name: {'x' * 101}, action: core.noop}}\n", "1 to 100 characters", 2, 12),
    (
        "tasks:\n  - {name: ../x, action: core.noop}\n",
        "must have only printable characters, without `/`",
        2,
        12,
    ),
    (A + "    retires: 1\n", "unknown key `retires` in a task; did you mean `retry`?", 4, 5),
    (A + "    type: paralel\n", "did you mean `parallel`?", 4, 11),
    (A + "    input: [1]\n", "`input` must be an object of arguments, not an array", 4, 12),
    (
        A + "    with_items: 5\n",
        "`with_items` must be an array, or a template that returns one",
        4,
        17,
    ),
    (A + "    with_items: [1]\n    with-items: [2]\n", "given twice, with `_` and with `-`", 5, 5),
    (A + "    with_items: [1]\n    concurrency: 0\n", "must be an integer of 1 or more", 5, 18),
    (A + "    with_items: [1]\n    concurrency: 1.5\n", "must be an integer of 1 or more", 5, 18),
    (A + "    with_items: [1]\n    concurrency: true\n", "must be an integer of 1 or more", 5, 18),
    (A + "    with_items: [1]\n    batch_size: 0\n", "must be an integer of 1 or more", 5, 17),
    (A + "    batch_size: 2\n", "`batch_size` needs `with_items`", 4, 5),
    (
        A + "    with_items: [1]\n    report_every: 0\n",
        "`report_every` must be an integer of 1 or more, not the integer `0`",
        5,
        19,
    ),
    (
        A + "    with_items: [1]\n    report_every: '{{ 2 }}'\n",
        "`report_every` must be an integer of 1 or more, not a template: no expression is allowed",
        5,
        19,
    ),
    (A + "    report_every: 2\n", "`report_every` needs `with_items`", 4, 5),
    (A + "    max_failures: 2\n", "`max_failures` needs `with_items`", 4, 5),
    *(
        (
            f"{A}    with_items: [1]\n    max_failures: {value}\n",
            f'an integer of 0 or more, or a share of the items such as `"10%"`, not {words}',
            5,
            19,
        )
        for value, words in [
            ("-1", "the integer `-1`"),
            ("1.5", "the number `1.5`"),
            ("'200%'", "the string `200%`"),
            ("'-1%'", "the string `-1%`"),
            ("'3'", "the string `3`; write 3, without quotes"),
            ("true", "the boolean `true`"),
            ("[1]", "an array"),
            ("'{{ 1.5 }}'", "the number `1.5`"),
        ]
    ),
    *(
        (
            f"{A}    rate_limit: {value}\n",
            f"`100/s`, `20/m`, `5/h`, or `{{count: 100, per: 2}}` (per 2 seconds), not {words}",
            4,
            17,
        )
        for value, words in [
            ("fast", "the string `fast`"),
            ("0/s", "the string `0/s`"),
            ("-5/s", "the string `-5/s`"),
            ("5/day", "the string `5/day`"),
            ("5", "the integer `5`"),
            ("'{{ 5 }}/s'", "a template: no expression is allowed here"),
        ]
    ),
    (
        A + "    rate_limit: {count: 0}\n",
        "`count` of `rate_limit` must be a number above 0, not the integer `0`",
        4,
        25,
    ),
    (
        A + "    rate_limit: {count: 5, per: -1}\n",
        "`per` of `rate_limit` must be a number above 0, not the integer `-1`",
        4,
        33,
    ),
    (A + "    rate_limit: {per: 5}\n", "`rate_limit` needs `count`: `100/s`", 4, 17),
    (A + "    rate_limit: {cuont: 5}\n", "did you mean `count`?", 4, 18),
    (A + "    start: 'yes'\n", "`start` must be true or false, not the string `yes`", 4, 12),
    (
        A + "    start: true\n    join: 1\n  - {name: b, action: core.noop, next: [{do: a}]}\n",
        "`start` cannot stand beside `join`",
        4,
        5,
    ),
    (A + "    retry: 3\n", "`retry` must be an object, not the integer `3`", 4, 12),
    (A + "    retry: {}\n", "`retry.count` must be an integer from 1 to 100", 4, 12),
    (A + "    retry: {count: 0}\n", "`retry.count` must be an integer from 1 to 100", 4, 20),
    (A + "    retry: {count: 101}\n", "`retry.count` must be an integer from 1 to 100", 4, 20),
    (A + "    retry: {count: '3'}\n", "`retry.count` must be an integer from 1 to 100", 4, 20),
    (A + "    retry: {cuont: 2}\n", "did you mean `count`?", 4, 13),
    (
        A + "    retry: {count: 1, delay: -1}\n",
        "`delay` must be a number of seconds, 0 or more",
        4,
        30,
    ),
    (A + "    retry: {count: 1, backoff: linaer}\n", "did you mean `linear`?", 4, 32),
    (A + "    retry: {count: 1, on_error: '('}\n", "'(' is not a pattern: missing )", 4, 33),
    (A + "    retry: {count: 1, on_error: [x, '*']}\n", "'*' is not a pattern", 4, 37),
    (A + "    timeout: 0\n", "`timeout` must be a number of seconds, more than 0", 4, 14),
    (A + "    timeout: soon\n", "`timeout` must be a number of seconds, more than 0", 4, 14),
    (A + "    timeout: true\n", "`timeout` must be a number of seconds, more than 0", 4, 14),
    (A + "    delay: .inf\n", "the number `.inf` is not finite", 4, 12),
    (A + "    join: 0\n", "`join` must be `all` or an integer of 1 or more", 4, 11),
    (A + "    join: some\n", "`join` must be `all` or an integer of 1 or more", 4, 11),
    (A + "    next: {do: a}\n", "`next` must be an array of transitions, not an object", 4, 11),
    (A + "    next: [a]\n", "a transition must be an object, not the string `a`", 4, 12),
    (A + "    next: [{go: b}]\n", "unknown key `go` in a transition", 4, 13),
    (
        A + "    next: [{do: {b: 1}}]\n",
        "`do` must be a name or an array of names, not an object",
        4,
        17,
    ),
    (
        A + "    next: [{publish: 3}]\n",
        "`publish` must be an object, or an array of objects with one key",
        4,
        22,
    ),
    ("tasks:\n  - {name: a, type: parallel}\n", "a task of `type: parallel` needs `tasks`", 2, 5),
    (
        X + ", tasks: [{name: b, action: core.noop}]}\n",
        "belongs to a task of `type: parallel`",
        2,
        34,
    ),
    (
        "tasks:\n  - {name: a, type: parallel, action: x, tasks: [{name: b, action: core.noop}]}\n",
        "`action` stands on the tasks within a `parallel` task",
        2,
        31,
    ),
    (
        "tasks:\n  - {name: a, type: parallel, tasks: [{name: b, action: core.noop, next: []}]}\n",
        "`next` stands on the `parallel` task",
        2,
        68,
    ),
    ("tasks:\n  - {name: a, action: core.ask, with_items: [1]}\n", "asks one person once", 2, 33),
]
FLOW = [
    (A + "    next: [{do: ab}]\n", "goes to `ab`, which does not exist; did you mean `a`?", 4, 17),
    (A + "    next: [{do: nop}]\n", "did you mean `noop`?", 4, 17),
    (
        A + "    join: all\n    next: [{do: a}]\n" + B.replace("}", ", next: [{do: a}]}"),
        "itself",
        4,
        11,
    ),
    (A + "    join: all\n", "`a` has a `join`, but no task points at it", 4, 11),
    (
        A + "    next: [{do: b}]\n  - {name: b, action: core.noop, join: 3}\n",
        "`b` joins 3 tasks, but only 1 points at it: it could never start",
        5,
        40,
    ),
    (
        A + "    next: [{do: b}]\n  - {name: b, action: core.noop, next: [{do: a}]}\n",
        "every task is the target of another (a -> b -> a), so none can start",
        2,
        11,
    ),
    (
        A + "    next: [{do: j}]\n  - {name: b, action: core.noop, next: [{do: [c, j]}]}\n"
        "  - {name: c, action: core.noop, next: [{do: b}]}\n"
        "  - {name: j, action: core.noop, join: all}\n",
        "`j` joins `b`, which no path leads to: it could never start",
        7,
        40,
    ),
]
EXPRESSION = [
    (A + "    input: {x: '{{ 1'}\n", "`{{` is not closed", 4, 16),
    (A + "    input: {x: '{% if x %}'}\n", "statements (`{% if %}`) are not part", 4, 16),
    (A + "    input: {x: '{{ itme }}'}\n", "`itme` is undefined", 4, 16),
    (A + "    when: '{{ item > 1 }}'\n", "`item` exists only within the `input` of a task", 4, 11),
    ("vars: {total: 1}\n" + A + "    when: totl > 1\n", "did you mean `total`?", 5, 11),
    (A + "    input: {x: '{{ workflow.y }}'}\n", "`workflow` has no `y`", 4, 16),
    (A + "    input: {x: '{{ task.b.x }}'}\n", "`task` has no `b`", 4, 16),
    ("parameters: {url: {}}\n" + A + "    input: {x: '{{ parameters.ulr }}'}\n", "`url`", 5, 16),
    ("parameters: {url: {}}\n" + A + "    input: {x: '{{ url }}'}\n", "`parameters.url`", 5, 16),
    ("output_map: {x: '{{ nothing }}'}\n" + A, "`nothing` is undefined", 1, 17),
    (A + "    next: [{when: sucseeded(), do: noop}]\n", "did you mean `succeeded`?", 4, 19),
    (A + "    input: {x: '{{ " + "1+" * 60_000 + "1 }}'}\n", "at most 100,000 characters", 4, 16),
]


@pytest.mark.parametrize(
    ("text", "words", "line", "column"), [*WORKFLOW, *TASK, *FLOW, *EXPRESSION]
)
def test_a_mistake_is_one_message_at_its_position(text, words, line, column):
    (problem,) = load_problems(text)

    assert words in problem.message
    assert line_and_column(problem) == (line, column)


def test_mistakes_are_reported_in_the_order_of_the_text():
    text = A + "    retires: 1\n    timeout: soon\n    next: [{do: bb}]\n" + B
    assert [problem.position.line for problem in load_problems(text)] == [4, 5, 6]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("core.nop", "there is no action `core.nop`; did you mean `core.noop`?"),
        ("core.echo, input: {mesage: 1}", "takes no `mesage`; did you mean `message`?"),
        ("core.echo", "action `core.echo` needs `message` in `input`"),
        ("core.echo, input: {message: 1, loud: true}", "action `core.echo` takes no `loud`"),
    ],
)
def test_a_wrong_call_of_an_action_is_found_before_the_run(action, words):
    workflow = attune_nb.loads(f"tasks:\n  - {{name: a, action: {action}}}\n")
    (problem,) = workflow.check()

    assert words in problem.message
    assert problem.position.line == 2
    with pytest.raises(attune_nb.WorkflowError):
        workflow.run()


DECLARED = """
parameters:
  n: {type: integer, required: true, minimum: 1, maximum: 5}
  rate: {type: number}
  kind: {type: string, enum: [small, large]}
  hosts: {type: array, items: {type: string}}
  extra: {type: object}
  anything: {type: any}
tasks:
  - {name: a, action: core.noop}
"""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "the run needs the parameter `n`"),
        ({"n": 1, "m": 2}, "there is no parameter `m`"),
        ({"n": 1, "knid": "small"}, "there is no parameter `knid`; did you mean `kind`?"),
        ({"n": "1"}, "parameter `n` must be an integer, not a string"),
        ({"n": True}, "parameter `n` must be an integer, not a boolean"),
        ({"n": None}, "parameter `n` must be an integer, not null"),
        ({"n": 9}, "parameter `n` does not fit: 9 is greater than the maximum of 5"),
        ({"n": 1, "rate": float("nan")}, "parameter `rate` is nan, which is not a finite number"),
        (
            {"n": 1, "kind": b"small"},
            "parameter `kind` must be a string, not a value of type `bytes`",
        ),
        ({"n": 1, "kind": "tiny"}, "parameter `kind` does not fit: 'tiny' is not one of"),
        ({"n": 1, "hosts": "abc"}, "parameter `hosts` must be an array, not a string"),
        ({"n": 1, "hosts": ["a", 2]}, "parameter `hosts` does not fit at [1]: 2 is not of type"),
        ({"n": 1, "extra": []}, "parameter `extra` must be an object, not an array"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(values, words):
    with pytest.raises(attune_nb.ParameterError) as caught:
        attune_nb.loads(DECLARED).run(values)

    assert words in str(caught.value)


def test_ranges_and_tuples_are_arrays_and_any_takes_any_object():
    values = {"n": 1, "hosts": ("a", "b"), "anything": object()}
    assert attune_nb.loads(DECLARED).run(values).status == "succeeded"


@pytest.mark.parametrize(
    ("text", "words", "severity"),
    [
        (A + "    next: [{do: c}]\n  - {name: c, action: core.noop}\n"
         "  - {name: d, action: core.noop, next: [{do: e}]}\n"
         "  - {name: e, action: core.noop, next: [{do: d}]}\n",
         "no path leads to `d`", "warning"),
        (A + "    next: [{do: b}]\n  - {name: b, action: core.noop, next: [{do: c}]}\n"
         "  - {name: c, action: core.noop, next: [{do: b}]}\n",
         "the cycle b -> c -> b has no way out", "warning"),
        ("vars: {spare: 1}\n" + A, "no expression reads the variable `spare`", "hint"),
    ],
)  # fmt: skip
def test_an_oddity_loads_and_is_reported_by_check(text, words, severity):
    problems = attune_nb.loads(text).check()
    (problem,) = [problem for problem in problems if words in problem.message]

    assert problem.severity == severity
    assert problem.position is not None

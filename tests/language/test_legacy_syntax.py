"""The older forms of transitions become `next`, in one fixed order."""

import pytest
from support.problems import line_and_column, load_problems

import attune_nb

TEXT = """tasks:
  - name: a
    action: a
{}
  - {{name: b, action: b}}
  - {{name: c, action: c}}
  - {{name: d, action: d}}
  # leads to all of them, so that none starts by itself
  - name: elsewhere
    action: elsewhere
    next: [{{when: failed(), do: [b, c, d]}}]
"""


def read_transitions(form):
    """Return the condition, the published names and the targets of each transition."""
    rows = []
    for transition in attune_nb.loads(TEXT.format(form)).task("a").next:
        condition = transition.when.source if transition.when else None
        names = [name for name, _ in transition.publish]
        rows.append((condition, names, transition.do))
    return rows


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("    on_success: b", [("{{ succeeded() }}", [], ("b",))]),
        ("    on_success: [b, c]", [("{{ succeeded() }}", [], ("b", "c"))]),
        ("    on-success: b", [("{{ succeeded() }}", [], ("b",))]),
        ("    on_failure: b", [("{{ failed() }}", [], ("b",))]),
        ("    on_timeout: b", [("{{ timed_out() }}", [], ("b",))]),
        ("    on_complete: b", [(None, [], ("b",))]),
        (
            "    on_success:\n      - {when: '{{ 1 > 0 }}', do: b, publish: [{x: 1}]}\n      - c",
            [("{{ succeeded() and (1 > 0) }}", ["x"], ("b",)), ("{{ succeeded() }}", [], ("c",))],
        ),
        (
            "    on_timeout: d\n    on_complete: c\n    on_failure: b\n    on_success: b",
            [
                ("{{ succeeded() }}", [], ("b",)),
                ("{{ failed() }}", [], ("b",)),
                (None, [], ("c",)),
                ("{{ timed_out() }}", [], ("d",)),
            ],
        ),
        (
            "    decision: [{default: d}, {when: 1 > 2, next: b}]\n    on_complete: c",
            [
                (None, [], ("c",)),
                ("{{ 1 > 2 }}", [], ("b",)),
                ("{{ not ((1 > 2)) }}", [], ("d",)),
            ],
        ),
        ("    publish: [{x: 1}, y]", [("{{ succeeded() }}", ["x", "y"], ())]),
        (
            "    publish: {x: 1}\n    on_failure: c\n    on_success: b",
            [("{{ succeeded() }}", ["x"], ("b",)), ("{{ failed() }}", [], ("c",))],
        ),
        (
            "    publish: [x]\n    on_failure: b",
            [("{{ succeeded() }}", ["x"], ()), ("{{ failed() }}", [], ("b",))],
        ),
    ],
)
def test_each_form_is_a_list_of_transitions(form, expected):
    assert read_transitions(form) == expected


def run_form(form, result):
    """Run a form after a task with a result or failure; return the run and the tasks that ran."""
    run = attune_nb.loads(TEXT.format(form)).run(mock={"a": result}, backend="inline")
    succeeded = run.tasks[run.tasks["status"] == "succeeded"]
    return run, sorted(set(succeeded["task"]) - {"a", "elsewhere"})


ENDINGS = "    on_success: b\n    on_failure: c\n    on_timeout: d"


@pytest.mark.parametrize(
    ("result", "expected"), [(1, ["b"]), (ValueError("no"), ["c"]), (attune_nb.Timeout, ["d"])]
)
def test_the_end_of_a_task_decides_the_next_one(result, expected):
    run, succeeded = run_form(ENDINGS, result)

    assert run.status == "succeeded"
    assert succeeded == expected


@pytest.mark.parametrize("default", ["default: c", "default: true, next: c"])
@pytest.mark.parametrize(("limit", "expected"), [(1, ["b"]), (9, ["c"])])
def test_the_default_fires_if_no_branch_of_a_decision_does(default, limit, expected):
    form = f"    decision:\n      - {{when: result() > {limit}, next: b}}\n      - {{{default}}}"

    assert run_form(form, 5)[1] == expected


def test_a_tasks_own_publish_happens_on_success_only():
    form = "    publish: [{seen: '{{ result() }}'}]\n    on_failure: c"
    assert run_form(form, 5)[0].context.variables["seen"] == 5
    assert "seen" not in run_form(form, ValueError("no"))[0].context.variables


@pytest.mark.parametrize(
    ("form", "words", "line", "column"),
    [
        ("    on_success: b\n    next: [{do: c}]", "`on_success` cannot stand beside `next`", 4, 5),
        ("    publish: [x]\n    next: [{do: c}]", "`publish` cannot stand beside `next`", 4, 5),
        ("    on_success: bb", "did you mean `b`?", 4, 17),
        ("    on_success: [b, cc]", "did you mean `c`?", 4, 21),
        ("    on_success: 3", "a task's name, an array of names, or an array of branches", 4, 17),
        ("    on_success: [{goto: b}]", "unknown key `goto` in a branch of `on_success`", 4, 19),
        ("    decision: b", "`decision` must be an array of branches, not the string `b`", 4, 15),
        ("    decision: [{default: b}, {default: c}]", "two defaults", 4, 30),
        ("    decision: [{when: 1 > 0, nxt: b}]", "did you mean `next`?", 4, 30),
    ],
)
def test_a_mistake_in_an_older_form_has_its_position(form, words, line, column):
    (problem,) = load_problems(TEXT.format(form))

    assert words in problem.message
    assert line_and_column(problem) == (line, column)

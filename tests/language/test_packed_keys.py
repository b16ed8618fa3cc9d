"""Keys of the Attune platform in a workflow's text."""

import pytest
from support.problems import line_and_column, load_problems

import attune_nb

DRAWN = """
tasks:
  - name: build
    action: core.noop
    trace_tag_template: "{{ parameters.version }}"
    __chart_meta__: {position: {x: 80, y: 40}}
    next:
      - do: ship
        __chart_meta__: {label: built, color: "#3b82f6"}
  - name: ship
    action: core.noop
"""


def test_the_drawing_of_a_transition_is_kept():
    (transition,) = attune_nb.loads(DRAWN).tasks[0].next
    assert transition.attune_fields == {"__chart_meta__": {"label": "built", "color": "#3b82f6"}}


def test_the_keys_of_the_platform_are_written_again():
    text = attune_nb.loads(DRAWN).to_yaml()

    assert 'trace_tag_template: "{{ parameters.version }}"' in text
    assert 'color: "#3b82f6"' in text
    assert attune_nb.loads(text) == attune_nb.loads(DRAWN)


WAITING = """
tasks:
  - {name: ask, action: core.noop, next: [{do: deploy}]}
  - name: deploy
    action: core.echo
    wait_for: WAIT
    input: {message: "MESSAGE"}
"""

NO_ID = "`inquiry` must be the id of an inquiry, as in `{{ task.NAME.inquiry_id }}`"


def fill(wait="{inquiry: '{{ task.ask.inquiry_id }}'}", message="{{ inquiry.deploy.status }}"):
    return WAITING.replace("WAIT", wait).replace("MESSAGE", message)


def test_a_task_that_waits_for_an_inquiry_is_written_again():
    workflow = attune_nb.loads(fill())
    assert workflow.check() == []
    assert attune_nb.loads(workflow.to_yaml()) == workflow
    assert 'inquiry: "{{ task.ask.inquiry_id }}"' in workflow.to_yaml()


@pytest.mark.parametrize(
    ("wait", "message", "column"),
    [
        (
            "ask",
            (
                "`wait_for` must be an object `{inquiry: ID}`, as it waits for the answer to an "
                "inquiry, not the string `ask`; the earlier task names the later one: write "
                "`next: [{do: deploy}]` in `ask`"
            ),
            15,
        ),
        ("{}", "`wait_for` needs `inquiry`: its id", 15),
        (
            "{inquiry: abc}",
            f"{NO_ID}, not the string `abc`",
            25,
        ),
        (
            "{inquiry: '{{ 0 }}'}",
            f"{NO_ID}, not the integer `0`",
            25,
        ),
        ("{inqiry: 1}", "unknown key `inqiry` in `wait_for`; did you mean `inquiry`?", 16),
    ],
)
def test_a_wrong_wait_is_one_problem_with_its_position(wait, message, column):
    (problem,) = load_problems(fill(wait))

    assert problem.message == message
    assert line_and_column(problem) == (6, column)


@pytest.mark.parametrize(
    "task",
    [
        "{name: a, action: core.noop, with_items: [1], wait_for: {inquiry: 1}}",
        "{name: a, type: parallel, wait_for: {inquiry: 1}, tasks: [{name: b, action: core.noop}]}",
        "{name: a, type: parallel, tasks: [{name: b, action: core.noop, wait_for: {inquiry: 1}}]}",
    ],
    ids=["items", "parallel", "inner"],
)
def test_only_a_task_that_runs_once_can_wait(task):
    (problem,) = load_problems(f"tasks: [{task}]")
    assert problem.message == (
        "`wait_for` stands on a task that runs one action once, outside of `parallel` tasks"
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("{{ inquiry.ask.response }}", "`inquiry` has no `ask`, which has no `wait_for`"),
        ("{{ inquiry.deplay.response }}", "`inquiry` has no `deplay`; did you mean `deploy`?"),
        ("{{ inquiry.deploy.respose }}", "has no `respose`; did you mean `response`?"),
    ],
)
def test_a_wrong_name_below_inquiry_is_explained(message, words):
    (problem,) = load_problems(fill(message=message))
    assert words in problem.message


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("inquiry", "no task has `wait_for`; the variable `inquiry` is `workflow.inquiry`"),
        ("inquiry.id", "`inquiry` has no `id`; the variable of that name is `workflow.inquiry`"),
    ],
)
def test_a_variable_named_inquiry_is_read_by_its_namespace(expression, words):
    text = f"""
vars: {{inquiry: {{id: 1}}}}
tasks:
  - {{name: a, action: core.echo, input: {{message: "{{{{ {expression} }}}}"}}}}
"""
    (problem,) = load_problems(text)
    assert problem.message == words

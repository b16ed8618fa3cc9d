"""A hint where a `when` takes the text of an answer for true or false."""

import pytest

import attune_nb

ASK = """
tasks:
  - name: approve
    action: core.ask
    input: {prompt: Ship it?, response_schema: SCHEMA}
    next: [{when: "{{ CONDITION }}", do: ship}]
  - {name: ship, action: core.noop}
"""
TEXT = "null"


def hints_of(condition, schema=TEXT):
    """Return the hints about a workflow whose question is followed by a condition."""
    text = ASK.replace("CONDITION", condition).replace("SCHEMA", schema)
    problems = attune_nb.loads(text).check()
    return [problem for problem in problems if problem.severity == "hint"]


@pytest.mark.parametrize(
    "condition",
    [
        "task.approve.response",
        "result().response",
        "not result().response",
        "succeeded() and task.approve.response",
        "task.approve.response | trim",
        "lower(task.approve.result.response)",
    ],
)
def test_an_answer_that_is_not_compared_gets_a_hint(condition):
    (hint,) = hints_of(condition)

    assert "is a text, and every text but an empty one is true, also `no`" in hint.message
    assert "`response_schema: {type: boolean}`" in hint.message
    assert hint.position.line == 6


@pytest.mark.parametrize(
    "condition",
    [
        "task.approve.response == 'yes'",
        "result().response in ['yes', 'y']",
        "result().response is defined",
        "length(result().response) > 3",
        "succeeded()",
    ],
)
def test_an_answer_that_is_compared_gets_none(condition):
    assert hints_of(condition) == []


@pytest.mark.parametrize(
    ("schema", "count"),
    [
        ("{type: string}", 1),
        ("{enum: ['yes', 'no']}", 1),
        ("{type: boolean}", 0),
        ("{enum: [1, 0]}", 0),
        ("{type: object}", 0),
        ("'{{ config.schema }}'", 0),
    ],
)
def test_only_text_is_always_true(schema, count):
    assert len(hints_of("task.approve.response", schema)) == count


def test_the_answer_is_read_by_a_later_task():
    text = """
tasks:
  - {name: approve, action: core.ask, input: {prompt: Ship it?}, next: [{do: ship}]}
  - {name: ship, action: core.noop, when: "{{ task.approve.response }}"}
"""
    (hint,) = attune_nb.loads(text).check()

    assert hint.severity == "hint"
    assert hint.position.line == 4

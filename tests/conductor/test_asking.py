"""A task that waits for an answer: rule 12."""

import pytest
from support.manual_driver import ManualDriver
from support.outcomes import ended_tasks, wait_until

import attune_nb
from attune_nb.conductor.state import Alarm, StartTask
from attune_nb.events import AskOpened

ASK = """
vars: [{who: Ada}]
tasks:
  - {name: other, action: note}
  - name: q
    action: core.ask
    input:
      prompt: "May {{ workflow.who }} go?"
      response_schema: {type: object, required: [ok], properties: {ok: {type: boolean}}}
    next: [{when: "{{ result().response.ok }}", do: yes}]
  - {name: yes, action: same, input: {x: "{{ task.q.response }}"}}
"""


def test_a_question_is_answered_while_other_branches_run(runner, make_flag):
    noted = make_flag("noted")
    run = runner.start(ASK, note=noted.set)
    wait_until(lambda: run.questions)

    assert noted.wait(60)

    (question,) = run.questions
    assert (question.task, question.prompt) == ("q", "May Ada go?")
    assert run.status == "running"
    with pytest.raises(attune_nb.ParameterError, match="does not fit"):
        run.answer("q", {"ok": "maybe"})
    with pytest.raises(attune_nb.AttuneError, match="has no open question"):
        run.answer("other", 1)

    loop = {"ok": True}
    loop["again"] = loop

    with pytest.raises(attune_nb.ParameterError, match="the answer cannot be used"):
        run.answer("q", loop)
    assert not run.has_ended

    run.answer("q", {"ok": True})
    assert run.wait(60)
    assert run.status == "succeeded"
    assert run.questions == []
    assert run.result("q") == {"response": {"ok": True}}
    assert run.result("yes") == {"ok": True}
    with pytest.raises(attune_nb.AttuneError, match="has no open question"):
        run.answer("q", {"ok": True})


def test_a_question_without_an_answer_in_time_times_out(runner):
    run = runner.run("""
tasks:
  - name: q
    action: core.ask
    timeout: 0.05
    input: {prompt: "?"}
    next: [{when: "{{ timed_out() }}", do: b}]
  - {name: b, action: core.noop}
""")
    assert run.status == "succeeded"
    assert ended_tasks(run) == [("q", 1, "timed_out"), ("b", 1, "succeeded")]
    assert run.result("q")["error"] == "the question was not answered within 0.05 s"


QUESTION = "tasks:\n  - {name: q, action: core.ask, input: {prompt: hm}, timeout: 7}\n"


def test_a_question_starts_nothing_at_the_backend():
    run = ManualDriver(QUESTION)
    assert run.commands(StartTask) == []
    assert [question.prompt for question in run.commands(AskOpened)] == ["hm"]

    (alarm,) = run.commands(Alarm)
    assert (alarm.kind, alarm.key, alarm.seconds) == ("ask", ("q", 1), 7)
    assert run.state.executions["q", 1].status == "waiting"


def test_only_the_first_answer_in_time_counts():
    run = ManualDriver(QUESTION)
    run.answer("q", [1], visit=2)
    run.end("q", result="an attempt that was not made")

    assert run.state.status == "running"

    run.answer("q", [1])
    run.answer("q", [2])
    run.ring("ask", "q", 1)

    assert run.state.executions["q", 1].outcome.result == {"response": [1]}

    late = ManualDriver(QUESTION)
    late.ring("ask", "q", 1)
    late.answer("q", 1)

    assert late.ended_tasks == [("q", 1, "timed_out")]


def test_an_alarm_that_was_not_set_ends_no_question():
    run = ManualDriver(QUESTION.replace(", timeout: 7", ""))
    run.ring("ask", "q", 1)
    delayed = ManualDriver(QUESTION.replace("timeout: 7", "timeout: 7, delay: 9"))
    delayed.ring("ask", "q", 1)

    assert (run.ended_tasks, delayed.ended_tasks) == ([], [])


def test_an_answer_that_contains_itself_fails_the_task():
    loop = []
    loop.append(loop)
    run = ManualDriver(QUESTION)
    run.answer("q", loop)

    assert run.ended_tasks == [("q", 1, "failed")]
    assert "the answer cannot be used" in run.state.error


def test_a_question_within_a_parallel_task_after_a_delay():
    run = ManualDriver("""
tasks:
  - name: p
    type: parallel
    tasks:
      - {name: q, action: core.ask, input: {prompt: go}, delay: 3}
      - {name: r, action: core.noop}
""")
    run.end("p/r", result=1)
    run.answer("p/q", "too early")
    run.ring("delay", "p/q", 1)
    run.answer("p/q", "now")

    assert run.state.context.tasks["p"].result == {"q": {"response": "now"}, "r": 1}


def test_a_mocked_question_needs_no_answer(runner):
    text = 'tasks:\n  - {name: q, action: core.ask, input: {prompt: "?"}}\n'
    run = attune_nb.loads(text).run(
        mock={"q": {"response": 1}}, backend=runner.backend, progress=False
    )
    assert run.result("q") == {"response": 1}


def test_cancelling_closes_the_question(runner):
    run = runner.start('tasks:\n  - {name: q, action: core.ask, input: {prompt: "?"}}\n')
    wait_until(lambda: run.questions)
    run.cancel()

    assert run.wait(60)
    assert (run.status, run.questions) == ("cancelled", [])
    assert ended_tasks(run) == [("q", 1, "cancelled")]


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"type": "foo"}, "is not a valid JSON Schema"),
        (5, "an object, a JSON Schema, not an integer"),
        ([1], "an object, a JSON Schema, not an array"),
        (
            {"$ref": "http://127.0.0.1:1/x"},
            "only references within the schema (`#/...`) can be read",
        ),
        ({"items": [{"$ref": "file:///etc/passwd"}]}, "is not a valid JSON Schema"),
    ],
)
def test_an_unusable_schema_fails_the_task(runner, schema, problem):
    text = "parameters: {s: {}}\n" + QUESTION.replace(
        "hm}", "hm, response_schema: '{{ parameters.s }}'}"
    )
    run = runner.start(text, {"s": schema})

    assert run.wait(60)
    assert run.status == "failed"
    assert problem in run.error


@pytest.mark.parametrize(
    ("schema", "answer", "problem"),
    [
        ({"pattern": "^(a+)+$"}, "a" * 32 + "!", "does not fit"),
        ({"$ref": "#/nope"}, 1, "cannot be used"),
    ],
)
def test_an_answer_that_cannot_be_checked_is_refused_in_time(runner, schema, answer, problem):
    text = "parameters: {s: {}}\n" + QUESTION.replace(
        "hm}", "hm, response_schema: '{{ parameters.s }}'}"
    )
    run = runner.start(text, {"s": schema})
    wait_until(lambda: run.questions)

    with pytest.raises(attune_nb.ParameterError, match=problem):
        run.answer("q", answer)

    run.cancel()
    assert run.wait(60)

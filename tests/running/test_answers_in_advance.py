"""Answers that are passed before their questions open, and who gave them."""

import pytest

import attune_nb
from attune_nb.engine.driver import Driver
from attune_nb.events import AskAnswered
from attune_nb.running.answers import read_answer_options

ASK = """
parameters: {schema: {}}
tasks:
  - name: approve
    action: core.ask
    input: {prompt: Ship it?, response_schema: SCHEMA}
    next: [{do: [ship]}]
  - {name: ship, action: core.noop}
output_map: {answer: "{{ task.approve.response }}"}
"""
BOOLEAN = "{type: boolean}"
# a schema that is known only when the question opens
DYNAMIC = "'{{ parameters.schema }}'"


def workflow(schema=BOOLEAN):
    """Return a workflow that asks one question."""
    return attune_nb.loads(ASK.replace("SCHEMA", schema))


def run_with(*options, schema=BOOLEAN, parameters=None, backend="threads"):
    """Run the workflow with answers as `--answer` gives them."""
    answers = read_answer_options(options)
    return workflow(schema).run(parameters, answers=answers, backend=backend)


@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_an_answer_is_used_when_its_question_opens(backend):
    run = workflow().run(answers={"approve": True}, backend=backend)

    assert run.status == "succeeded"
    assert run.output == {"answer": True}


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("12", "null", "12"),
        ("no", "null", "no"),
        ("1.10", "{type: string}", "1.10"),
        ("No", BOOLEAN, False),
        ("3", "{type: integer}", 3),
        ("b", "{enum: [a, b]}", "b"),
        ("2", "{enum: [1, 2]}", 2),
        ("{ok: yes, n: 2}", "{type: object}", {"ok": "yes", "n": 2}),
        ("[a, b]", "{type: array}", ["a", "b"]),
    ],
)
def test_a_text_is_read_as_its_question_expects_it(text, schema, value):
    assert run_with(f"approve={text}", schema=schema).output == {"answer": value}


def test_who_answered_is_on_record():
    run = run_with("approve=true")
    (answer,) = [event for event in run.events if isinstance(event, AskAnswered)]

    assert answer.by.endswith("(--answer)")


def test_each_answer_is_used_once():
    """A task that asks again in a cycle needs another answer."""
    again = attune_nb.loads("""
tasks:
  - name: start
    action: core.noop
    next: [{do: ask}]
  - name: ask
    action: core.ask
    input: {prompt: Ready?, response_schema: {type: boolean}}
    next: [{when: "{{ not task.ask.response }}", do: ask}]
""")
    with pytest.raises(attune_nb.QuestionOpen) as raised:
        again.run(answers={"ask": False})

    run = raised.value.run
    assert [(question.task, question.visit) for question in run.questions] == [("ask", 2)]
    run.answer("ask", value=True)
    assert run.wait(60)
    assert run.status == "succeeded"


def test_a_late_misfit_leaves_the_question_open():
    with pytest.raises(attune_nb.QuestionOpen, match="the answer must be a boolean") as raised:
        run_with("approve=perhaps", schema=DYNAMIC, parameters={"schema": {"type": "boolean"}})

    run = raised.value.run
    assert run.status == "paused"
    run.cancel()
    assert run.wait(60)


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"ship": 1}, "answers `ship`: the task asks no question; tasks that ask: `approve`"),
        ({"aprove": 1}, "answers `aprove`: there is no such task; did you mean `approve`?"),
        ({"approve": "yes"}, "answers `approve`: the answer must be a boolean, not a string"),
        ([1], "`answers` must be an object, not an array"),
        ({1: True}, "the names in `answers` must be strings, not the integer `1`"),
    ],
)
def test_unusable_answers_are_refused_before_the_run(answers, message):
    with pytest.raises(attune_nb.ParameterError) as raised:
        workflow().run(answers=answers)

    assert message in str(raised.value)


def test_a_workflow_that_asks_nothing_takes_no_answer():
    quiet = attune_nb.loads("tasks: [{name: a, action: core.noop}]")
    with pytest.raises(attune_nb.ParameterError, match="no task of the workflow asks a question"):
        quiet.run(answers={"a": 1})


def test_a_question_with_a_mock_takes_no_answer():
    with pytest.raises(attune_nb.ParameterError, match="has a mock, so it asks nothing"):
        workflow().run(answers={"approve": True}, mock={"approve": {}}, dry_run=False)


def test_a_dry_run_takes_answers_as_results():
    run = workflow().run(answers={"approve": False}, dry_run=True)

    assert run.result("approve") == {"response": False}


def test_two_answers_for_a_task_are_refused():
    with pytest.raises(attune_nb.ParameterError, match="gives two answers for `approve`"):
        read_answer_options(["approve=true", "approve=false"])


def test_an_answer_file_with_a_mistake_shows_its_line(tmp_path):
    file = tmp_path / "answers.yaml"
    file.write_text("approve: true\n  why: [1\n")
    with pytest.raises(attune_nb.ParameterError, match=r"answers\.yaml, line 2, column"):
        read_answer_options([str(file)])


def test_an_answer_file_of_json_is_read_strictly(tmp_path):
    file = tmp_path / "answers.json"
    file.write_text('{"approve": true, "version": 1.10}')
    answers = read_answer_options([str(file)])
    assert answers["approve"].value is True
    assert answers["version"].text == "1.10"

    file.write_text('{"approve": yes}')
    with pytest.raises(attune_nb.ParameterError, match=r"answers\.json, line 1, column 13"):
        read_answer_options([str(file)])


def test_an_inner_question_is_answered_by_its_name():
    both = attune_nb.loads("""
tasks:
  - name: both
    type: parallel
    tasks:
      - {name: ask, action: core.ask, input: {prompt: Well?}}
      - {name: work, action: core.noop}
""")
    assert both.run(answers={"ask": "fine"}).result("both")["ask"] == {"response": "fine"}


FLAT = "{ok: {type: boolean, required: true}, reason: {type: string, default: none}}"


def test_a_schema_has_the_flat_form_of_parameters():
    run = workflow(FLAT).run(answers={"approve": {"ok": True}})

    assert run.output == {"answer": {"ok": True}}
    with pytest.raises(attune_nb.ParameterError, match="'ok' is a required property"):
        workflow(FLAT).run(answers={"approve": {}})
    with pytest.raises(attune_nb.ParameterError, match="'reson' was unexpected"):
        workflow(FLAT).run(answers={"approve": {"ok": True, "reson": ""}})


def test_a_fault_in_the_flat_form_has_its_position():
    with pytest.raises(attune_nb.WorkflowError) as raised:
        workflow("{ok: {type: boolaen}}")
    (problem,) = raised.value.problems

    assert "unknown parameter type `boolaen`; did you mean `boolean`?" in problem.message
    assert problem.position.line == 6


def test_an_answer_on_its_way_is_not_overtaken_by_a_pause(monkeypatch):
    """The pause is requested in the moment between the question and its answer."""
    answer = Driver.answer

    def answer_late(driver, *arguments, **options):
        driver.pause_for_questions("nobody is there")
        answer(driver, *arguments, **options)

    monkeypatch.setattr(Driver, "answer", answer_late)
    run = workflow("{type: boolean}").run(answers={"approve": True})
    assert run.status == "succeeded"

"""The questions of a workflow in a terminal: a person types the answers."""

import json

import pytest
from support.command_line import attune
from support.typed_answers import TypedCommand

pytestmark = pytest.mark.slow

ASK = """
tasks:
  - name: approve
    action: core.ask
    SETTINGS
    input: {prompt: May it go?, response_schema: SCHEMA}
output_map: {answer: "{{ task.approve.response }}"}
"""


@pytest.fixture
def write_question(tmp_path):
    """Return a function that writes a workflow with one question to a file."""

    def write(schema, settings=""):
        path = tmp_path / "ask.yaml"
        path.write_text(ASK.replace("SCHEMA", schema).replace("SETTINGS", settings))
        return path

    return write


@pytest.fixture
def run_in_terminal(tmp_path):
    """Return a function that runs a file in a terminal, on record in a store."""

    def run(path, *options):
        return TypedCommand("run", str(path), "--store", str(tmp_path / "s.db"), *options)

    return run


def output_of(shown):
    """Return the output that `attune-nb run` printed."""
    (line,) = [line for line in shown.splitlines() if line.startswith("output: ")]
    return json.loads(line.removeprefix("output: "))


def test_a_boolean_is_answered_with_y_or_n(write_question, run_in_terminal):
    command = run_in_terminal(write_question("{type: boolean}"))
    command.type("approve: May it go? [y/n]: ", "perhaps")
    command.expect("type y for yes or n for no")
    command.type("approve: May it go? [y/n]: ", "y")
    shown, exit_status = command.finish()

    assert output_of(shown) == {"answer": True}
    assert exit_status == 0


def test_an_enum_is_a_numbered_choice(write_question, run_in_terminal):
    command = run_in_terminal(write_question("{enum: [staging, production]}"))
    command.expect("1) staging\r\n  2) production\r\n")
    command.type("number or value: ", "3")
    command.expect("type one of the values, or a number from 1 to 2")
    command.type("number or value: ", "2")
    shown, _ = command.finish()

    assert output_of(shown) == {"answer": "production"}


def test_without_a_schema_a_text_is_typed(write_question, run_in_terminal):
    command = run_in_terminal(write_question("null"))
    command.type("approve: May it go? ", "")
    command.expect("an answer is needed")
    command.type("approve: May it go? ", "12 o'clock")
    shown, _ = command.finish()

    assert output_of(shown) == {"answer": "12 o'clock"}


def test_an_object_is_filled_in_field_by_field(write_question, run_in_terminal):
    schema = """{type: object, required: [servers, reason], properties: {
      servers: {type: integer, minimum: 1},
      reason: {type: string, minLength: 3},
      tags: {type: array, items: {type: string}},
      share: {type: number},
      urgent: {type: boolean, default: true}}}"""
    command = run_in_terminal(write_question(schema))
    command.type("servers [an integer]: ", "three")
    command.expect("it must be an integer, not `three`")
    command.type("servers [an integer]: ", "0")
    command.expect("0 is less than the minimum of 1")
    command.type("servers [an integer]: ", "3")
    command.type("reason: ", "tested")
    command.type("tags [a, b, c, or JSON, Enter skips it]: ", "eu, web")
    command.type("share [a number, Enter skips it]: ", "")
    command.type("urgent [y/n, Enter: y]: ", "")
    shown, _ = command.finish()

    answer = {"servers": 3, "reason": "tested", "tags": ["eu", "web"], "urgent": True}
    assert output_of(shown) == {"answer": answer}


def test_a_password_is_not_shown(write_question, run_in_terminal):
    command = run_in_terminal(write_question("{type: string, format: password}"))
    command.type("approve: May it go? ", "open sesame")
    shown, exit_status = command.finish()

    assert output_of(shown) == {"answer": "***"}
    assert "sesame" not in shown
    assert exit_status == 0


def test_a_timeout_ends_the_reading(write_question, run_in_terminal):
    timeout = "timeout: 1\n    next: [{when: '{{ timed_out() }}', do: noop}]"
    command = run_in_terminal(write_question("{type: boolean}", timeout))
    command.expect("approve: May it go? [y/n]: ")
    command.expect("the question of `approve` is no longer open")
    _, exit_status = command.finish()

    assert exit_status == 1


@pytest.mark.parametrize(("key", "exit_status"), [("d", 3), ("c", 130)], ids=["eof", "interrupt"])
def test_a_question_left_open_is_answered_later(
    write_question, run_in_terminal, tmp_path, key, exit_status
):
    command = run_in_terminal(write_question("{type: boolean}"))
    command.press_control(key, "[y/n]: ")
    shown, ended_with = command.finish()
    assert ended_with == exit_status

    (advice,) = [line for line in shown.splitlines() if line.startswith("To go on: ")]
    arguments = advice.split("`")[1].split()[1:]
    process = attune(*arguments)
    assert process.returncode == 0, process.stderr
    assert output_of(process.stdout) == {"answer": True}


def test_questions_are_asked_one_after_the_other(tmp_path, run_in_terminal):
    path = tmp_path / "two.yaml"
    path.write_text("""
tasks:
  - {name: one, action: core.ask, input: {prompt: First?}}
  - {name: two, action: core.ask, input: {prompt: Second?}}
  - {name: work, action: core.shell, input: {cmd: sleep 0.3}, next: [{do: three}]}
  - {name: three, action: core.ask, input: {prompt: Third?}}
output_map: {answers: "{{ [task.one.response, task.two.response, task.three.response] }}"}
""")
    command = run_in_terminal(path)
    command.type("one: First? ", "a")
    command.type("two: Second? ", "b")
    command.type("three: Third? ", "c")
    shown, _ = command.finish()

    assert output_of(shown) == {"answers": ["a", "b", "c"]}


def test_the_inline_backend_asks_too(write_question, run_in_terminal):
    command = run_in_terminal(write_question("{type: boolean}"), "--backend", "inline")
    command.type("[y/n]: ", "n")
    shown, _ = command.finish()

    assert output_of(shown) == {"answer": False}

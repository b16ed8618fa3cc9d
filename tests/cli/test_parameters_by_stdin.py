"""`--params -`: parameters come from standard input, so `ps` does not show them."""

import json

import pytest
from support.command_line import attune_here
from typer.testing import CliRunner

from attune_nb.cli import app

pytestmark = pytest.mark.slow

WORKFLOW = """
parameters:
  count: {type: integer, required: true}
  token: {type: string, secret: true}
tasks: [{name: show, action: core.echo, input: {message: "{{ parameters.count }}"}}]
output_map: {count: "{{ task.show.result.message }}"}
"""
FAILING = "tasks: [{name: break, action: core.shell, input: {cmd: exit 1}}]\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "count.yaml"
    path.write_text(WORKFLOW)
    return str(path)


def attune_with_input(text, *arguments):
    return CliRunner().invoke(app, arguments, input=text, prog_name="attune-nb")


@pytest.mark.parametrize("text", ['{"count": 3}', "count: 3\n", "{count: 3}", ' {\n"count": 3}\n'])
def test_standard_input_is_json_or_yaml(text, file):
    outcome = attune_with_input(text, "run", file, "--params", "-", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["output"] == {"count": 3}


def test_json_keeps_characters_that_yaml_reads_otherwise(file):
    text = json.dumps({"count": 1, "token": "\U0001f600/\u2028"})
    assert attune_with_input(text, "run", file, "--params", "-").exit_code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "`standard input` must be an object of parameters, not an array; write `NAME: V"),
        ('{"count": 1, "count": 2}', "standard input, line 1, column 14: "),
        ('{"token": "hush" "x"}', "standard input, line 1, column 18: "),
        ("token: [hush", "standard input, line 1, column 8: "),
        (b"\xff", "--params -: standard input is not UTF-8 text"),
    ],
)
def test_standard_input_that_is_no_object_gives_its_place(text, message, file):
    outcome = attune_with_input(text, "run", file, "--params", "-")
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    # it may be a secret
    assert "hush" not in outcome.stderr


def test_set_overrides_standard_input(file):
    words = ("run", file, "--params", "-", "--set", "count=4", "--json")
    outcome = attune_with_input('{"count": 3}', *words)
    assert json.loads(outcome.stdout)["output"] == {"count": 4}


@pytest.mark.parametrize("command", ["retry", "resume"])
def test_a_repeated_run_takes_parameters_by_stdin(command, tmp_path):
    store = str(tmp_path / "runs.db")
    path = tmp_path / "break.yaml"
    path.write_text(FAILING)
    attune_here("run", str(path), "--store", store, "--run-id", "0123456789ab")
    words = (command, "0123456789ab", "--store", store, "--params", "-")
    outcome = attune_with_input("[]", *words)
    assert outcome.exit_code == 2
    assert "`standard input` must be an object of parameters" in outcome.stderr

"""The options of `attune-nb run`, and of the command itself."""

import json

import pytest
from support.command_line import GREET, attune, attune_here

import attune_nb

pytestmark = pytest.mark.slow

SQUARES = """
tasks:
  - name: list
    action: core.echo
    input: {message: [1, 2, 3]}
    next: [{when: "{{ succeeded() }}", do: tell}]
  - name: tell
    action: core.echo
    with_items: "{{ task.list.result }}"
    concurrency: 1
    input: {message: "{{ item }}"}
output_map: {told: "{{ task.tell.result }}"}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "squares.yaml"
    path.write_text(SQUARES)
    return str(path)


def test_a_mock_is_a_result_that_no_action_made(file):
    outcome = attune_here("run", file, "--mock", "list=['a']", "--mock", "tell=7", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["output"] == {"told": [7]}


def test_a_mock_can_fail_the_run(file):
    outcome = attune_here("run", file, "--mock", "list=ValueError('disk full')")
    assert outcome.exit_code == 1
    assert "disk full" in outcome.stdout


def test_a_dry_run_makes_no_attempt(tmp_path):
    path = tmp_path / "touch.yaml"
    path.write_text(f"tasks: [{{name: a, action: core.shell, input: {{cmd: touch {tmp_path}/x}}}}]")
    outcome = attune_here("run", str(path), "--dry-run")
    assert outcome.exit_code == 0, outcome.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mock", "tel=1"], "there is no task `tel`; did you mean `tell`?"),
        (["--mock", "tell"], "--mock takes TASK=VALUE, and one has no `=`; it is not shown"),
        (
            ["--concurrency", "0"],
            "`concurrency` must be an integer of 1 or more, not the integer `0`",
        ),
        (["--workers", "-1"], "`workers` must be an integer of 1 or more, not the integer `-1`"),
        (["--set", "x"], "--set takes NAME=VALUE, and one has no `=`; it is not shown"),
    ],
)
def test_wrong_usage_of_run_gives_one_line(options, message, file):
    outcome = attune_here("run", file, *options)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "start", "command"),
    [
        (["run", "x.yaml", "--concurency", "2"], "No such option: --concurency", "attune-nb run"),
        (["run", "x.yaml", "--workers", "two"], "Invalid value for '--workers'", "attune-nb run"),
        (["run", "x.yaml", "urls=1"], "Got unexpected extra argument", "attune-nb run"),
        (["run"], "Missing argument 'FILE|REF'", "attune-nb run"),
        (["run", "x.yaml", "--set"], "Option '--set' requires an argument", "attune-nb"),
        (["rum"], "No such command 'rum'. Did you mean 'run'", "attune-nb"),
        (["--versoin"], "No such option: --versoin", "attune-nb"),
    ],
)
def test_wrong_words_give_one_line_with_the_way_to_help(words, start, command):
    outcome = attune_here(*words)
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith(f"{command}: {start}")
    assert outcome.stderr.endswith(f"(`{command} --help` shows the usage)\n")
    assert outcome.stderr.count("\n") == 1


def test_without_words_the_help_is_shown():
    outcome = attune_here()
    assert outcome.exit_code == 2
    assert "Run the workflow in FILE, or" in outcome.output


def test_the_version_is_printed():
    process = attune("--version")
    assert process.returncode == 0
    assert process.stdout == f"attune-nb {attune_nb.__version__}\n"


def test_the_package_is_the_command_line(tmp_path):
    file = tmp_path / "greet.yaml"
    file.write_text(GREET)
    process = attune("run", "greet.yaml", "--json", cwd=tmp_path, as_module=True)
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["status"] == "succeeded"

    version = attune("--version", as_module=True)
    assert version.stdout == attune("--version").stdout


@pytest.mark.parametrize(
    ("value", "text"),
    [("0123", "0123"), ("123", "123"), ("true", "true"), ("[1]", "[1]"), ('"12"', "12")],
)
def test_a_parameter_of_type_string_keeps_its_text(tmp_path, value, text):
    path = tmp_path / "tell.yaml"
    path.write_text(
        "parameters: {zip: {type: string}}\n"
        "tasks: [{name: a, action: core.noop}]\n"
        "output_map: {zip: '{{ parameters.zip }}'}\n"
    )
    outcome = attune_here("run", str(path), "--set", f"zip={value}", "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["output"] == {"zip": text}

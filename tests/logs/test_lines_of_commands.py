"""The output of commands of `core.shell` and of packs becomes lines, and stays in the result."""

import pytest
from support.api_scripts import DEFINE_CALL
from support.log_lines import read_lines
from support.packs import find_action, write_action

import attune_nb
from attune_nb.packs.options import PackOptions
from attune_nb.packs.process.pack_function import PackFunction

SHELL = """
tasks:
  - name: talk
    action: core.shell
    with_items: [a, b]
    input: {cmd: "COMMAND"}
"""


def run_shell(command, **options):
    """Run a command for two items; return the run and the lines."""
    with read_lines() as lines:
        run = attune_nb.loads(SHELL.replace("COMMAND", command)).run(progress=False, **options)
    return run, lines


def test_a_command_writes_lines_and_has_its_result():
    run, lines = run_shell("echo out {{ item }}; printf 'err {{ item }}' >&2")

    assert sorted((line.index, line.level, line.text) for line in lines) == [
        (0, "stderr", "err a"),
        (0, "stdout", "out a"),
        (1, "stderr", "err b"),
        (1, "stdout", "out b"),
    ]
    assert run.items("talk")["result"][0]["stdout"] == "out a\n"


def test_the_lines_of_a_command_that_fails_are_kept():
    _, lines = run_shell("echo before; exit 3", backend="inline")

    assert [(line.index, line.text) for line in lines] == [(0, "before"), (1, "before")]


PACK = """
parameters: {word: {type: string}}
tasks:
  - {name: talk, action: kit.act, input: {word: "{{ parameters.word }}"}}
"""


def run_pack(folder, fields):
    """Run a pack's action that writes its parameters to both streams; return the lines."""
    write_action(folder, "tee /dev/stderr", output_format="json", **fields)
    action = PackFunction(find_action("kit.act", folder), PackOptions())
    with read_lines() as lines:
        attune_nb.loads(PACK).run(
            {"word": "swordfish"}, actions={"kit.act": action}, progress=False
        )
    return lines


def test_a_process_of_a_pack_writes_lines_without_its_secrets(tmp_path):
    lines = run_pack(tmp_path / "kit", {"parameters": "{word: {type: string, secret: true}}"})

    assert [line.text for line in lines] == ['{"word":"***"}'] * 2


def test_a_result_with_a_secret_field_is_no_line(tmp_path):
    lines = run_pack(tmp_path / "kit", {"output": "{word: {type: string, secret: true}}"})

    assert {line.level for line in lines} == {"stderr"}


READ_KEY = (
    DEFINE_CALL
    + """
import time

print("begin", file=sys.stderr)
for _ in range(3):
    time.sleep(0.11)
    print("read", call("GET", "/keys/jira.token")["value"], file=sys.stderr)
print("{}")
"""
)


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_a_key_that_an_attempt_gets_is_hidden_from_then_on(backend, tmp_path):
    pack = write_action(tmp_path / "kit", READ_KEY, name="act.py", runner_type="python")
    text = "tasks: [{name: talk, action: kit.act}]"

    run = attune_nb.loads(text).run(
        packs=[pack], keys={"jira.token": "s3cr3t-word"}, backend=backend, logs="none"
    )

    texts = list(run.logs(level="stderr")["text"])
    assert texts == ["begin", "read ***", "read ***", "read ***"]

"""Secrets on the command line: `--keystore`, `--secret` and `--secret-env`."""

import os

import pexpect
import pytest
from support.command_line import attune, attune_command, attune_here

pytestmark = pytest.mark.slow

SECRET = "open-sesame-7"
WORKFLOW = """
parameters: {token: {type: string, secret: true}}
tasks:
  - name: show
    action: core.shell
    input: {cmd: "printf %s \\"$KEY\\" | wc -c", env: {KEY: "{{ keystore.key }}"}}
output_map:
  length: "{{ task.show.result.stdout | int }}"
  token: "{{ parameters.token | default('none') | length }}"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "call.yaml").write_text(WORKFLOW)
    (tmp_path / "keys.yaml").write_text(f"key: {SECRET}\n")
    (tmp_path / "keys.json").write_text(f'{{"key": "{SECRET}"}}')
    return tmp_path


@pytest.mark.parametrize(
    "options",
    [
        ["--keystore", "keys.yaml"],
        ["--keystore", "keys.json"],
        ["--keystore", f"{{'key': '{SECRET}'}}"],
        ["--secret-env", "key=API_KEY"],
        # a `$` that the shell left there
        ["--secret-env", "key=$API_KEY"],
    ],
)
def test_a_secret_is_in_the_keystore(folder, monkeypatch, options):
    monkeypatch.setenv("API_KEY", SECRET)
    monkeypatch.chdir(folder)

    outcome = attune_here("run", "call.yaml", *options)
    assert outcome.exit_code == 0, outcome.stderr
    assert f'"length": {len(SECRET)}' in outcome.stdout
    assert SECRET not in outcome.output


def test_a_secret_is_asked_for_without_echo(folder):
    command = attune_command("run", "call.yaml", "--secret", "key", "--secret", "token")
    child = pexpect.spawn(command[0], command[1:], cwd=folder, encoding="utf-8", timeout=60)
    child.expect_exact("key: ")
    child.sendline(SECRET)
    child.expect_exact("token: ")
    assert SECRET not in child.before
    child.sendline("four")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0, child.before
    assert f'"length": {len(SECRET)}' in child.before
    # a secret parameter of the same name takes it, too
    assert '"token": 4' in child.before
    assert SECRET not in child.before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--secret", "key"], "--secret asks for a value, but no person can answer here"),
        (["--secret", f"key={SECRET}"], "--secret takes a NAME, and asks for the value"),
        (["--secret-env", f"key={SECRET}"], "--secret-env key: there is no such environment"),
        (["--secret-env", "key=API_KAY"], "did you mean `API_KEY`?"),
        (["--secret-env", SECRET], "--secret-env takes NAME=VARIABLE"),
        (["--secret-env", "key="], "--secret-env takes NAME=VARIABLE"),
        (["--keystore", "nothing.yaml"], "--keystore: cannot read `nothing.yaml`: No such file"),
        (["--keystore", "list.yaml"], "`list.yaml` must be an object of names and values, not"),
        (["--keystore", "broken.yaml"], "--keystore broken.yaml, line 2: this is not YAML"),
        (["--keystore", "broken.json"], "--keystore broken.json, line 1: this is not JSON"),
        (["--keystore", "[1]"], "the object must be an object of names and values, not an array"),
        (["--keystore", "{1: 2}"], "the names in the object must be strings, and one is an int"),
        (["--keystore", SECRET], "--keystore takes a file or an object of names and values"),
        (["--set", SECRET], "--set takes NAME=VALUE, and one has no `=`; it is not shown"),
        (["--mock", SECRET], "--mock takes TASK=VALUE, and one has no `=`; it is not shown"),
        (["--answer", SECRET], "--answer takes TASK=VALUE or a file (.yaml, .yml, .json), and"),
        (["--secret", "key", SECRET], "Got unexpected extra argument(s); not shown here"),
        (["--set", f"tokn={SECRET}"], "there is no parameter `tokn`; did you mean `token`?"),
    ],
)
def test_a_wrong_secret_gives_one_line_without_it(folder, monkeypatch, options, message):
    (folder / "list.yaml").write_text(f"[{SECRET}]\n")
    (folder / "broken.yaml").write_text(f"key: 1\n {SECRET}: [\n")
    (folder / "broken.json").write_text(f'{{"key": {SECRET}}}')
    monkeypatch.setenv("API_KEY", "x")
    monkeypatch.chdir(folder)

    outcome = attune_here("run", "call.yaml", *options)
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert SECRET not in outcome.output


def test_a_resumed_run_takes_its_secrets_again(folder):
    """The run waits for an answer, and its process is gone."""
    (folder / "ask.yaml").write_text(
        "parameters: {token: {type: string, secret: true, required: true}}\n"
        "tasks:\n"
        "  - {name: wait, action: slow_actions:wait, next: [{do: show}]}\n"
        "  - {name: show, action: core.echo, input: {message: '{{ keystore.key | length }}'}}\n"
        "output_map:\n"
        "  length: '{{ task.show.result.message }}'\n"
        "  token: '{{ parameters.token | length }}'\n"
    )
    (folder / "slow_actions.py").write_text(
        "import os, signal, pathlib, time, attune_nb\n"
        "def wait():\n"
        "    if not pathlib.Path('once').exists():\n"
        "        pathlib.Path('once').touch()\n"
        "        while not pathlib.Path('runs.db').exists() or not len(attune_nb.runs()):\n"
        "            time.sleep(0.05)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {
        **os.environ, "ATTUNE_NB_STORE": "runs.db", "API_KEY": SECRET, "API_TOKEN": "four",
    }  # fmt: skip

    def attune_with_secrets(*words):
        words = [*words, "--allow-imports", *secrets]
        return attune(*words, cwd=folder, env=environment)

    secrets = ["--secret-env", "key=API_KEY", "--secret-env", "token=API_TOKEN"]
    assert attune_with_secrets("run", "ask.yaml").returncode == -9
    run_id = attune("runs", cwd=folder, env=environment).stdout.split()[0]

    resumed = attune_with_secrets("resume", run_id)
    assert resumed.returncode == 0, resumed.stderr
    assert f'"length": {len(SECRET)}, "token": 4' in resumed.stdout

    secrets = []
    refused = attune_with_secrets("resume", run_id)
    assert refused.returncode == 2

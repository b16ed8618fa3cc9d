"""Secrets in a line: `--keystore`, `--secret`, `--secret-env`, and messages without them."""

import subprocess
import sys

import pytest
from IPython.core.error import UsageError
from IPython.utils.capture import capture_output
from support.kernel_conversations import ipython_terminal, kernel_conversation

import attune_nb
from attune_nb.notebook import secret_options

SECRET = "open-sesame-7"
WORKFLOW = """
parameters: {token: {type: string, secret: true}}
tasks:
  - {name: a, action: measure, input: {key: "{{ keystore.key }}"}}
output_map: {length: "{{ task.a.result }}", token: "{{ parameters.token | default('') | length }}"}
"""


@pytest.fixture
def shell(ipython, tmp_path, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setenv("API_KEY", SECRET)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.yaml").write_text(f"key: {SECRET}\n")
    ipython.run_cell("def measure(key): return len(key)")
    ipython.user_ns["key_file"] = tmp_path / "keys.yaml"
    ipython.user_ns["vault"] = {"key": SECRET}
    return ipython


@pytest.fixture
def answers(monkeypatch):
    """Answer each prompt with its own text, in a terminal that shows nothing."""
    prompts = []

    def answer(prompt):
        prompts.append(prompt)
        return SECRET

    monkeypatch.setattr(secret_options.getpass, "getpass", answer)
    monkeypatch.setattr(secret_options, "in_kernel", lambda: True)
    return prompts


def run_cell(shell, line, text=WORKFLOW):
    """Run a cell, and return its Run."""
    with capture_output():
        return shell.run_cell_magic("attune", line, text)


@pytest.mark.parametrize(
    "options",
    [
        "--keystore vault",
        "--keystore {vault}",
        f"--keystore {{'key': '{SECRET}'}}",
        "--keystore keys.yaml",
        "--keystore key_file",
        "--keystore={key_file}",
        "--secret-env key=API_KEY",
        "--secret-env key=$API_KEY",
    ],
)
def test_a_secret_is_in_the_keystore(shell, options):
    run = run_cell(shell, f"call {options}")
    assert run.output == {"length": len(SECRET), "token": 0}
    assert SECRET not in f"{run!r} {run.events}"


def test_a_secret_is_asked_for(shell, answers):
    run = run_cell(shell, "call --secret key --secret token")
    # a secret parameter of the same name takes it, too
    assert run.output == {"length": len(SECRET), "token": len(SECRET)}
    assert answers == ["key: ", "token: "]


def test_a_run_line_takes_secrets(shell):
    with capture_output():
        shell.run_cell_magic("attune", "call --define", WORKFLOW)
    run = shell.run_line_magic("attune", "run call --secret-env key=API_KEY")
    assert run.output == {"length": len(SECRET), "token": 0}


@pytest.mark.parametrize("command", ["retry rid", "fork rid --from a"])
def test_a_repeated_run_takes_secrets(shell, command):
    actions = {"measure": shell.user_ns["measure"]}
    failed_run = attune_nb.loads(WORKFLOW).run(actions=actions, progress=False)
    assert failed_run.status == "failed"
    shell.user_ns["rid"] = failed_run.run_id

    run = shell.run_line_magic("attune", f"{command} --secret-env key=API_KEY")
    assert run.output == {"length": len(SECRET), "token": 0}


INTERRUPTED = f"""
import os, time, attune_nb
def measure(key):
    while not len(attune_nb.runs()):
        time.sleep(0.05)
    os._exit(0)
attune_nb.loads({WORKFLOW!r}).run(
    {{"token": "four"}}, actions={{"measure": measure}}, keystore={{"key": "x"}}
)
"""


@pytest.mark.slow
def test_a_resumed_run_takes_its_secrets_again(shell):
    subprocess.run([sys.executable, "-c", INTERRUPTED], check=True, timeout=120)
    with pytest.raises(attune_nb.ParameterError, match="does not hold the secret parameter"):
        shell.run_line_magic("attune", "resume")

    secrets = "--secret-env key=API_KEY --secret-env token=API_KEY"
    run = shell.run_line_magic("attune", f"resume {secrets} -o resumed")
    assert run.output == {"length": len(SECRET), "token": len(SECRET)}
    assert shell.user_ns["resumed"] is run


def test_a_run_in_progress_has_its_secrets_already(shell):
    asks = "tasks: [{name: a, action: core.ask, input: {prompt: Go on?}}]"
    run = run_cell(shell, "asks --background", asks)
    shell.user_ns["asking"] = run
    with pytest.raises(UsageError, match="its parameters and secrets already; remove `--secret-e"):
        shell.run_line_magic("attune", "resume asking --secret-env key=API_KEY")
    run.cancel()
    assert run.wait(20)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--secret key", "--secret asks for a value, but no person can answer here"),
        (f"--secret key={SECRET}", "--secret takes a NAME, and asks for the value"),
        (f"--secret-env key={SECRET}", "--secret-env key: there is no such environment variable"),
        ("--secret-env key=API_KAY", "did you mean `API_KEY`?"),
        ("--secret-env key", "--secret-env takes NAME=VARIABLE"),
        ("--keystore nothing.yaml", "--keystore: cannot read `nothing.yaml`: No such file"),
        ("--keystore [1]", "--keystore: its value must be an object of names and values, not an"),
        ("--keystore vualt", "--keystore takes a file (.yaml, .yml, .json) or a dict"),
        (f"--keystore 1/0/len('{SECRET}')", "--keystore: the expression raised ZeroDivisionError"),
        (f"--set token='{SECRET}'/0", "--set token: the expression raised TypeError"),
        (f"--set {SECRET}", "--set NAME is short for NAME=NAME, and there is no such variable"),
        (f"--mock {SECRET}", "--mock takes TASK=EXPR, and one has another form; it is not shown"),
        (f"--answer {SECRET}", "--answer takes TASK=VALUE or a file (.yaml, .yml, .json), and one"),
        (f"--secret key {SECRET}", "unrecognized arguments: not shown, since one may be a secret"),
        (f"--set token=['{SECRET}']", "parameter `token` is not of the declared kind"),
    ],
)
def test_a_wrong_secret_gives_one_line_without_it(shell, options, message):
    with capture_output() as output:
        shell.run_cell(f"%%attune call {options}\n{WORKFLOW}")
    text = output.stdout + output.stderr
    assert message in text
    assert "Traceback" not in text
    assert SECRET not in text


def test_a_misspelled_variable_of_a_secret_is_not_shown(shell):
    shell.user_ns["sesame_open"] = SECRET
    with capture_output() as output:
        shell.run_cell(f"%%attune call --set token=sesame_opem --keystore vault\n{WORKFLOW}")
    warning, _, _ = output.stderr.partition("\n")
    assert warning == (
        "--set token: its value is not a variable, so it is used as a string; "
        "did you mean `sesame_open`?"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_front_end_asks_for_a_secret():
    with kernel_conversation() as kernel:
        kernel.execute("def measure(key): return len(key)")
        cell = f"%%attune call --secret key\n{WORKFLOW}"
        text = kernel.execute(cell, [SECRET])
        assert kernel.prompts == kernel.passwords == ["key: "]
        assert SECRET not in text
        assert kernel.execute("print(run.output['length'])") == f"{len(SECRET)}\n"

        # as papermill and nbclient execute it
        text = kernel.execute(cell, allow_stdin=False)
        assert text.startswith("UsageError: --secret asks for a value, but no person can answer")


@pytest.mark.slow
def test_a_terminal_asks_for_a_secret(tmp_path):
    (tmp_path / "cell.txt").write_text(f"%%attune call --secret key\n{WORKFLOW}")
    with ipython_terminal(tmp_path) as terminal:
        terminal.sendline("def measure(key): return len(key)")
        terminal.sendline("")
        terminal.expect_exact("In [3]: ")
        terminal.sendline("_ = get_ipython().run_cell(open('cell.txt').read())")
        terminal.expect_exact("key: ")
        terminal.sendline(SECRET)
        terminal.expect_exact("In [4]: ")
        assert SECRET not in terminal.before
        terminal.sendline("print(run.output)")
        terminal.expect_exact(f"'length': {len(SECRET)}")

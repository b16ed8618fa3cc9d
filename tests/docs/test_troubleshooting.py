"""Every message of the pages of troubleshooting is raised here, with the words of its page."""

import os
import re
import socket
import threading

import pytest
from support.command_line import GREET, attune
from support.pages import DOCS

import attune_nb
from attune_nb.demo import FleetServer

FOLDER = DOCS / "troubleshooting"
_HEADING = re.compile(r"^## (`+) ?(.+?) ?\1$", re.MULTILINE)


def messages_of(path):
    """Return the messages that a page explains."""
    return [match[2] for match in _HEADING.finditer(path.read_text())]


ALL_MESSAGES = [message for path in sorted(FOLDER.glob("*.md")) for message in messages_of(path)]


def error_of_text(text):
    """Return the message of loading a workflow's text."""
    with pytest.raises(attune_nb.AttuneError) as caught:
        attune_nb.loads(text)
    return str(caught.value)


def error_of_run(text, parameters=None, **options):
    """Return the message of running a workflow: of its refusal, or of the run that failed."""
    try:
        run = attune_nb.loads(text).run(parameters, progress=False, **options)
    except attune_nb.QuestionOpen as error:
        # the paused run would live on, and capture what later tests print
        error.run.cancel(force=True)
        error.run.wait()
        return str(error)
    except attune_nb.AttuneError as error:
        return str(error)
    assert run.status == "failed"
    return run.error


def one_task(keys, task_input=""):
    return f"tasks: [{{name: a, {keys}{', input: {' + task_input + '}' if task_input else ''}}}]"


def echo(expression):
    return one_task("action: core.echo", f'message: "{expression}"')


NOOP = one_task("action: core.noop")
THREE_ITEMS = one_task("action: act, with_items: '{{ range(3) }}'", "x: '{{ item }}'")
OF_TEXT = {
    "unknown key `acton`": one_task("acton: b"),
    "unknown key `depends_on`": one_task("action: core.noop, depends_on: b"),
    "task `a` goes to `b`": one_task("action: core.noop, next: [{do: b}]"),
    "line 2 uses a tab": "tasks:\n\t- name: a",
    "`tasks` stands twice": "tasks: []\ntasks: []",
    "a workflow needs `tasks`": "parameters: {}",
    "put quotes around": "tasks:\n- {name: a, action: core.echo, input: {message: {{ item }}}}",
    "`servers` is undefined": echo("{{ servers }}"),
    "`parameters` has no `servers`": echo("{{ parameters.servers }}"),
    "`env` is undefined": echo("{{ env.HOME }}"),
    "there is no filter `lenght`": echo("{{ 1 | lenght }}"),
    "statements (`{% if %}`)": echo("{% if a %}x{% endif %}"),
    "two tasks are named": "tasks: [{name: a, action: core.noop}, {name: a, action: core.noop}]",
    "every task is the target": (
        "tasks: [{name: a, action: core.noop, next: [{do: b}]}, "
        "{name: b, action: core.noop, next: [{do: a}]}]"
    ),
    "`b` joins 3 tasks": (
        "tasks: [{name: a, action: core.noop, next: [{do: b}]}, "
        "{name: b, action: core.noop, join: 3}]"
    ),
    "`concurrency` must be": one_task("action: core.noop, concurrency: 0"),
}
"""Texts that are refused when they are loaded, by the beginning of the message."""


def divide(x):
    return 1 // x


def call_missing_module(x):
    return httpx.get(x)  # noqa: F821 - this is the fault


OF_RUN = {
    "there is no action `chek`": (one_task("action: chek"), {}),
    "`os:getpid` would be imported": (one_task("action: 'os:getpid'"), {}),
    "action `core.sleep` takes no": (one_task("action: core.sleep", "second: 1"), {}),
    "action `check` needs `url`": (
        one_task("action: check"),
        {"actions": {"check": lambda url: url}},
    ),
    "the run needs the parameter": (f"parameters: {{servers: {{required: true}}}}\n{NOOP}", {}),
    "there is no parameter `server`": (
        f"parameters: {{servers: {{}}}}\n{NOOP}",
        {"parameters": {"server": []}},
    ),
    "parameter `servers` must be": (
        f"parameters: {{servers: {{type: array}}}}\n{NOOP}",
        {"parameters": {"servers": "a"}},
    ),
    "`keystore` has no `token`": (echo("{{ keystore.token }}"), {}),
    "task `approve` asks": (
        "tasks: [{name: approve, action: core.ask, input: {prompt: Deploy?}}]",
        {},
    ),
    "3 of 3 items failed": (THREE_ITEMS, {"actions": {"act": call_missing_module}}),
    "`with_items` needs an array": (one_task("action: core.noop, with_items: '{{ 5 }}'"), {}),
    "this array is read-only": (
        one_task("action: act", "x: [1]"),
        {"actions": {"act": lambda x: x.append(2)}},
    ),
    "`parameters` has no `df`": (f"parameters: {{df: {{}}}}\n{echo('{{ parameters.df.x }}')}", {}),
    "the string would have more": (echo("{{ 'a' * 10 ** 9 }}"), {}),
    "no end within": (one_task("action: core.sleep, timeout: 0.05", "seconds: 5"), {}),
    "command exited with 3": (one_task("action: core.shell", "cmd: exit 3"), {}),
    "Cannot connect to host": (
        one_task("action: core.http_request", "url: 'http://127.0.0.1:9/'"),
        {},
    ),
    "stopped after 1 failure": (
        one_task("action: act, with_items: '{{ range(9) }}', max_failures: 0", "x: '{{ item }}'"),
        {"actions": {"act": divide}},
    ),
    "task `a` failed: no; then": (
        one_task("action: core.fail, next: [{do: fail}]", "message: no"),
        {},
    ),
    "there is no backend": (NOOP, {"backend": "thread"}),
}
"""Workflows that are refused or fail when they run, with the options of the run."""


def http_not_found():
    with FleetServer(1) as fleet:
        text = one_task("action: core.http_request", f"url: '{fleet.url}/nothing'")
        return error_of_run(text)


def action_with_a_lock():
    lock = threading.Lock()
    text = one_task("action: act", "x: 1")
    return error_of_run(text, actions={"act": lambda x: lock}, backend="processes")


def action_that_kills_its_worker():
    text = one_task("action: act", "x: 1")
    return error_of_run(text, actions={"act": lambda x: os._exit(3)}, backend="processes")


def error_of_call(function, *arguments):
    with pytest.raises(attune_nb.AttuneError) as caught:
        function(*arguments)
    return str(caught.value)


def run_of_another_store(store):
    attune_nb.loads(NOOP).run(store=store, progress=False)
    return error_of_call(attune_nb.open_run, "0123456789ab", store)


def run_that_has_ended(store):
    run = attune_nb.loads(NOOP).run(store=store, progress=False)
    return error_of_call(lambda: attune_nb.resume(run.run_id, store=store))


def file_of_another_kind(store):
    store.write_text("no database at all\n" * 100)
    return error_of_call(attune_nb.runs, store)


def error_of_command(*words, folder):
    """Return the message of a command that is refused, run in the folder."""
    environment = {name: os.environ[name] for name in os.environ if name != "ATTUNE_NB_STORE"}
    (folder / "greet.yaml").write_text(GREET)
    finished = attune(*words, cwd=folder, env=environment)
    assert finished.returncode in (1, 2)
    return finished.stderr


def actions_with_an_error(store):
    (store.parent / "checks.py").write_text("import nothere\n")
    return error_of_command("run", "greet.yaml", "--actions", "checks.py", folder=store.parent)


def no_interrupted_run(store):
    attune_nb.loads(NOOP).run(store=store, progress=False)
    return error_of_command("resume", "--store", str(store), folder=store.parent)


def command_to_an_interrupted_run(store):
    (store.parent / "end.yaml").write_text(one_task("action: end"))
    (store.parent / "ends.py").write_text(
        "import os, time\n\n\ndef end():\n    time.sleep(0.5)\n    os._exit(9)\n"
    )
    words = ("run", "end.yaml", "--actions", "ends.py", "--store", str(store))
    assert attune(*words, cwd=store.parent).returncode == 9
    run_id = attune_nb.runs(store)["run_id"].iloc[0]
    return error_of_command("cancel", run_id, "--store", str(store), folder=store.parent)


def removal_of_a_run_in_progress(store):
    text = one_task("action: core.sleep", "seconds: 30")
    run = attune_nb.loads(text).run(store=store, progress=False, background=True)
    try:
        words = ("forget", run.run_id, "--store", str(store))
        return error_of_command(*words, folder=store.parent)
    finally:
        run.cancel(force=True)
        run.wait()


def port_in_use(store):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        message = error_of_command("serve", "--port", port, folder=store.parent)
    return message.replace(port, "8899")


OF_COMMAND = {
    "--set takes NAME=VALUE": ("run", "greet.yaml", "--set", "x"),
    "--actions: cannot read": ("run", "greet.yaml", "--actions", "checks.py"),
    "there is no file `hostkit.disk`": ("run", "hostkit.disk"),
    "--store none: a server": ("serve", "--store", "none"),
    "--actions, --pack and": ("serve", "--pack", "packs"),
}
"""Commands that are refused, by the beginning of the message."""


OF_CALL = {
    "cannot read 'nowhere.yaml'": lambda store: error_of_call(attune_nb.load, "nowhere.yaml"),
    "404 Not Found": lambda store: http_not_found(),
    "there is no store at": lambda store: error_of_call(attune_nb.runs, "x/y.db"),
    "the store is `none`": lambda store: error_of_call(attune_nb.open_run, "0123456789ab"),
    "there is no run": run_of_another_store,
    "is no store, or it is damaged": file_of_another_kind,
    "has ended": run_that_has_ended,
    "the action refers to `lock`": lambda store: action_with_a_lock(),
    "the worker died 3 times": lambda store: action_that_kills_its_worker(),
    "--actions checks.py, line 1": actions_with_an_error,
    "no run on record was": no_interrupted_run,
    "is interrupted: no process": command_to_an_interrupted_run,
    "is in progress in process": removal_of_a_run_in_progress,
    "because port 8899": port_in_use,
}
"""Functions that return a message, by its beginning; they take the path of a new store."""


def only_value(table, message):
    """Return the value whose key begins a message."""
    [value] = [value for beginning, value in table.items() if message.startswith(beginning)]
    return value


def raise_message(message, store):
    """Do what leads to a message, and return the real one."""
    if any(message.startswith(beginning) for beginning in OF_TEXT):
        return error_of_text(only_value(OF_TEXT, message))
    if any(message.startswith(beginning) for beginning in OF_RUN):
        text, options = only_value(OF_RUN, message)
        return error_of_run(text, **options)
    if any(message.startswith(beginning) for beginning in OF_COMMAND):
        return error_of_command(*only_value(OF_COMMAND, message), folder=store.parent)
    return only_value(OF_CALL, message)(store)


@pytest.mark.parametrize("message", ALL_MESSAGES)
def test_a_message_has_the_words_of_its_page(message, tmp_path):
    assert message in raise_message(message, tmp_path / "runs.db")


def test_every_case_is_explained_on_a_page():
    for beginning in [*OF_TEXT, *OF_RUN, *OF_COMMAND, *OF_CALL]:
        assert any(message.startswith(beginning) for message in ALL_MESSAGES), beginning


def test_every_message_has_a_remedy():
    for path in sorted(FOLDER.glob("*.md")):
        assert path.read_text().count("\n**Remedy.** ") == len(messages_of(path))

"""The arguments of core actions are checked, literals already before the run."""

import asyncio

import pytest

import attune_nb
from attune_nb.actions.core import ask, fail, sleep
from attune_nb.actions.http import http_request
from attune_nb.actions.registry import CORE
from attune_nb.actions.shell import shell
from attune_nb.errors import ActionError

SLEEP = "`seconds` must be a number of seconds, 0 or more (at most 9,223,372,036), not "
TIMEOUT = "`timeout` must be a number of seconds, more than 0 (at most 1,000,000), or null"
HTTP = "core.http_request"
WRONG_KIND = [
    ("core.sleep", {"seconds": "1"}, f"{SLEEP}the string `1`"),
    ("core.sleep", {"seconds": 1e300}, f"{SLEEP}the number `1e+300`"),
    ("core.sleep", {"seconds": 10**50}, f"{SLEEP}an integer"),
    ("core.sleep", {"seconds": -1}, f"{SLEEP}the integer `-1`"),
    ("core.sleep", {"seconds": True}, f"{SLEEP}the boolean `true`"),
    ("core.sleep", {"seconds": None}, f"{SLEEP}null"),
    ("core.fail", {"message": [1]}, "`message` must be a string, not an array"),
    ("core.ask", {"prompt": 5}, "`prompt` must be a string, not the integer `5`"),
    (
        "core.shell",
        {"cmd": ["ls"]},
        "`cmd` must be a string, not an array; give a program and its arguments with `argv`",
    ),
    (
        "core.shell",
        {"argv": "ls -l"},
        "`argv` must be an array, not the string `ls -l`; give a line for the shell with `cmd`",
    ),
    (
        "core.shell",
        {"cmd": "cat", "stdin": {"a": 1}},
        "`stdin` must be a string, not an object",
    ),
    ("core.shell", {"cmd": "env", "env": ["A=1"]}, "`env` must be an object, not an array"),
    ("core.shell", {"cmd": "pwd", "cwd": 5}, "`cwd` must be a string, not the integer `5`"),
    (HTTP, {"url": 5}, "`url` must be a string, not the integer `5`"),
    (HTTP, {"url": "u", "method": 5}, "`method` must be a string, not the integer `5`"),
    (HTTP, {"url": "u", "headers": ["a"]}, "`headers` must be an object, not an array"),
    (
        HTTP,
        {"url": "u", "query_params": "a=1"},
        "`query_params` must be an object, not the string `a=1`",
    ),
    (HTTP, {"url": "u", "body": {"a": 1}}, "not an object; send it with `json_body`"),
    (HTTP, {"url": "u", "body": [1]}, "not an array; send it with `json_body`"),
    (HTTP, {"url": "u", "timeout": "abc"}, f"{TIMEOUT} for no limit, not the string `abc`"),
    (HTTP, {"url": "u", "timeout": 0}, f"{TIMEOUT} for no limit, not the integer `0`"),
    (HTTP, {"url": "u", "timeout": 1e300}, f"{TIMEOUT} for no limit, not the number `1e+300`"),
    (
        HTTP,
        {"url": "u", "max_redirects": "x"},
        "`max_redirects` must be an integer, 0 or more, not the string `x`",
    ),
    (
        HTTP,
        {"url": "u", "max_redirects": -1},
        "`max_redirects` must be an integer, 0 or more, not the integer `-1`",
    ),
    (HTTP, {"url": "u", "max_redirects": True}, "0 or more, not the boolean `true`"),
    (
        HTTP,
        {"url": "u", "auth_type": "digest"},
        "`auth_type` must be `none`, `basic` or `bearer`, not the string `digest`",
    ),
    (
        HTTP,
        {"url": "u", "auth_password": 1},
        "`auth_password` must be a string, not the integer `1`",
    ),
    (
        HTTP,
        {"url": "u", "follow_redirects": "no"},
        "`follow_redirects` must be a boolean, not the string `no`; write false",
    ),
    (
        HTTP,
        {"url": "u", "verify_ssl": "no"},
        "`verify_ssl` must be a boolean, not the string `no`; write false",
    ),
    (HTTP, {"url": "u", "verify_ssl": 0}, "`verify_ssl` must be a boolean, not the integer `0`"),
]
CONTRADICTIONS = [
    ("core.shell", {}, "give exactly one of `cmd` and `argv`"),
    ("core.shell", {"cmd": None, "cwd": "/"}, "give exactly one of `cmd` and `argv`"),
    ("core.shell", {"cmd": "ls", "argv": ["ls"]}, "give exactly one of `cmd` and `argv`"),
    ("core.shell", {"argv": []}, "`argv` is empty"),
    (HTTP, {"url": "http://x", "body": "a", "json_body": 1}, "at most one of `body` and `json_bo"),
    (HTTP, {"url": "http://x", "auth_type": "basic"}, "`auth_type: basic` needs `auth_username`"),
    (HTTP, {"url": "http://x", "auth_type": "bearer"}, "`auth_type: bearer` needs `auth_token`"),
]


def workflow_text(action, arguments):
    """Return a workflow of one task."""
    lines = ["tasks:", "  - name: a", f"    action: {action}"]
    lines.append("    input:" if arguments else "")
    lines += [f"      {name}: {yaml_text(value)}" for name, value in arguments.items()]
    return "\n".join(lines) + "\n"


def yaml_text(value):
    """Return a value as YAML writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if value == 1e300:
        return "1.0e+300"
    return repr(value)


@pytest.mark.parametrize(("action", "arguments", "message"), [*WRONG_KIND, *CONTRADICTIONS])
def test_a_wrong_argument_fails_the_action(action, arguments, message):
    async def call():
        outcome = CORE[action].function(**arguments)
        if asyncio.iscoroutine(outcome):
            await outcome

    with pytest.raises(ActionError) as caught:
        asyncio.run(call())
    assert message in str(caught.value)


@pytest.mark.parametrize(("action", "arguments", "message"), WRONG_KIND)
def test_a_wrong_literal_is_found_before_the_run_at_its_key(action, arguments, message):
    workflow = attune_nb.loads(workflow_text(action, arguments))
    (problem,) = workflow.check()
    assert message in problem.message
    # the wrong one is the last
    assert problem.position.line == 4 + len(arguments)
    with pytest.raises(attune_nb.WorkflowError):
        workflow.run()


@pytest.mark.parametrize(("action", "arguments", "message"), CONTRADICTIONS)
def test_contradicting_literals_are_found_before_the_run(action, arguments, message):
    (problem,) = attune_nb.loads(workflow_text(action, arguments)).check()
    assert message in problem.message
    assert problem.position.line >= 3


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("core.sleep", "{seconds: '{{ parameters.x }}'}"),
        ("core.shell", "{cmd: '{{ parameters.x }}'}"),
        ("core.shell", "{cmd: '{{ parameters.x }}', argv: '{{ parameters.y }}'}"),
        ("core.shell", "{cmd: ls, argv: '{{ parameters.y }}'}"),
        ("core.shell", "{argv: ['{{ parameters.x }}', 1], env: {A: '{{ parameters.x }}', B: 1}}"),
        (HTTP, "{url: u, verify_ssl: '{{ parameters.x }}', timeout: null, headers: {A: 1}}"),
        (HTTP, "{url: u, auth_type: basic, auth_username: '{{ parameters.x }}'}"),
        (HTTP, "{url: u, auth_type: '{{ parameters.x }}', json_body: {a: [1]}}"),
    ],
)
def test_templates_are_not_checked_before_the_run(action, arguments):
    parameters = "parameters: {x: {type: any}, y: {type: any}}\n"
    text = f"{parameters}tasks:\n  - name: a\n    action: {action}\n    input: {arguments}\n"
    assert attune_nb.loads(text).check() == []


def test_a_wrong_value_of_a_template_fails_the_task():
    text = (
        "parameters: {x: {type: string}}\n"
        "tasks: [{name: a, action: core.sleep, input: {seconds: '{{ parameters.x }}'}}]\n"
    )
    run = attune_nb.loads(text).run({"x": "no"})
    assert run.status == "failed"
    assert f"{SLEEP}the string `no`" in run.error


def test_a_misspelled_argument_is_the_only_problem():
    (problem,) = attune_nb.loads(workflow_text("core.shell", {"cmmd": "ls"})).check()
    assert problem.message == "action `core.shell` takes no `cmmd`; did you mean `cmd`?"


@pytest.mark.parametrize("action", [sleep, ask, fail, shell, http_request])
def test_every_argument_of_a_core_action_is_checked(action):
    checker = action.__attune_checker__
    unchecked = {name for name in checker.names if not checker.kinds[name]}
    assert unchecked <= {"json_body", "cancel"}

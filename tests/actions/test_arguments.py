"""What a core action is given is of the kind that it takes; before the run where it is known."""

import pytest

import attune_nb
from attune_nb.actions.core import ask, fail, sleep
from attune_nb.actions.http import http_request
from attune_nb.actions.registry import CORE
from attune_nb.actions.shell import shell
from attune_nb.errors import ActionError

SLEEP = "`seconds` is a number of seconds, 0 or more (at most 9,223,372,036), not "
HTTP = "core.http_request"
WRONG = [
    ("core.sleep", {"seconds": "1"}, f"{SLEEP}the text '1'"),
    ("core.sleep", {"seconds": 1e300}, f"{SLEEP}1e+300"),
    ("core.sleep", {"seconds": 10**30}, f"{SLEEP}so large a number"),
    ("core.sleep", {"seconds": -1}, f"{SLEEP}-1"),
    ("core.sleep", {"seconds": True}, f"{SLEEP}true"),
    ("core.sleep", {"seconds": None}, f"{SLEEP}null"),
    ("core.fail", {"message": [1]}, "`message` is a text, not a list"),
    ("core.ask", {"prompt": 5}, "`prompt` is a text, not 5"),
    ("core.shell", {"cmd": ["ls"]}, "`cmd` is a text, not a list; give a program and its argum"),
    ("core.shell", {"argv": "ls -l"}, "`argv` is a list, not the text 'ls -l'; give a line for"),
    ("core.shell", {"cmd": "cat", "stdin": {"a": 1}}, "`stdin` is a text, not a map"),
    ("core.shell", {"cmd": "env", "env": ["A=1"]}, "`env` is a map, not a list"),
    ("core.shell", {"cmd": "pwd", "cwd": 5}, "`cwd` is a text, not 5"),
    (HTTP, {"url": 5}, "`url` is a text, not 5"),
    (HTTP, {"url": "http://x", "method": 5}, "`method` is a text, not 5"),
    (HTTP, {"url": "http://x", "headers": ["a"]}, "`headers` is a map, not a list"),
    (HTTP, {"url": "http://x", "query_params": "a=1"}, "`query_params` is a map, not the text"),
    (HTTP, {"url": "http://x", "body": {"a": 1}}, "not a map; send it with `json_body`"),
    (HTTP, {"url": "http://x", "body": [1]}, "not a list; send it with `json_body`"),
    (HTTP, {"url": "http://x", "timeout": "abc"}, "`timeout` is a number of seconds, more than 0"),
    (HTTP, {"url": "http://x", "timeout": 0}, "`timeout` is a number of seconds, more than 0"),
    (HTTP, {"url": "http://x", "timeout": 1e300}, "(at most 1,000,000), or null for no end, not"),
    (HTTP, {"url": "http://x", "max_redirects": "x"}, "`max_redirects` is a whole number, 0 or m"),
    (HTTP, {"url": "http://x", "max_redirects": -1}, "`max_redirects` is a whole number, 0 or m"),
    (HTTP, {"url": "http://x", "max_redirects": True}, "0 or more, not true"),
    (HTTP, {"url": "http://x", "auth_type": "digest"},
     "`auth_type` is `none`, `basic` or `bearer`, not the text 'digest'"),
    (HTTP, {"url": "http://x", "auth_password": 1}, "`auth_password` is a text, not 1"),
    (HTTP, {"url": "http://x", "follow_redirects": "no"},
     "`follow_redirects` is true or false, not the text 'no'; write false"),
    (HTTP, {"url": "http://x", "verify_ssl": "no"},
     "`verify_ssl` is true or false, not the text 'no'; write false"),
    (HTTP, {"url": "http://x", "verify_ssl": 0}, "`verify_ssl` is true or false, not 0"),
]  # fmt: skip
TOGETHER = [
    ("core.shell", {}, "give exactly one of `cmd` and `argv`"),
    ("core.shell", {"cmd": None, "cwd": "/"}, "give exactly one of `cmd` and `argv`"),
    ("core.shell", {"cmd": "ls", "argv": ["ls"]}, "give exactly one of `cmd` and `argv`"),
    ("core.shell", {"argv": []}, "`argv` is empty"),
    (HTTP, {"url": "http://x", "body": "a", "json_body": 1}, "at most one of `body` and `json_bo"),
    (HTTP, {"url": "http://x", "auth_type": "basic"}, "`auth_type: basic` needs `auth_username`"),
    (HTTP, {"url": "http://x", "auth_type": "bearer"}, "`auth_type: bearer` needs `auth_token`"),
]


def text_of(action, given):
    lines = [f"      {key}: {_yaml(value)}" for key, value in given.items()]
    head = ["tasks:", "  - name: a", f"    action: {action}", "    input:" if lines else ""]
    return "\n".join([*head, *lines]) + "\n"


def _yaml(value):
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if value == 1e300:
        return "1.0e+300"
    return repr(value)


@pytest.mark.parametrize(("action", "given", "said"), [*WRONG, *TOGETHER])
def test_at_run_time_it_is_a_failure_that_says_so(action, given, said):
    with pytest.raises(ActionError) as caught:
        CORE[action].function(**given)
    assert said in str(caught.value)


@pytest.mark.parametrize(("action", "given", "said"), WRONG)
def test_a_literal_is_found_before_the_run_at_its_key(action, given, said):
    workflow = attune_nb.loads(text_of(action, given))
    (problem,) = workflow.check()
    assert said in problem.message
    assert problem.position.line == 4 + len(given)  # the wrong one comes last
    with pytest.raises(attune_nb.WorkflowError):
        workflow.run()


@pytest.mark.parametrize(("action", "given", "said"), TOGETHER)
def test_literals_that_do_not_go_together_are_found_before_the_run(action, given, said):
    (problem,) = attune_nb.loads(text_of(action, given)).check()
    assert said in problem.message
    assert problem.position.line >= 3


@pytest.mark.parametrize(
    ("action", "given"),
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
def test_what_a_template_may_give_is_not_judged_before_the_run(action, given):
    declared = "parameters: {x: {type: any}, y: {type: any}}\n"
    text = f"{declared}tasks:\n  - name: a\n    action: {action}\n    input: {given}\n"
    assert attune_nb.loads(text).check() == []


def test_what_a_template_gives_fails_the_task():
    text = (
        "parameters: {x: {type: string}}\n"
        "tasks: [{name: a, action: core.sleep, input: {seconds: '{{ parameters.x }}'}}]\n"
    )
    ended = attune_nb.loads(text).run({"x": "no"})
    assert ended.status == "failed"
    assert f"{SLEEP}the text 'no'" in ended.error


def test_a_misspelt_argument_is_told_alone():
    (problem,) = attune_nb.loads(text_of("core.shell", {"cmmd": "ls"})).check()
    assert problem.message == "action `core.shell` takes no `cmmd`; did you mean `cmd`?"


@pytest.mark.parametrize("action", [sleep, ask, fail, shell, http_request])
def test_every_argument_of_a_core_action_has_a_kind_or_takes_anything(action):
    judge = action.__attune_judge__
    free = {name for name in judge.names if not judge.kinds[name]}
    assert free <= {"json_body", "cancel"}

"""Workflows as actions of tasks."""

import time

import pytest
from support.outcomes import wait_until

import attune_nb

CHILD = """
ref: math.double
parameters:
  n: {type: integer, required: true}
  wait: {type: number, default: 0}
tasks:
  - {name: nap, action: core.sleep, input: {seconds: "{{ parameters.wait }}"}, next: [{do: twice}]}
  - {name: twice, action: twice, input: {n: "{{ parameters.n }}"}}
output_map: {twice: "{{ task.twice.result }}"}
"""
PARENT = """
tasks:
  - name: all
    action: {action}
    with_items: [1, 2, 3]
    concurrency: 3
    input: {{n: "{{{{ item }}}}"}}
"""


def twice(n):
    if n == 13:
        raise ValueError("unlucky")
    return 2 * n


def run(text, **options):
    child = attune_nb.loads(CHILD)
    return attune_nb.loads(text).run(actions={"double": child, "twice": twice}, **options)


@pytest.mark.parametrize("action", ["double", "math.double"])
@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_the_output_is_the_result_of_the_task(action, backend):
    """The action may be the name that was passed, or the workflow's ref."""
    outer_run = run(PARENT.format(action=action), backend=backend)
    assert outer_run.status == "succeeded", outer_run.error
    assert outer_run.result("all") == [{"twice": 2}, {"twice": 4}, {"twice": 6}]


def test_a_file_is_relative_to_the_outer_workflow(tmp_path):
    (tmp_path / "child.yaml").write_text(CHILD)
    (tmp_path / "parent.yaml").write_text(PARENT.format(action="child.yaml"))
    outer_run = attune_nb.load(tmp_path / "parent.yaml").run(actions={"twice": twice})

    assert outer_run.result("all")[0] == {"twice": 2}


def test_a_nested_failure_fails_the_task():
    outer_run = run(PARENT.format(action="double").replace("[1, 2, 3]", "[13]"))
    assert outer_run.status == "failed"
    message = "workflow `math.double`, task `twice`: ValueError: unlucky"
    assert outer_run.error.endswith(message)
    line = twice.__code__.co_firstlineno + 2
    assert f"{message} (test_nested.py, line {line})" in repr(outer_run)


def test_a_mistake_that_a_nested_workflow_handled_is_logged_once(caplog):
    child = """
parameters: {n: {type: integer}}
tasks:
  - name: twice
    action: forgets
    input: {n: "{{ parameters.n }}"}
    next: [{when: "{{ failed() }}", do: noop}]
"""

    def forgets(n):
        return undefined_name  # noqa: F821 - the mistake

    outer_run = attune_nb.loads(PARENT.format(action="double")).run(
        actions={"double": attune_nb.loads(child), "forgets": forgets}
    )
    assert outer_run.status == "succeeded", outer_run.error
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(
        "workflow `double` within another one: the failure of `twice` looks like a mistake"
    )


@pytest.mark.parametrize(
    ("task_input", "message"),
    [
        ('{m: "{{ item }}"}', "has no parameter `m`"),
        ("{}", "needs `n` in `input`"),
    ],
)
def test_an_input_that_does_not_fit_is_a_problem(task_input, message):
    """It is found before the run."""
    text = PARENT.format(action="double").replace('{n: "{{ item }}"}', task_input)
    with pytest.raises(attune_nb.WorkflowError, match=message):
        run(text)


def test_cancelling_the_run_cancels_the_nested_one():
    text = PARENT.format(action="double").replace('"{{ item }}"}', '"{{ item }}", wait: 600}')
    outer_run = run("cancellation_policy: cancel_running\n" + text, background=True)
    wait_until(lambda: outer_run.status == "running")
    time.sleep(0.1)
    outer_run.cancel()

    assert outer_run.wait(60)
    assert outer_run.status == "cancelled"


def test_endless_nesting_is_stopped():
    text = "ref: me.again\ntasks:\n  - {name: again, action: me.again}\n"
    workflow = attune_nb.loads(text)
    outer_run = workflow.run(actions={"me": workflow})

    assert outer_run.status == "failed"
    assert "nested deeper than 20 levels" in outer_run.error


def test_type_workflow_needs_a_workflow():
    text = "tasks:\n  - {name: a, type: workflow, action: doubel}\n"
    with pytest.raises(
        attune_nb.WorkflowError, match="no workflow `doubel`; did you mean `double`"
    ):
        run(text)


WITHIN = """
parameters:
  x: {type: integer}
  deep: {type: object, properties: {n: {type: integer}}, required: [n]}
  hush: {type: integer, secret: true}
tasks:
  - {name: go, action: twice, input: {n: 1}}
"""


@pytest.mark.parametrize("form", ["flat", "schema"])
@pytest.mark.parametrize(
    ("task_input", "message"),
    [
        ("{x: a}", "workflow `kid`: parameter `x` must be an integer, not a string"),
        ("{x: null}", "workflow `kid`: parameter `x` must be an integer, not null"),
        ("{deep: {}}", "workflow `kid`: parameter `deep` does not fit: 'n' is a required property"),
        ("{hush: abc}", "workflow `kid`: parameter `hush` is not of the declared kind"),
        ("{x: 1, deep: {n: 2}}", None),
        ("{x: '{{ 1 }}', deep: {n: '{{ 2 }}'}}", None),
        ("{deep: '{{ 2 }}'}", None),
    ],
)
def test_a_constant_that_does_not_fit_is_a_problem(form, task_input, message):
    """It is found before the run; a template is not."""
    child = WITHIN
    if form == "schema":
        lines = WITHIN.splitlines()
        inner = "\n".join("  " + problem for problem in lines[2:5])
        head = "parameters:\n  type: object\n  required: [x]\n  properties:\n"
        child = "\n".join([head + inner, *lines[5:], ""]).replace("required: [x]\n", "title: t\n")
    actions = {"kid": attune_nb.loads(child), "twice": twice}
    text = f"tasks:\n  - name: a\n    action: kid\n    input: {task_input}\n"
    parent = attune_nb.loads(text)
    problems = parent.check(actions)

    assert [problem.message for problem in problems] == ([message] if message else [])

    if message:
        assert (problems[0].position.line, problems[0].position.column) == (4, 13)
        with pytest.raises(attune_nb.WorkflowError, match="workflow `kid`: parameter"):
            parent.run(actions=actions)


WRONG_CHILD = "ref: kids.child\ntasks:\n  - {name: b, action: twcie, input: {n: 1}}\n"


@pytest.mark.parametrize("action", ["kid", "kids.child", "kid.yaml"])
def test_a_nested_problem_is_reported_at_the_task(tmp_path, action):
    (tmp_path / "kid.yaml").write_text(WRONG_CHILD)
    (tmp_path / "parent.yaml").write_text(f"tasks:\n  - name: a\n    action: {action}\n")
    actions = {"kid": attune_nb.load(tmp_path / "kid.yaml"), "twice": twice}
    parent = attune_nb.load(tmp_path / "parent.yaml")
    (problem,) = parent.check(actions)
    place = f"{tmp_path / 'kid.yaml'}, line 3, column 23"
    message = f"workflow `{action}`: {place}: there is no action `twcie`; did you mean `twice`?"

    assert problem.message == message
    assert (problem.position.source.name, problem.position.line) == (
        str(tmp_path / "parent.yaml"),
        3,
    )
    with pytest.raises(attune_nb.WorkflowError, match="no action `twcie`"):
        parent.run(actions=actions)


def test_problems_two_levels_down_are_reported(tmp_path):
    (tmp_path / "c.yaml").write_text("tasks:\n  - {name: c, action: core.sleep}\n")
    (tmp_path / "b.yaml").write_text("tasks:\n  - {name: b, action: c.yaml}\n")
    (tmp_path / "bad.yaml").write_text("tasks:\n  - {name: b, action: x, next: [{do: no}]}\n")
    parent = "tasks: [{name: a, action: b.yaml}, {name: d, action: bad.yaml}, {name: e, action: b.yaml}]\n"  # noqa: E501
    (tmp_path / "a.yaml").write_text(parent)
    problems = [problem.message for problem in attune_nb.load(tmp_path / "a.yaml").check()]
    deep = (
        f"workflow `b.yaml`: {tmp_path}/b.yaml, line 2, column 23: "
        f"workflow `c.yaml`: {tmp_path}/c.yaml, line 2, column 23: "
        "action `core.sleep` needs `seconds` in `input`"
    )

    assert (problems[0], problems[2]) == (deep, deep)
    assert problems[1].startswith(f"workflow `bad.yaml`: {tmp_path}/bad.yaml, line 2, column")
    assert "\n" not in "".join(problems)


def test_a_mocked_workflow_is_not_checked():
    workflow = attune_nb.loads("tasks:\n  - {name: a, action: kid}\n")
    child = attune_nb.loads(WRONG_CHILD)

    assert workflow.run(mock={"a": 1}, actions={"kid": child}).result("a") == 1
    with pytest.raises(attune_nb.WorkflowError, match="twcie"):
        workflow.run(mock={}, dry_run=False, actions={"kid": child})


def test_files_that_run_each_other_are_checked_once(tmp_path):
    (tmp_path / "me.yaml").write_text("tasks:\n  - {name: a, action: me.yaml}\n")
    (tmp_path / "one.yaml").write_text("tasks:\n  - {name: a, action: two.yaml}\n")
    (tmp_path / "two.yaml").write_text(
        "tasks:\n  - {name: a, action: one.yaml}\n  - {name: b, action: nothing}\n"
    )

    assert attune_nb.load(tmp_path / "me.yaml").check() == []

    (problem,) = attune_nb.load(tmp_path / "one.yaml").check()
    assert "no action `nothing`" in problem.message

    (own_problem,) = [
        problem
        for problem in attune_nb.load(tmp_path / "two.yaml").check()
        if "no action `nothing`" in problem.message
    ]
    assert own_problem.position.line == 3


def test_a_long_chain_of_files_is_checked_to_a_limit(tmp_path):
    for number in range(400):
        text = f"tasks:\n  - {{name: a, action: {number + 1}.yaml}}\n"
        (tmp_path / f"{number}.yaml").write_text(text)
    assert attune_nb.load(tmp_path / "0.yaml").check() == []


def test_a_misspelt_ref_has_a_suggestion():
    """Also without `type: workflow`."""
    child = attune_nb.loads(CHILD.replace("math.double", "kids.child"))
    workflow = attune_nb.loads("tasks:\n  - {name: a, action: kids.chid}\n")
    (problem,) = workflow.check({"kid": child, "twice": twice})

    assert problem.message == "there is no action `kids.chid`; did you mean `kids.child`?"

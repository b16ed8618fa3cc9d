"""A workflow as the action of a task."""

import time

import pytest

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
def test_its_output_is_the_result_by_name_and_by_ref(action, backend):
    ended = run(PARENT.format(action=action), backend=backend)
    assert ended.status == "succeeded", ended.error
    assert ended.result("all") == [{"twice": 2}, {"twice": 4}, {"twice": 6}]


def test_a_file_is_read_beside_the_workflow_that_names_it(tmp_path):
    (tmp_path / "child.yaml").write_text(CHILD)
    (tmp_path / "parent.yaml").write_text(PARENT.format(action="child.yaml"))
    ended = attune_nb.load(tmp_path / "parent.yaml").run(actions={"twice": twice})
    assert ended.result("all")[0] == {"twice": 2}


def test_its_failure_is_the_tasks_failure():
    ended = run(PARENT.format(action="double").replace("[1, 2, 3]", "[13]"))
    assert ended.status == "failed"
    assert ended.error.endswith("workflow `math.double` failed: task `twice` failed: unlucky")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{m: "{{ item }}"}', "has no parameter `m`"),
        ("{}", "needs `n` in `input`"),
    ],
)
def test_an_input_that_does_not_fit_its_parameters_is_found_before_the_run(given, said):
    text = PARENT.format(action="double").replace('{n: "{{ item }}"}', given)
    with pytest.raises(attune_nb.WorkflowError, match=said):
        run(text)


def test_cancelling_the_run_cancels_it():
    text = PARENT.format(action="double").replace('"{{ item }}"}', '"{{ item }}", wait: 60}')
    ended = run("cancellation_policy: cancel_running\n" + text, background=True)
    time.sleep(0.3)
    ended.cancel()
    assert ended.wait(30)
    assert ended.status == "cancelled"


def test_one_that_runs_itself_without_end_is_stopped():
    text = "ref: me.again\ntasks:\n  - {name: again, action: me.again}\n"
    workflow = attune_nb.loads(text)
    ended = workflow.run(actions={"me": workflow})
    assert ended.status == "failed"
    assert "nested deeper than 20 levels" in ended.error


def test_type_workflow_wants_a_workflow():
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
    ("given", "said"),
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
def test_a_literal_that_does_not_fit_its_parameter_is_found_before_the_run(form, given, said):
    child = WITHIN
    if form == "schema":
        lines = WITHIN.splitlines()
        inner = "\n".join("  " + each for each in lines[2:5])
        head = "parameters:\n  type: object\n  required: [x]\n  properties:\n"
        child = "\n".join([head + inner, *lines[5:], ""]).replace("required: [x]\n", "title: t\n")
    given_actions = {"kid": attune_nb.loads(child), "twice": twice}
    text = f"tasks:\n  - name: a\n    action: kid\n    input: {given}\n"
    parent = attune_nb.loads(text)
    problems = parent.check(given_actions)
    assert [each.message for each in problems] == ([said] if said else [])
    if said:
        assert (problems[0].position.line, problems[0].position.column) == (4, 13)
        with pytest.raises(attune_nb.WorkflowError, match="workflow `kid`: parameter"):
            parent.run(actions=given_actions)


WRONG_CHILD = "ref: kids.child\ntasks:\n  - {name: b, action: twcie, input: {n: 1}}\n"


@pytest.mark.parametrize("action", ["kid", "kids.child", "kid.yaml"])
def test_what_is_wrong_within_it_is_told_where_it_is_run(tmp_path, action):
    (tmp_path / "kid.yaml").write_text(WRONG_CHILD)
    (tmp_path / "parent.yaml").write_text(f"tasks:\n  - name: a\n    action: {action}\n")
    actions = {"kid": attune_nb.load(tmp_path / "kid.yaml"), "twice": twice}
    parent = attune_nb.load(tmp_path / "parent.yaml")
    (problem,) = parent.check(actions)
    place = f"{tmp_path / 'kid.yaml'}, line 3, column 23"
    told = f"workflow `{action}`: {place}: there is no action `twcie`; did you mean `twice`?"
    assert problem.message == told
    assert (problem.position.source.name, problem.position.line) == (
        str(tmp_path / "parent.yaml"),
        3,
    )
    with pytest.raises(attune_nb.WorkflowError, match="no action `twcie`"):
        parent.run(actions=actions)


def test_so_is_what_is_wrong_two_levels_down_and_in_the_text_of_a_file(tmp_path):
    (tmp_path / "c.yaml").write_text("tasks:\n  - {name: c, action: core.sleep}\n")
    (tmp_path / "b.yaml").write_text("tasks:\n  - {name: b, action: c.yaml}\n")
    (tmp_path / "bad.yaml").write_text("tasks:\n  - {name: b, action: x, next: [{do: no}]}\n")
    parent = "tasks: [{name: a, action: b.yaml}, {name: d, action: bad.yaml}, {name: e, action: b.yaml}]\n"  # noqa: E501
    (tmp_path / "a.yaml").write_text(parent)
    problems = [each.message for each in attune_nb.load(tmp_path / "a.yaml").check()]
    deep = (
        f"workflow `b.yaml`: {tmp_path}/b.yaml, line 2, column 23: "
        f"workflow `c.yaml`: {tmp_path}/c.yaml, line 2, column 23: "
        "action `core.sleep` needs `seconds` in `input`"
    )
    assert (problems[0], problems[2]) == (deep, deep)
    assert problems[1].startswith(f"workflow `bad.yaml`: {tmp_path}/bad.yaml, line 2, column")
    assert "\n" not in "".join(problems)


def test_a_mocked_workflow_is_not_looked_into():
    workflow = attune_nb.loads("tasks:\n  - {name: a, action: kid}\n")
    child = attune_nb.loads(WRONG_CHILD)
    assert workflow.run(mock={"a": 1}, actions={"kid": child}).result("a") == 1
    with pytest.raises(attune_nb.WorkflowError, match="twcie"):
        workflow.run(mock={}, dry_run=False, actions={"kid": child})


def test_files_that_run_each_other_are_looked_into_once(tmp_path):
    (tmp_path / "me.yaml").write_text("tasks:\n  - {name: a, action: me.yaml}\n")
    (tmp_path / "one.yaml").write_text("tasks:\n  - {name: a, action: two.yaml}\n")
    (tmp_path / "two.yaml").write_text(
        "tasks:\n  - {name: a, action: one.yaml}\n  - {name: b, action: nothing}\n"
    )
    assert attune_nb.load(tmp_path / "me.yaml").check() == []
    (problem,) = attune_nb.load(tmp_path / "one.yaml").check()
    assert "no action `nothing`" in problem.message
    (own,) = [
        each
        for each in attune_nb.load(tmp_path / "two.yaml").check()
        if "no action `nothing`" in each.message
    ]
    assert own.position.line == 3


def test_a_long_chain_of_files_is_looked_into_only_so_far(tmp_path):
    for at in range(400):
        text = f"tasks:\n  - {{name: a, action: {at + 1}.yaml}}\n"
        (tmp_path / f"{at}.yaml").write_text(text)
    assert attune_nb.load(tmp_path / "0.yaml").check() == []


def test_a_misspelt_ref_of_a_given_workflow_is_offered_without_type_workflow():
    child = attune_nb.loads(CHILD.replace("math.double", "kids.child"))
    workflow = attune_nb.loads("tasks:\n  - {name: a, action: kids.chid}\n")
    (problem,) = workflow.check({"kid": child, "twice": twice})
    assert problem.message == "there is no action `kids.chid`; did you mean `kids.child`?"

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
    assert ended.wait(5)
    assert ended.status == "cancelled"


def test_one_that_runs_itself_without_end_is_stopped():
    text = "ref: me.again\ntasks:\n  - {name: again, action: me.again}\n"
    workflow = attune_nb.loads(text)
    ended = workflow.run(actions={"me": workflow})
    assert ended.status == "failed"
    assert "nested deeper than 20" in ended.error


def test_type_workflow_wants_a_workflow():
    text = "tasks:\n  - {name: a, type: workflow, action: doubel}\n"
    with pytest.raises(
        attune_nb.WorkflowError, match="no workflow `doubel`; did you mean `double`"
    ):
        run(text)

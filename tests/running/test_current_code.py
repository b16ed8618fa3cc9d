"""A fork and a retry use the functions of now, and mark the results of older code."""

import sys
import types

import pytest

import attune_nb

CHECK = """
parameters: {count: {type: integer, default: 4}}
tasks:
  - name: check
    action: check
    with_items: "{{ range(parameters.count) }}"
    input: {n: "{{ item }}"}
    next: [{when: "{{ succeeded() }}", do: sum}]
  - {name: sum, action: sum, input: {numbers: "{{ task.check.result }}"}}
output_map: {sum: "{{ task.sum.result }}"}
"""


@pytest.fixture
def notebook(monkeypatch):
    """Return a function that runs a cell: it defines its names in a module of the user's own."""
    module = types.ModuleType("notebook_of_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)

    def run_cell(source):
        exec(source, vars(module))
        return module

    run_cell("LIMIT = 2\ndef helper(n):\n    return n")
    run_cell("def sum(numbers):\n    return __builtins__['sum'](numbers)")
    run_cell("def check(n):\n    assert n < LIMIT, 'too large'\n    return helper(n)")
    return run_cell


def start(notebook, **options):
    """Run the workflow with the functions that the notebook defines."""
    module = notebook("")
    actions = {"check": module.check, "sum": module.sum}
    return attune_nb.loads(CHECK).run(actions=actions, progress=False, **options)


def alerts_on(run, task):
    return [alert for alert in run.alerts if f"task `{task}` changed since" in alert]


def test_a_retry_uses_the_function_of_now(notebook):
    run = start(notebook)
    notebook("def check(n):\n    return 10 * n")
    retry = run.retry(progress=False)
    assert retry.output == {"sum": 0 + 1 + 20 + 30}


def test_a_fork_uses_the_function_of_now(notebook):
    notebook("LIMIT = 9")
    run = start(notebook)
    notebook("def sum(numbers):\n    return -__builtins__['sum'](numbers)")
    assert run.fork("sum", progress=False).output == {"sum": -6}


def test_functions_that_are_passed_are_used(notebook):
    run = start(notebook)
    notebook("def check(n):\n    return 10 * n")
    actions = {"check": lambda n: 100 * n, "sum": notebook("").sum}
    retry = run.retry(actions=actions, progress=False)
    assert retry.output == {"sum": 0 + 1 + 200 + 300}


def test_a_registered_action_is_the_one_registered_last():
    def make(factor):
        @attune_nb.action("tests.scale_of_now")
        def scale(n):
            if factor == 1:
                raise ValueError("not yet")
            return factor * n

        return scale

    text = "tasks: [{name: scale, action: tests.scale_of_now, input: {n: 3}}]"
    run = attune_nb.loads(text + "\n").run(actions={"tests.scale_of_now": make(1)}, progress=False)
    make(5)
    assert run.retry(progress=False).result("scale") == 15


def test_reused_items_are_marked(notebook):
    run = start(notebook)
    notebook("LIMIT = 9")
    retry = run.retry(progress=False)

    assert run.items("check")["reused"].tolist() == [False] * 4
    assert retry.items("check")["reused"].tolist() == [True, True, False, False]
    assert retry.tasks.set_index("task")["reused"].to_dict() == {"check": True, "sum": False}
    assert "4/4 items, 0 failed  reused: 2" in repr(retry)


def test_reused_tasks_are_marked(notebook):
    notebook("LIMIT = 9")
    fork = start(notebook).fork("sum", progress=False)
    assert fork.items("check")["reused"].all()
    assert fork.tasks["reused"].tolist() == [True, False]
    assert "reused: all" in repr(fork)
    assert ">reused</th>" in fork._repr_html_()
    assert ">all</td>" in fork._repr_html_()
    assert not alerts_on(fork, "check")


@pytest.mark.parametrize(
    "cell",
    [
        "def check(n):\n    return n",
        "def helper(n):\n    return n + 0",
        "LIMIT = 9",
    ],
    ids=["the function", "a helper", "a global"],
)
def test_older_results_of_some_items_are_reported(notebook, cell):
    run = start(notebook)
    notebook(cell)
    retry = run.retry(progress=False)

    (alert,) = alerts_on(retry, "check")
    assert "2 earlier results of its items are reused; fork at `check`" in alert
    assert "reused: 2, older code" in repr(retry)


def test_older_results_of_a_whole_task_are_reported(notebook):
    notebook("LIMIT = 9")
    run = start(notebook)
    notebook("def helper(n):\n    return n + 1")
    fork = run.fork("sum", progress=False)

    (alert,) = alerts_on(fork, "check")
    assert "the earlier results are reused; fork at `check` to run it again" in alert
    assert "reused: all, older code" in repr(fork)


def test_unchanged_code_is_not_reported(notebook):
    """A cell that is run again without a change defines another function with the same code."""
    run = start(notebook)
    notebook("def check(n):\n    assert n < LIMIT, 'too large'\n    return helper(n)")
    assert not alerts_on(run.retry(progress=False), "check")


def test_a_record_keeps_the_marks_and_the_alerts(notebook, tmp_path):
    run = start(notebook, store=tmp_path / "runs.db")
    notebook("LIMIT = 3")
    retry = run.retry(progress=False)
    recorded = attune_nb.open_run(retry.run_id, tmp_path / "runs.db")

    assert recorded.items("check")["reused"].tolist() == [True, True, False, False]
    assert alerts_on(recorded, "check") == alerts_on(retry, "check") != []
    assert "reused: 2, older code" in repr(recorded)


def test_a_retry_of_a_retry_reuses_its_results(notebook):
    run = start(notebook)
    notebook("LIMIT = 9")
    again = run.retry(progress=False)
    fork = again.fork("sum", progress=False)
    assert fork.items("check")["reused"].tolist() == [True] * 4


def test_the_actions_of_a_nested_workflow_count():
    inner = attune_nb.loads("tasks: [{name: act, action: act}]\n")
    outer = attune_nb.loads(
        "tasks: [{name: nested, action: inner, next: [{do: end}]}, "
        "{name: end, action: core.noop}]\n"
    )
    run = outer.run(actions={"inner": inner, "act": lambda: 1}, progress=False)
    same = run.fork("end", actions={"inner": inner, "act": lambda: 1}, progress=False)
    assert not alerts_on(same, "nested")

    changed = run.fork("end", actions={"inner": inner, "act": lambda: 2}, progress=False)
    assert alerts_on(changed, "nested")

"""Tasks within tasks, and workflows within workflows: rules 10 and 11."""

import threading
from collections import Counter

from support.outcomes import ended_tasks

import attune_nb


def test_a_parallel_task_maps_names_to_results(runner):
    run = runner.run("""
vars: [{n: 4}]
tasks:
  - name: p
    type: parallel
    tasks:
      - {name: one, action: same, input: {x: "{{ workflow.n }}"}}
      - {name: several, action: same, with_items: [1, 2], concurrency: 2, input: {x: "{{ item }}"}}
      - {name: not, action: boom, when: "workflow.n > 4"}
      - name: deep
        type: parallel
        tasks: [{name: low, action: same, input: {x: low}}]
    next: [{publish: [r], do: q}]
  - {name: q, action: same, input: {x: "{{ task.p.one }}"}}
""")
    assert run.status == "succeeded"
    assert run.result("p") == {"one": 4, "several": [1, 2], "not": None, "deep": {"low": "low"}}
    assert list(run.result("p")) == ["one", "several", "not", "deep"]
    assert run.context.variables["r"] == run.result("p")
    assert run.result("q") == 4
    assert Counter(status for _, _, status in ended_tasks(run)) == {"succeeded": 6, "skipped": 1}
    assert run.result("p/deep/low") == "low"


def test_inner_tasks_run_together():
    barrier = threading.Barrier(3, timeout=60)
    run = attune_nb.loads("""
tasks:
  - name: p
    type: parallel
    tasks: [{name: a, action: meet}, {name: b, action: meet}, {name: c, action: meet}]
""").run(actions={"meet": lambda: barrier.wait() >= 0}, progress=False)
    assert run.result("p") == {"a": True, "b": True, "c": True}


def test_a_failed_inner_task_fails_the_task_after_all(runner):
    run = runner.run("""
tasks:
  - name: p
    type: parallel
    tasks:
      - {name: a, action: boom}
      - {name: b, action: late}
      - {name: c, action: same, input: {x: 3}}
    next:
      - {when: "{{ failed() }}", publish: [{r: "{{ result() }}"}], do: noop}
      - {when: "{{ succeeded() }}", do: fail}
""")
    assert run.status == "succeeded"
    assert run.context.variables["r"] == {
        "a": {"error": "it broke", "error_type": "ValueError"},
        "b": {"error": "too slow", "error_type": "Timeout"},
        "c": 3,
    }
    assert ended_tasks(run)[-1] == ("p", 1, "failed")


def test_inner_tasks_that_only_time_out_are_a_timeout(runner):
    run = runner.run("""
tasks:
  - {name: p, type: parallel, tasks: [{name: a, action: core.noop}, {name: b, action: late}]}
""")
    assert ended_tasks(run)[-1] == ("p", 1, "timed_out")
    assert run.status == "failed"
    assert "the first, `b`: too slow" in run.error


def test_a_broken_expression_in_an_inner_task_fails_the_task(runner):
    run = runner.run("""
vars: [{m: {}}]
tasks:
  - name: p
    type: parallel
    tasks:
      - {name: a, action: core.noop, when: "workflow.m.none"}
      - {name: b, action: core.noop, with_items: "{{ workflow.m.none }}"}
      - {name: c, action: same, input: {x: "{{ workflow.m.none }}"}}
""")
    assert sorted(ended_tasks(run)) == [
        ("p", 1, "failed"),
        ("p/a", 1, "failed"),
        ("p/b", 1, "failed"),
        ("p/c", 1, "failed"),
    ]


def test_a_parallel_task_can_be_skipped_delayed_and_run_again(runner):
    run = runner.run("""
vars: [{n: 0}]
tasks:
  - {name: s, action: core.noop, next: [{do: [p, q]}]}
  - {name: q, type: parallel, when: "false", tasks: [{name: a, action: boom}]}
  - name: p
    type: parallel
    delay: 0.01
    tasks: [{name: a, action: same, input: {x: "{{ workflow.n }}"}}]
    next:
      - {publish: [{n: "{{ workflow.n + 1 }}"}]}
      - {when: "{{ workflow.n < 2 }}", do: p}
""")
    assert run.status == "succeeded"
    assert sorted(ended_tasks(run)) == [
        ("p", 1, "succeeded"),
        ("p", 2, "succeeded"),
        ("p/a", 1, "succeeded"),
        ("p/a", 2, "succeeded"),
        ("q", 1, "skipped"),
        ("s", 1, "succeeded"),
    ]
    assert run.result("p") == {"a": 1}


INNER = """
parameters: {x: {type: integer, required: true}}
tasks:
  - {name: a, action: boom, when: "parameters.x > 2"}
output_map: {twice: "{{ parameters.x * 2 }}"}
"""
OUTER = """
tasks:
  - name: w
    action: inner
    with_items: [1, 2, 3]
    input: {KEY: "{{ item }}"}
    next: [{when: "{{ failed() }}", do: noop}]
"""


def test_an_inner_workflow_returns_its_output_or_its_failure(runner):
    run = runner.run(OUTER.replace("KEY", "x"), inner=attune_nb.loads(INNER))
    assert run.status == "succeeded"

    first, second, third = run.result("w")
    assert (first, second) == ({"twice": 2}, {"twice": 4})
    assert "task `a` failed: it broke" in third["error"] or "ValueError" in third["error"]


def test_a_check_finds_wrong_parameters_of_inner_workflows():
    workflow = attune_nb.loads(OUTER.replace("KEY", "y"))
    problems = workflow.check(actions={"inner": attune_nb.loads(INNER)})
    messages = "; ".join(problem.message for problem in problems)

    assert "workflow `inner` has no parameter `y`" in messages
    assert "workflow `inner` needs `x`" in messages

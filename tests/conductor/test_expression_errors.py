"""An expression that fails: rule 2. The error has its position, and nothing hangs."""

import pytest
from support.manual_driver import ManualDriver
from support.outcomes import ended_tasks

BAD = "{{ workflow.m.none }}"
TASK = """\
vars: [{m: {}}]
tasks:
  - {name: first, action: core.noop, next: [{do: a}]}
  - name: a
    action: same
    input: {x: 1}
    next: [{when: succeeded(), do: b}]
  - {name: b, action: core.noop}
"""


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ('    when: "{{ workflow.m.none }}"', 11),
        ('    with_items: "{{ workflow.m.none }}"', 17),
        ('    with_items: [1]\n    concurrency: "{{ workflow.m.none }}"', 18),
        ("    with_items: [1]\n    concurrency: \"{{ config.x | default('three') }}\"", 18),
    ],
)
def test_before_a_task_starts(runner, line, column):
    run = runner.run(TASK.replace("    input: {x: 1}", f"    input: {{x: 1}}\n{line}"))
    assert ended_tasks(run) == [("first", 1, "succeeded"), ("a", 1, "failed")]

    (error,) = run.errors()
    assert error.type == "TemplateError"
    assert (error.position.line, error.position.column) == (7 + line.count("\n"), column)
    assert run.status == "failed"
    assert f"line {error.position.line}, column {column}" in run.error


def test_in_the_input_of_a_task_and_of_an_item(runner):
    for items in ("", "    with_items: [7]\n"):
        text = TASK.replace("    input: {x: 1}", items + f'    input: {{x: "{BAD}"}}')
        run = runner.run(text)

        assert run.status == "failed"
        assert ended_tasks(run)[-1] == ("a", 1, "failed")
        (error,) = run.errors()
        assert (error.type, error.position.column) == ("TemplateError", 16)
        assert "has no `none`" in run.error


@pytest.mark.parametrize(
    "transition",
    [
        '{when: "{{ workflow.m.none }}", do: b}',
        '{publish: [{v: "{{ workflow.m.none }}"}], do: b}',
        '{do: b}, {when: "{{ workflow.m.none }}", do: b}',
        '{do: b}, {publish: [{v: "{{ workflow.m.none }}"}]}',
    ],
)
def test_in_a_transition_fails_the_task_and_no_other_starts(runner, transition):
    run = runner.run(TASK.replace("{when: succeeded(), do: b}", transition))
    assert ended_tasks(run) == [("first", 1, "succeeded"), ("a", 1, "failed")]

    (error,) = run.errors()
    assert error.position.line == 7
    assert run.result("a") == 1
    assert run.context.tasks["a"].status == "failed"
    assert "has no `none`" in run.error
    assert "line 7" in run.error


def test_in_vars_fails_the_run_before_any_task(runner):
    text = TASK.replace("vars: [{m: {}}]", f'vars: [{{m: {{}}}}, {{v: "{BAD}"}}]')
    run = runner.run(text)

    assert ended_tasks(run) == []
    assert run.status == "failed"
    assert run.error.startswith("vars `v`: ")
    assert "line 1, column 21" in run.error


def test_in_the_output_map_fails_the_run(runner):
    run = runner.run(TASK + f'output_map:\n  v: "{BAD}"\n')
    assert ended_tasks(run)[-1] == ("b", 1, "succeeded")
    assert (run.status, run.output) == ("failed", None)
    assert run.error.startswith("output_map: ")
    assert "line 10, column 6" in run.error


def test_in_a_question_fails_the_task(runner):
    task = f'{{name: q, action: core.ask, input: {{prompt: "{BAD}"}}}}'
    run = runner.run(f"vars: [{{m: {{}}}}]\ntasks:\n  - {task}\n")

    assert ended_tasks(run) == [("q", 1, "failed")]
    assert "line 3" in run.error


def test_in_a_delayed_task_fails_before_the_delay():
    run = ManualDriver(TASK.replace("    input: {x: 1}", f'    delay: 60\n    when: "{BAD}"'))
    run.end("first")
    assert run.state.status == "failed"


def test_a_branch_for_failures_handles_these_too(runner):
    run = runner.run(
        TASK.replace("    input: {x: 1}", f'    input: {{x: "{BAD}"}}').replace(
            "succeeded", "failed"
        )
    )
    assert run.status == "succeeded"

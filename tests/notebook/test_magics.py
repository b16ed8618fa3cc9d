"""Cells with `%%attune`: running, mistakes, and the figures of a run."""

import functools
import re

import pytest
from IPython.utils.capture import capture_output

from attune_nb import bench
from attune_nb.bench import presets

FAN_OUT = """
parameters:
  n: {type: array, required: true}
tasks:
  - name: double
    action: double
    with_items: "{{ parameters.n }}"
    concurrency: 4
    input: {x: "{{ item }}"}
# end
"""


@pytest.fixture(scope="module")
def shell(ipython):
    ipython.run_cell("def double(x):\n    return 2 * x")
    return ipython


def test_a_cell_uses_functions_of_the_notebook(shell):
    shell.run_cell_magic("attune", "doubling --set n=[1,2,3] --out run", FAN_OUT)

    assert shell.user_ns["run"].result("double") == [2, 4, 6]


def test_a_defined_workflow_runs_again_by_name(shell):
    shell.run_cell_magic("attune", "doubling --define", FAN_OUT)
    run = shell.run_line_magic("attune", "run doubling n=[5]")

    assert run.result("double") == [10]


def test_list_and_show_print_the_defined_workflows(shell):
    shell.run_cell_magic("attune", "doubling --define", FAN_OUT)

    assert "doubling" in repr(shell.run_line_magic("attune", "list"))
    assert "with_items" in repr(shell.run_line_magic("attune", "show doubling"))


@pytest.mark.parametrize(
    ("text", "typo", "message"),
    [
        ("with_items", "with_itmes", "did you mean `with_items`"),
        ("action: double", "action: duoble", "did you mean `double`"),
        ("{{ item }}", "{{ itme }}", "did you mean `item`"),
        ("parameters.n ", "parameters.m ", "`parameters` has no `m`"),
        ("# end", "    next: [{do: dobule}]", "did you mean `double`"),
    ],
)
def test_a_typo_is_reported_with_its_position(shell, text, typo, message):
    cell = "%%attune broken --set n=[1]\n" + FAN_OUT.replace(text, typo)
    with capture_output() as output:
        result = shell.run_cell(cell)
    error = str(result.error_in_exec)

    assert message in error or message in output.stdout + output.stderr
    # lines are counted as in an editor: the magic is line 1
    numbers = [n for n, line in enumerate(cell.splitlines(), 1) if typo.strip() in line]
    assert f"<cell>, line {numbers[0]}, column" in error
    assert "^" in error
    # the shell still works
    assert shell.run_cell("1 + 1").result == 2


def test_an_error_in_the_cell_is_shown_without_a_traceback(shell):
    with capture_output() as output:
        shell.run_cell("%%attune broken\ntasks: 3")
    text = output.stdout + output.stderr

    assert "WorkflowError: the workflow has a problem" in text
    assert "Traceback" not in text
    assert "1 | %%attune broken" in text


def test_a_parameter_is_an_expression_of_the_notebook(shell):
    shell.run_cell_magic("attune", "doubling --set n=[i + 1 for i in range(2)] --out run", FAN_OUT)

    assert shell.user_ns["run"].result("double") == [2, 4]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--set n=[1, 2", "a `]` is missing"),
        ("--set n=[][1]", "IndexError"),
        ("--set n", "there is no such variable; write NAME=EXPR"),
        ("one two", "%%attune takes one name: remove `one two`"),
        ("--wrokers 3", "unrecognized arguments: --wrokers 3; did you mean `--workers`?"),
        ("--bakcend=dask", "unrecognized arguments: --bakcend=dask; did you mean `--backend`?"),
        ("--workers x", "invalid int value"),
    ],
)
def test_a_mistake_in_the_line_is_one_line_of_error(shell, line, message):
    with capture_output() as output:
        shell.run_cell(f"%%attune doubling {line}\n{FAN_OUT}")

    assert output.stderr.startswith("UsageError")
    assert message in output.stderr
    assert len(output.stderr.splitlines()) == 1


def test_an_unknown_command_gets_a_suggestion(shell):
    with capture_output() as output:
        shell.run_cell("%attune rnu doubling")

    assert "did you mean `run`" in output.stdout + output.stderr


def test_a_defined_workflow_is_an_action_for_others(shell):
    shell.run_cell_magic("attune", "doubling --define", FAN_OUT)
    parent = "tasks:\n  - {name: all, action: doubling, input: {n: [1, 2]}}\n"
    run = shell.run_cell_magic("attune", "parent", parent)

    assert run.status == "succeeded", run.error


def test_the_run_is_also_the_last_result(shell):
    shell.run_cell("%%attune doubling --set n=[4] --out run\n" + FAN_OUT, store_history=True)

    assert shell.user_ns["_"] is shell.user_ns["run"]


def test_metrics_are_of_the_last_run_or_the_named_one(shell):
    shell.run_cell_magic("attune", "doubling --set n=[1,2,3] --out three", FAN_OUT)
    shell.run_line_magic("attune", "run doubling n=[5]")

    for words, count in (("", 1), (" doubling", 1), (" three", 3)):
        metrics = repr(shell.run_line_magic("attune", f"metrics{words}"))
        assert re.search(rf"workflow.context.clone_count +{count}\n", metrics)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("metrics doublin", "did you mean `doubling`?"),
        ("metrics FAN", "there is no run `FAN`: it is not a variable that holds a Run"),
        ("bench", "required: clone|fanout"),
        ("bench clon", "did you mean `clone`?"),
    ],
)
def test_an_unknown_run_or_benchmark_is_refused(shell, line, message):
    with capture_output() as output:
        shell.run_cell(f"%attune {line}")

    assert message in output.stdout + output.stderr


def test_a_benchmark_shows_charts_and_returns_figures(shell, monkeypatch):
    small = functools.partial(bench.clone, [0, 10_240], ["attune_nb", "deep copy"], repeats=1)
    monkeypatch.setitem(presets.BENCHES, "clone", small)

    with capture_output() as output:
        df = shell.run_line_magic("attune", "bench clone")

    assert set(df["strategy"]) == {"attune_nb", "deep copy"}
    assert len(output.outputs) == 2

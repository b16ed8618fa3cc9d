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


def test_a_cell_runs_a_workflow_with_functions_of_the_notebook(shell):
    shell.run_cell_magic("attune", "doubling --set n=[1,2,3] --out run", FAN_OUT)
    assert shell.user_ns["run"].result("double") == [2, 4, 6]


def test_a_defined_workflow_runs_again_by_name(shell):
    shell.run_cell_magic("attune", "doubling --define", FAN_OUT)
    run = shell.run_line_magic("attune", "run doubling n=[5]")
    assert run.result("double") == [10]


def test_list_and_show_tell_what_is_defined(shell):
    shell.run_cell_magic("attune", "doubling --define", FAN_OUT)
    assert "doubling" in repr(shell.run_line_magic("attune", "list"))
    assert "with_items" in repr(shell.run_line_magic("attune", "show doubling"))


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("with_items", "with_itmes", "did you mean `with_items`"),
        ("action: double", "action: duoble", "did you mean `double`"),
        ("{{ item }}", "{{ itme }}", "did you mean `item`"),
        ("parameters.n ", "parameters.m ", "`parameters` has no `m`"),
        ("# end", "    next: [{do: dobule}]", "did you mean `double`"),
    ],
)
def test_a_typo_is_told_with_its_place_and_the_shell_goes_on(shell, wrong, right, said):
    cell = "%%attune broken --set n=[1]\n" + FAN_OUT.replace(wrong, right)
    with capture_output() as shown:
        result = shell.run_cell(cell)
    text = str(result.error_in_exec)
    assert said in text or said in shown.stdout + shown.stderr
    line = 1 + next(at for at, each in enumerate(cell.splitlines()) if right.strip() in each)
    assert f"<cell>, line {line}, column" in text  # as the editor counts: the magic is line 1
    assert "^" in text
    assert shell.run_cell("1 + 1").result == 2


def test_an_error_in_the_cell_shows_without_a_traceback(shell):
    with capture_output() as shown:
        shell.run_cell("%%attune broken\ntasks: 3")
    assert "WorkflowError: the workflow has a problem" in shown.stdout + shown.stderr
    assert "Traceback" not in shown.stdout + shown.stderr
    assert "1 | %%attune broken" in shown.stdout + shown.stderr


def test_a_parameter_is_an_expression_of_the_notebook(shell):
    shell.run_cell_magic("attune", "doubling --set n=[i + 1 for i in range(2)] --out run", FAN_OUT)
    assert shell.user_ns["run"].result("double") == [2, 4]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--set n=[1, 2", "a `]` is missing"),
        ("--set n=[][1]", "IndexError"),
        ("--set n", "NAME=EXPR"),
        ("one two", "`one two` is left over"),
        ("--wrokers 3", "unrecognized arguments: --wrokers 3; did you mean `--workers`?"),
        ("--bakcend=dask", "unrecognized arguments: --bakcend=dask; did you mean `--backend`?"),
        ("--workers x", "invalid int value"),
    ],
)
def test_what_is_typed_wrong_on_the_line_is_one_line_of_error(shell, line, said):
    with capture_output() as shown:
        shell.run_cell(f"%%attune doubling {line}\n{FAN_OUT}")
    assert shown.stderr.startswith("UsageError")
    assert said in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_an_unknown_command_is_one_line_with_the_nearest(shell):
    with capture_output() as shown:
        shell.run_cell("%attune rnu doubling")
    assert "did you mean `run`" in shown.stdout + shown.stderr


def test_a_workflow_that_was_defined_is_an_action_for_others(shell):
    shell.run_cell_magic("attune", "doubling --define", FAN_OUT)
    parent = "tasks:\n  - {name: all, action: doubling, input: {n: [1, 2]}}\n"
    run = shell.run_cell_magic("attune", "parent", parent)
    assert run.status == "succeeded", run.error


def test_the_run_is_the_last_result_too(shell):
    shell.run_cell("%%attune doubling --set n=[4] --out run\n" + FAN_OUT, store_history=True)
    assert shell.user_ns["_"] is shell.user_ns["run"]


def test_metrics_are_those_of_the_last_run_or_of_the_one_that_is_named(shell):
    shell.run_cell_magic("attune", "doubling --set n=[1,2,3] --out three", FAN_OUT)
    shell.run_line_magic("attune", "run doubling n=[5]")
    for words, count in (("", 1), (" doubling", 1), (" three", 3)):
        told = repr(shell.run_line_magic("attune", f"metrics{words}"))
        assert re.search(rf"workflow.context.clone_count +{count}\n", told)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("metrics doublin", "did you mean `doubling`?"),
        ("metrics FAN", "is no variable with a Run"),
        ("bench", "required: clone|fanout"),
        ("bench clon", "did you mean `clone`?"),
    ],
)
def test_what_is_not_there_to_measure_is_told(shell, line, said):
    with capture_output() as shown:
        shell.run_cell(f"%attune {line}")
    assert said in shown.stdout + shown.stderr


def test_a_benchmark_shows_its_charts_and_gives_its_figures(shell, monkeypatch):
    few = functools.partial(bench.clone, [0, 10_240], ["attune_nb", "deep copy"], repeats=1)
    monkeypatch.setitem(presets.BENCHES, "clone", few)
    with capture_output() as shown:
        df = shell.run_line_magic("attune", "bench clone")
    assert set(df["strategy"]) == {"attune_nb", "deep copy"}
    assert len(shown.outputs) == 2

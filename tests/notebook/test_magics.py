import pytest
from IPython.testing.globalipapp import start_ipython
from IPython.utils.capture import capture_output

FAN_OUT = """
parameters:
  n: {type: array, required: true}
tasks:
  - name: double
    action: double
    with_items: "{{ parameters.n }}"
    concurrency: 4
    input: {x: "{{ item }}"}
"""


@pytest.fixture(scope="module")
def shell():
    shell = start_ipython() or get_ipython()  # noqa: F821 - IPython's own builtin
    shell.run_line_magic("load_ext", "attune_nb")
    shell.run_cell("def double(x):\n    return 2 * x")
    return shell


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
    ],
)
def test_a_typo_is_told_with_its_place_and_the_shell_goes_on(shell, wrong, right, said):
    cell = "%%attune broken --set n=[1]\n" + FAN_OUT.replace(wrong, right)
    with capture_output() as shown:
        result = shell.run_cell(cell)
    text = str(result.error_in_exec)
    assert said in text or said in shown.stdout + shown.stderr
    assert "<cell>, line" in text
    assert "^" in text
    assert shell.run_cell("1 + 1").result == 2


def test_an_unknown_command_is_one_line_with_the_nearest(shell):
    with capture_output() as shown:
        shell.run_cell("%attune rnu doubling")
    assert "did you mean `run`" in shown.stdout + shown.stderr

"""`breakpoint()` in an action, and `%debug` after it failed: a real kernel and a real terminal."""

import pytest
from support.kernel_conversations import ipython_terminal, kernel_conversation

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ACTION = """def act(x):
    y = x * 2
    breakpoint()
    return y
"""
FAILING_ACTION = """def fail(x):
    y = x * 2
    raise ValueError(f"no {y}")
"""
CELL = """%%attune stops {options}
tasks: [{{name: a, action: {action}, with_items: [21, 22], input: {{x: "{{{{ item }}}}"}}}}]
output_map: {{r: "{{{{ task.a.result }}}}"}}
"""


@pytest.fixture(scope="module")
def kernel():
    with kernel_conversation() as conversation:
        conversation.execute(ACTION)
        conversation.execute(FAILING_ACTION)
        yield conversation


@pytest.fixture(autouse=True)
def no_prompts_yet(kernel):
    kernel.prompts.clear()


def test_a_breakpoint_stops_under_debug(kernel):
    cell = CELL.format(options="--debug", action="act")
    text = kernel.execute(cell, ["p 'y is', y", "c", "p 'then', y", "y = 5", "c"])
    assert kernel.prompts == ["ipdb> "] * 5
    assert "('y is', 42)" in text
    assert "('then', 44)" in text
    # the debugger can change a variable
    assert "{'r': [42, 5]}" in kernel.execute("print(run.output)")


def test_a_breakpoint_does_not_stop_without_debug(kernel):
    text = kernel.execute(CELL.format(options="", action="act"))
    assert kernel.prompts == []
    message = "breakpoint() in `act`, line 3, did not stop: run the cell with `--debug`"
    assert text.count(message) == 1


def test_a_breakpoint_does_not_stop_where_nobody_answers(kernel):
    cell = CELL.format(options="--debug", action="act")
    text = kernel.execute(cell, allow_stdin=False)
    assert text.count("did not stop: nobody can answer the debugger here") == 1
    assert "{'r': [42, 44]}" in kernel.execute("print(run.output)")


def test_quitting_the_debugger_cancels_the_run(kernel):
    """It does not stop at the second item."""
    text = kernel.execute(CELL.format(options="--debug", action="act"), ["q"])
    assert kernel.prompts == ["ipdb> "]
    assert "RunCancelled" in text
    assert kernel.execute("print(run.status)") == "cancelled\n"


@pytest.mark.parametrize("backend", ["inline", "threads"])
def test_debug_opens_the_action_that_failed(kernel, backend):
    cell = CELL.format(options=f"--backend {backend}", action="fail")
    kernel.execute(cell.replace("[21, 22]", "[21]"))
    text = kernel.execute("%debug", ["p 'y was', y", "q"])
    assert "('y was', 42)" in text


def test_a_breakpoint_stops_in_a_terminal(tmp_path):
    (tmp_path / "actions.py").write_text(ACTION)
    cell = CELL.format(options="--debug", action="act").replace("[21, 22]", "[21]")
    (tmp_path / "cell.txt").write_text(cell)
    with ipython_terminal(tmp_path) as terminal:
        terminal.sendline("exec(open('actions.py').read())")
        terminal.expect_exact("In [3]: ")
        terminal.sendline("_ = get_ipython().run_cell(open('cell.txt').read())")
        terminal.expect_exact("ipdb> ")
        terminal.sendline("print('y is', y)")
        terminal.expect_exact("y is 42")
        terminal.sendline("c")
        terminal.expect_exact("In [4]: ")
        terminal.sendline("print(run.output)")
        terminal.expect_exact("{'r': [42]}")

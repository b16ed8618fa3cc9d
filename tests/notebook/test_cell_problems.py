"""The problems that the JupyterLab extension underlines in a cell."""

import pytest
from support.kernel_conversations import kernel_conversation

from attune_nb.notebook.cell_problems import find_cell_problems

THREAD = """import pathlib, threading, time
def talk():
    while not pathlib.Path({gate!r}).exists():
        time.sleep(0.05)
    print("from the thread", flush=True)
threading.Thread(target=talk).start()"""
CELL = """%%attune health
tasks:
  - {name: a, action: core.echo, input: {message: hi}}
"""


@pytest.fixture
def find_problems(ipython):
    """Return a function from a cell to its problems, as (line, column, message, severity)."""
    session = ipython.magics_manager.registry["AttuneMagics"].session

    def find(text):
        problems = find_cell_problems(session, text)
        keys = ("line", "column", "message", "severity")
        return [tuple(problem[key] for key in keys) for problem in problems]

    return find


def test_a_sound_cell_has_no_problems(find_problems):
    assert find_problems(CELL) == []


def test_lines_count_from_the_magic(find_problems):
    ((line, column, message, severity),) = find_problems(CELL.replace("action:", "acton:"))
    assert (line, column, severity) == (3, 15, "error")
    assert "unknown key `acton`" in message


def test_columns_count_as_in_javascript(find_problems):
    text = CELL.replace("{message: hi}", "{message: oo}, dely: 1")
    ((_, column, _, _),) = find_problems(text)
    # a character beyond the first 65,536 has a length of 2 there
    ((_, wide_column, _, _),) = find_problems(text.replace("oo", "🐙🐙"))
    assert wide_column == column + 2


def test_an_action_of_the_notebook_is_known(find_problems, ipython):
    text = CELL.replace("core.echo", "greet")
    ((line, _, message, _),) = find_problems(text)
    assert line == 3
    assert "there is no action `greet`" in message

    ipython.run_cell("def greet(message): return message")
    assert find_problems(text) == []


def test_an_argument_that_does_not_fit_has_its_position(find_problems, ipython):
    ipython.run_cell("def greet(message): return message")
    text = CELL.replace("core.echo", "greet").replace("message: hi", "massage: hi")
    problems = find_problems(text)
    assert any("massage" in message for _, _, message, _ in problems)
    assert {line for line, *_ in problems} == {3}


def test_a_name_in_the_making_imports_nothing(find_problems, ipython):
    text = CELL.replace("core.echo", "'this:nothing'")
    ((_, _, message, _),) = find_problems(text)
    assert "allow_imports" in message

    ipython.run_cell("%config AttuneMagics.allow_imports = True")
    try:
        assert find_problems(text) == []
    finally:
        ipython.run_cell("%config AttuneMagics.allow_imports = False")


def test_a_warning_is_no_error(find_problems):
    (problem,) = find_problems(CELL + "  - {name: b, action: core.noop, next: [{do: b}]}\n")
    assert problem == (4, 12, "no path leads to `b`", "warning")


@pytest.mark.parametrize(
    "text",
    ["%%attune", "%%attune\n", "%%attune x\n\n", "%%attune\n- ", "%%attune\n\t{", "%%attune\n'"],
    ids=["no line", "no text", "empty text", "an array", "a tab", "an open quote"],
)
def test_a_cell_that_is_begun_has_a_problem(find_problems, text):
    line_count = text.count("\n") + 1
    problems = find_problems(text)
    assert problems
    assert all(1 <= line <= line_count for line, *_ in problems)


def test_a_very_long_cell_is_not_checked(find_problems):
    assert find_problems(CELL + "oops: 1\n" + "#" * 50_000) == []


def test_at_most_50_problems_are_sent(find_problems):
    tasks = "".join(f"  - {{name: t{number}, action: core.noop, no: 1}}\n" for number in range(80))
    assert len(find_problems(f"%%attune\ntasks:\n{tasks}")) == 50


def test_a_kernel_answers_and_its_threads_print_as_before(tmp_path):
    """The output of a thread stays below the cell that started it."""
    gate = tmp_path / "gate"
    start = THREAD.format(gate=str(gate))
    with kernel_conversation() as conversation:
        conversation.execute(start)
        text = CELL.replace("action:", "acton:")
        answer = conversation.ask_by_comm("attune.check", {"id": 7, "text": text})
        assert answer["id"] == 7
        assert [problem["line"] for problem in answer["problems"]] == [3]

        gate.touch()
        assert conversation.wait_for_output("from the thread") == start

        assert conversation.ask_by_comm("attune.check", {"id": 8, "text": CELL}) == {
            "id": 8,
            "problems": [],
        }
        conversation.execute("%unload_ext attune_nb")
        assert not conversation.ask_by_comm("attune.check", {"id": 9, "text": CELL})

"""The lines of runs below the cells of a notebook, executed by nbclient as by papermill."""

import pytest
from support.notebook_kernels import execute_failing_cells

LOAD = """%load_ext attune_nb
import sys
def speak(x):
    print(f"item <b>{x}</b>")
    if x == 1:
        print("\\x1b[31mred\\x1b[0m", "y" * 60_000, file=sys.stderr)
"""
TALK = """%%attune talk LINE
tasks:
  - name: say
    action: speak
    with_items: "{{ range(60) }}"
    concurrency: 1
    input: {x: "{{ item }}"}
"""
SOURCES = [
    LOAD,
    TALK.replace("LINE", ""),
    TALK.replace("LINE", "--logs 2"),
    TALK.replace("LINE", "--logs none"),
    TALK.replace("LINE", "--quiet"),
    TALK.replace("LINE", "--no-progress"),
    TALK.replace("LINE", "--background --out late"),
    "late.wait()",
    "1 + 1",
    "%attune logs late say --index 1",
    "%attune logs late --tail 2",
    "%attune logs late --follow --tail 1",
    "%attune logs late --level error",
    "%attune logs late sya",
    "%attune logs late --tail 0",
    TALK.replace("LINE", "--logs lots"),
]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Return the outputs of the cells by their numbers; the cell that loads is 0."""
    notebook = execute_failing_cells(tmp_path_factory.mktemp("cells"), *SOURCES)
    return [cell.outputs for cell in notebook.cells]


def texts_of(outputs):
    """Return the text of each output of a cell."""
    texts = []
    for output in outputs:
        data = output.get("data", {})
        texts.append(data.get("text/plain", output.get("text", output.get("evalue", ""))))
    return texts


def test_the_lines_stand_below_the_outcome(outputs):
    outcome, lines = texts_of(outputs[1])
    assert "61 log lines: `run.logs()` shows them" in outcome
    assert lines.splitlines()[:2] == ["say[0] | item <b>0</b>", "say[1] | item <b>1</b>"]
    assert len(lines.splitlines()) == 61


def test_the_lines_are_escaped_without_colours_and_cut(outputs):
    text = texts_of(outputs[1])[1].splitlines()[2]
    assert text.startswith("say[1] stderr | red yyy")
    assert text.endswith("… (60,013 characters)")
    assert len(text) < 400
    markup = outputs[1][1]["data"]["text/html"]
    assert "item &lt;b&gt;1&lt;/b&gt;" in markup
    assert "\x1b" not in markup


def test_an_option_says_how_many_lines_are_shown(outputs):
    assert texts_of(outputs[2])[1].splitlines()[1:] == [
        "say[1] | item <b>1</b>",
        "59 more lines: run.logs()",
    ]
    assert len(outputs[3]) == 1
    assert outputs[4] == []


def test_without_progress_the_lines_are_shown(outputs):
    assert texts_of(outputs[5])[0].startswith("say[0] | item")


def test_a_run_in_the_background_keeps_its_lines(outputs):
    """They are in its own cell, also those that came when it had returned."""
    outcome, lines = texts_of(outputs[6])
    assert "succeeded" in outcome
    assert len(lines.splitlines()) == 61
    assert texts_of(outputs[8]) == ["2"]


def test_a_command_shows_lines(outputs):
    lines = texts_of(outputs[9])[0].splitlines()
    assert [line.split(" ", 2)[2][:22] for line in lines] == [
        "say[1] | item <b>1</b>",
        "say[1] stderr | red yy",
    ]
    last = texts_of(outputs[10])[0].splitlines()
    assert last[1].endswith("say[59] | item <b>59</b>")
    assert last[2] == ("the last 2 of 61 lines; `--tail` shows more, and `run.logs()` has all")


def test_a_command_follows_a_run_that_has_ended(outputs):
    assert texts_of(outputs[11])[0].splitlines()[0].endswith("say[59] | item <b>59</b>")


def test_a_command_says_why_it_shows_nothing(outputs):
    assert "none of its 61 log lines is of level ERROR or above" in texts_of(outputs[12])[0]
    assert "there is no task `sya`; did you mean `say`?" in texts_of(outputs[13])[0]
    assert "`--tail` must be 1 or more, not 0" in texts_of(outputs[14])[0]


def test_a_limit_that_is_none_fails_the_cell(outputs):
    assert '`logs` must be "all", "none" or a number of lines' in texts_of(outputs[15])[0]

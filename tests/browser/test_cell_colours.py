"""Cells of workflows as they are written: their colours, and their problems underlined."""

import re

import pytest
from playwright.sync_api import expect

WORKFLOW = """
tasks:
  - name: greet
    action: core.noop
    with_items: "{{ [1, 2] }}"
    retry: {count: 3, dely: 1}
"""
LOAD_BEHIND_GATE = """import pathlib, time
while not pathlib.Path({gate!r}).exists():
    time.sleep(0.1)
%load_ext attune_nb"""
FRONT_ENDS = pytest.mark.parametrize(
    "path", ["lab/tree", "notebooks"], ids=["JupyterLab", "Notebook 7"]
)
YAML = "yaml"
PYTHON = "python"


def expect_language(notebook, number, name):
    """Expect that a cell is coloured in a language."""
    expect(editor_of(notebook, number)).to_have_attribute("data-language", name)


def editor_of(notebook, number):
    return notebook.code_cell(number).locator(".cm-content")


def type_at(notebook, number, key, text):
    """Type a text into a cell, at the place to which a key such as Control+Home leads."""
    editor_of(notebook, number).click()
    notebook.page.keyboard.press(key)
    notebook.page.keyboard.insert_text(text)


@FRONT_ENDS
def test_a_cell_is_coloured_and_its_problem_underlined(lab, path):
    cells = ("%load_ext attune_nb", f"%%attune{WORKFLOW}", "size = 1")
    with lab.opened(*cells, path=path) as notebook:
        expect_language(notebook, 1, YAML)
        expect_language(notebook, 2, PYTHON)
        magic = notebook.code_cell(1).locator(".attune-magic")
        expect(magic).to_have_text("%%attune")
        expression = notebook.code_cell(1).locator(".attune-expression")
        expect(expression).to_have_text("{{ [1, 2] }}")

        notebook.run(0)
        editor_of(notebook, 1).click()
        problem = notebook.page.locator(".attune-problem")
        expect(problem).to_have_text("dely")
        problem.hover()
        tip = notebook.page.locator(".attune-problem-tip")
        expect(tip).to_contain_text("did you mean `delay`?")
        notebook.take_screenshot(f"colours-{path.replace('/', '-')}")

        notebook.page.keyboard.press("Control+End")
        notebook.page.keyboard.insert_text("# still wrong")
        expect(tip).to_have_count(0)
        expect(problem).to_have_text("dely")
        problem.dblclick()
        notebook.page.keyboard.insert_text("delay")
        expect(problem).to_have_count(0)


def test_the_language_follows_the_first_line(lab):
    with lab.opened("size = 1") as notebook:
        expect_language(notebook, 0, PYTHON)

        type_at(notebook, 0, "Control+Home", "%%attune")
        expect_language(notebook, 0, PYTHON)
        notebook.page.keyboard.press("Enter")
        expect_language(notebook, 0, YAML)

        type_at(notebook, 0, "Control+Home", "x")
        expect_language(notebook, 0, PYTHON)
        notebook.page.keyboard.press("Backspace")
        expect_language(notebook, 0, YAML)

        notebook.execute_command("notebook:copy-cell")
        notebook.execute_command("notebook:paste-cell-below")
        expect_language(notebook, 1, YAML)


def test_a_busy_kernel_is_asked_when_it_is_idle(lab):
    """A cell is checked once the extension is loaded, and the cell that loads it has ended."""
    gate = lab.root / "gate"
    load = LOAD_BEHIND_GATE.format(gate=str(gate))
    with lab.opened(load, f"%%attune{WORKFLOW}") as notebook:
        problem = notebook.page.locator(".attune-problem")
        # the first request finds no extension
        editor_of(notebook, 1).click()
        notebook.run(0, wait=False)
        type_at(notebook, 1, "Control+End", "# more")
        expect(notebook.code_cell(0).locator(".jp-InputPrompt")).to_have_text(re.compile(r"\*"))
        expect(problem).to_have_count(0)

        gate.touch()
        expect(problem).to_have_text("dely")

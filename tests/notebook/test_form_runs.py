"""The runs that a form starts in a kernel, and the text that remains of it."""

from support.notebook_kernels import execute_cells

DEFINITION = """%load_ext attune_nb
import os
os.environ["ATTUNE_NB_WIDGETS"] = "{widgets}"
import attune_nb
form = attune_nb.loads('''
name: deploy
parameters: {{count: {{type: integer, maximum: 10, default: 3}}}}
tasks: [{{name: release, action: ACTION, input: {{count: "{{{{ parameters.count }}}}"}}}}]
output_map: {{count: "{{{{ parameters.count }}}}"}}
''')"""
ACTIONS = "form = form.form(actions={'release': lambda count: print('released', count)})"
CLICK = """heading, row, button, message = form._widgets.box.children
row.children[0].value = "{count}"
button.click()
"""
WAIT = "form.run.wait(60)"


def texts(notebook, cell):
    """Return the texts of the outputs of a cell that are not empty."""
    texts = [output["data"]["text/plain"] for output in notebook.cells[cell].outputs]
    return [text for text in texts if text]


def test_without_widgets_a_form_is_a_text(tmp_path):
    """nbclient, papermill and nbconvert have no buttons."""
    definition = DEFINITION.format(widgets=0).replace("ACTION", "release")
    notebook = execute_cells(tmp_path, definition, ACTIONS, "form")

    (output,) = notebook.cells[2].outputs
    assert output["data"]["text/plain"] == (
        "form of `deploy`, parameters: count\n"
        "run the cell in a notebook with widgets to fill in the form"
    )
    assert "an integer, at most 10" in output["data"]["text/html"]


def test_a_click_starts_a_run_below_the_form(tmp_path):
    """Other cells have run since; and of two runs the cell shows the latest alone."""
    definition = DEFINITION.format(widgets=1).replace("ACTION", "release")
    clicks = [CLICK.format(count=count) + WAIT for count in (4, 5)]
    output = "form.run.output, button.disabled"
    notebook = execute_cells(tmp_path, definition, ACTIONS, "form", *clicks, output, "1")

    text, _, summary, lines = texts(notebook, 2)
    assert "was started with these values" in text
    assert "deploy: succeeded" in summary
    assert lines == "release | released 5"
    assert texts(notebook, 5) == ["({'count': 5}, False)"]


def test_a_run_that_cannot_start_leaves_the_form_as_it_was(tmp_path):
    definition = DEFINITION.format(widgets=1).replace("ACTION", "releas")
    state = "form.run, button.disabled, message.value"
    notebook = execute_cells(
        tmp_path, definition, ACTIONS, "form", CLICK.format(count=4), state, "1"
    )

    assert len(texts(notebook, 2)) == 2
    (text,) = texts(notebook, 4)
    assert text.startswith("(None,\n False,")
    assert "did you mean `release`?" in text

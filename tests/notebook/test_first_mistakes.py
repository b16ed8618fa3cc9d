"""Mistakes of a first hour, in a real kernel: the message leads from the mistake to what works."""

import pytest
from support.notebook_kernels import errors_of, execute_cells, execute_failing_cells, text_of

pytestmark = pytest.mark.slow

SETUP = """%load_ext attune_nb
urls = ["http://a", "http://b"]
def fetch(url):
    return {"url": url}
"""
UNDECLARED = """%%attune sites
tasks:
  - name: fetch
    action: fetch
    with_items: "{{ urls }}"
    input: {url: "{{ item }}"}
"""
# what the message says: declare it, read it, pass it
DECLARED = UNDECLARED.replace("sites", "sites --set urls --out run").replace(
    "tasks:", "parameters: {urls: {type: array}}\ntasks:"
).replace("{{ urls }}", "{{ parameters.urls }}")  # fmt: skip
FROM_AIRFLOW = """%%attune build
tasks:
  - name: compile
    run: make
  - name: test
    action: core.noop
    depends_on: compile
    if: succeeded()
"""


def test_a_variable_of_the_notebook_becomes_a_parameter(tmp_path):
    notebook = execute_failing_cells(tmp_path, SETUP, UNDECLARED, DECLARED)
    ((name, error),) = errors_of(notebook.cells[1])
    assert name == "WorkflowError"

    assert (
        "line 5, column 17: `urls` is undefined; the notebook has a variable `urls`: declare "
        "`parameters: {urls: {type: array}}`, pass it with `--set urls` (in Python: "
        "`run({'urls': urls})`), and read `{{ parameters.urls }}`"
    ) in error
    assert errors_of(notebook.cells[2]) == []


@pytest.mark.parametrize("required", ["", ", required: true"])
def test_a_parameter_that_was_not_passed_is_found_in_the_notebook(tmp_path, required):
    forgotten = DECLARED.replace("--set urls", "").replace("array", f"array{required}")
    notebook = execute_failing_cells(tmp_path, SETUP, forgotten)
    messages = [message for _, message in errors_of(notebook.cells[1])]

    assert len(messages) == 1
    shown = text_of(notebook) + messages[0]
    assert shown.count("the notebook has a variable `urls`: pass it with `--set urls`") == 1


def test_words_of_another_tool_are_explained_together(tmp_path):
    notebook = execute_failing_cells(tmp_path, SETUP, FROM_AIRFLOW)
    ((name, error),) = errors_of(notebook.cells[1])
    assert name == "WorkflowError"

    assert "3 problems:" in error
    assert (
        "unknown key `run` in a task; write `action: core.shell` and `input: {cmd: ...}`" in error
    )
    assert "write `next: [{do: test}]` in `compile`" in error
    assert "unknown key `if` in a task; write `when: CONDITION`" in error


def test_two_cells_without_a_name_are_told_apart(tmp_path):
    store = tmp_path / "runs.db"
    first = f"%%attune --store {store}\ntasks: [{{name: morning, action: core.noop}}]"
    second = first.replace("morning", "evening")
    listed = f"import attune_nb; print(sorted(attune_nb.runs({str(store)!r})['workflow']))"

    notebook = execute_cells(tmp_path, SETUP, first, second, listed)
    assert "['evening', 'morning']" in text_of(notebook)

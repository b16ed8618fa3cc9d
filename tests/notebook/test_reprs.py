"""Objects as the value of a cell: small, whatever they contain, and without active content."""

import pytest
from IPython.lib.pretty import pretty

import attune_nb
from attune_nb.display.outputs import Text
from attune_nb.events import AttemptsEnded

TEXT = """
label: health <script>
parameters: {hosts: {type: array}, limit: {default: 3}}
tasks:
  - name: check
    action: core.echo
    with_items: "{{ parameters.hosts }}"
    input: {message: "{{ item }}"}
    next:
      - {when: "{{ failed() }}", do: both}
      - {do: both, publish: [{found: "{{ result() }}"}]}
  - name: both
    type: parallel
    tasks: [{name: a, action: core.noop}, {name: b, action: core.noop}]
"""


@pytest.fixture(scope="module")
def run():
    hosts = [f"<img onerror={n}>" for n in range(10_000)]
    return attune_nb.loads(TEXT).run({"hosts": hosts})


def test_a_workflow_has_one_line_per_task():
    text = pretty(attune_nb.loads(TEXT))
    assert text == str(attune_nb.loads(TEXT))

    heading, check, *lines = text.splitlines()
    assert heading == "health <script>: 2 tasks; parameters: hosts, limit"
    columns = "check core.echo {{ parameters.hosts }} both when {{ failed() }}; both"
    assert " ".join(check.split()) == columns
    assert [line.split()[0] for line in lines] == ["both", "both/a", "both/b"]
    assert "2 tasks in parallel" in lines[0]


def test_a_workflow_as_html_is_escaped_and_small():
    tasks = "\n".join(f"  - {{name: t{n}, action: core.noop}}" for n in range(1000))
    page = attune_nb.loads(f"label: <script>\ntasks:\n{tasks}\n")._repr_html_()

    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "and 950 more" in page


def test_a_table_has_no_empty_column():
    page = attune_nb.loads("tasks: [{name: a, action: core.noop}]")._repr_html_()

    assert ">action<" in page
    assert ">items<" not in page
    assert ">next<" not in page


def test_a_text_with_aligned_columns_is_monospace():
    assert "monospace" in Text("a  b\n1  2")._repr_html_()


def test_a_context_has_one_row_per_name(run):
    page = run.context._repr_html_()

    for name in ("parameters.hosts", "parameters.limit", "workflow.found", "task.check"):
        assert f">{name}<" in page
    assert "an array of 10,000" in page
    assert "<img" not in page
    assert len(page) < 5000


@pytest.mark.parametrize("expression", ["run", "run.context", "run.events", "run.workflow"])
def test_ten_thousand_items_are_not_printed(run, expression):
    value = eval(expression)

    assert len(pretty(value)) < 5000
    assert len(repr(run.events)) < 5000


def test_a_batch_shows_the_number_of_its_attempts(run):
    batches = [event for event in run.events if isinstance(event, AttemptsEnded)]

    assert "attempts, 0 failed)" in repr(batches[0])

"""What an object shows as the value of a cell: small, whatever it holds, and inert."""

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
    return attune_nb.loads(TEXT).run({"hosts": [f"<img onerror={n}>" for n in range(10_000)]})


def test_a_workflow_is_a_line_for_each_task():
    text = pretty(attune_nb.loads(TEXT))
    assert text == str(attune_nb.loads(TEXT))
    heading, first, *rest = text.splitlines()
    assert heading == "health <script>: 2 tasks; parameters: hosts, limit"
    row = "check core.echo {{ parameters.hosts }} both when {{ failed() }}; both"
    assert " ".join(first.split()) == row
    assert [line.split()[0] for line in rest] == ["both", "both/a", "both/b"]
    assert "2 tasks in parallel" in rest[0]


def test_a_workflow_as_html_is_escaped_and_small():
    many = "\n".join(f"  - {{name: t{n}, action: core.noop}}" for n in range(1000))
    page = attune_nb.loads(f"label: <script>\ntasks:\n{many}\n")._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "and 950 more" in page


def test_a_column_that_would_be_empty_is_left_out():
    page = attune_nb.loads("tasks: [{name: a, action: core.noop}]")._repr_html_()
    assert ">action<" in page
    assert ">items<" not in page
    assert ">next<" not in page


def test_a_text_whose_columns_stand_below_each_other_is_set_in_one_width():
    assert "monospace" in Text("a  b\n1  2")._repr_html_()


def test_a_context_is_a_row_for_each_name(run):
    page = run.context._repr_html_()
    for name in ("parameters.hosts", "parameters.limit", "workflow.found", "task.check"):
        assert f">{name}<" in page
    assert "an array of 10,000" in page
    assert "<img" not in page
    assert len(page) < 5000


@pytest.mark.parametrize("value", ["run", "run.context", "run.events", "run.workflow"])
def test_nothing_dumps_ten_thousand_items(run, value):
    shown = eval(value)
    assert len(pretty(shown)) < 5000
    assert len(repr(run.events)) < 5000


def test_a_batch_tells_how_many_attempts_it_holds(run):
    batches = [each for each in run.events if isinstance(each, AttemptsEnded)]
    assert "attempts, 0 failed)" in repr(batches[0])

"""One text reads the result of a pack's action and that of any other action."""

import pytest

import attune_nb
from attune_nb.backends.attempt.context_slice import slice_context
from attune_nb.context import Outcome, TaskScope, WorkflowContext
from attune_nb.errors import TemplateError
from attune_nb.templates.template import Template
from attune_nb.values.frozen import freeze

# the result of a pack's action
PRINTED = {
    "exit_code": 0,
    "duration_ms": 5,
    "succeeded": True,
    "data": {"id": 7, "status": "open", "tags": ["a"]},
    "stderr": "",
}
TEXT = {"exit_code": 0, "duration_ms": 5, "succeeded": True, "stdout": "hi\n", "stderr": ""}
BROKEN = {"exit_code": 3, "error": "no disk", "error_type": "ActionError", "stderr": "no disk"}


def make_context(result, status="succeeded"):
    context = WorkflowContext.create(vars={"kept": result})
    return context.with_outcome("x", Outcome(status=status, result=freeze(result)))


def render(expression, context):
    """Return a value, which is the same in a process that got only the names that it reads."""
    template = Template(f"{{{{ {expression} }}}}")
    scope = TaskScope(context, context.tasks["x"])
    value = template.render(scope)
    if "result()" not in expression:
        assert template.render(slice_context(context, template).scope(None, 0)) == value
    return value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("task.x.data.id", 7),
        ("task.x.id", 7),
        ("task.x.result.id", 7),
        ("task.x.tags[0]", "a"),
        ("task.x.exit_code", 0),
        ("task.x.stderr", ""),
        ("result().data.id", 7),
        ("result().id", 7),
        ("result().exit_code", 0),
        ("workflow.kept.id", 7),
        ("kept['id']", 7),
        ("[kept] | map(attribute='id') | first", 7),
        ("task.x.nothing | default('none')", "none"),
    ],
)
def test_the_keys_that_a_process_printed_are_read_at_the_top(expression, value):
    assert render(expression, make_context(PRINTED)) == value


def test_a_printed_key_hides_a_field_of_the_record():
    context = make_context(PRINTED)

    assert render("task.x.status", context) == "open"
    assert render("task('x').status", context) == "succeeded"


def test_a_key_of_the_envelope_hides_a_printed_one():
    result = {**PRINTED, "data": {"exit_code": 9, "id": 7}}
    assert render("task.x.exit_code", make_context(result)) == 0


@pytest.mark.parametrize("expression", ["task.x.data", "result().data"])
def test_printed_text_is_no_data(expression):
    with pytest.raises(TemplateError, match="has no `data`"):
        render(expression, make_context(TEXT))


@pytest.mark.parametrize("expression", ["task.x.data", "result().data"])
@pytest.mark.parametrize("result", [{"k": 1}, [1, 2], "text", 5, None], ids=repr)
def test_data_is_what_a_function_returned(expression, result):
    assert render(expression, make_context(result)) == result


@pytest.mark.parametrize("expression", ["task.x.data", "result().data"])
def test_a_key_data_of_a_result_comes_first(expression):
    assert render(expression, make_context({"data": 1, "k": 2})) == 1


@pytest.mark.parametrize(
    ("result", "status", "code"),
    [({"k": 1}, "succeeded", 0), ({"error": "no"}, "failed", 1), (BROKEN, "failed", 3)],
)
def test_every_task_has_an_exit_code(result, status, code):
    context = make_context(result, status)

    assert render("task.x.exit_code", context) == code
    assert render("result().exit_code", context) == code


@pytest.mark.parametrize("expression", ["task.x.data", "result().data"])
def test_a_failed_task_has_no_data(expression):
    with pytest.raises(TemplateError, match="has no `data`"):
        render(expression, make_context({"error": "no"}, "failed"))


@pytest.mark.parametrize(
    ("message", "text"), [("hi", "hi"), (5, "5"), (True, "true"), (None, ""), (1.5, "1.5")]
)
def test_a_message_is_the_output_of_an_echo(message, text):
    context = make_context({"message": message})

    assert render("task.x.stdout", context) == text
    assert render("result().stdout", context) == text


def test_a_function_has_no_output():
    with pytest.raises(TemplateError, match="has no `stdout`"):
        render("task.x.stdout", make_context({"k": 1}))


def test_python_reads_the_same_paths():
    context = make_context(PRINTED)

    paths = ("task.x.id", "task.x.data.id", "task.x.status", "workflow.kept.id")
    assert [context.lookup(path) for path in paths] == [7, 7, "open", 7]
    assert make_context({"k": 1}).lookup("task.x.data.k") == 1
    with pytest.raises(KeyError, match="nothing at `none`"):
        context.lookup("task.x.none")


STORED = """
tasks:
  - {name: x, action: make, keep_results: store}
output_map: {value: "{{ EXPRESSION }}"}
"""


@pytest.mark.parametrize(
    ("result", "expression", "value"),
    [
        (PRINTED, "task.x.id", 7),
        (PRINTED, "task.x.exit_code", 0),
        ({"data": 1, "k": 2}, "task.x.data", 1),
        ({"k": 2}, "task.x.data.k", 2),
        ({"exit_code": 5}, "task.x.exit_code", 5),
    ],
)
def test_a_result_on_the_disk_is_read_by_the_same_words(result, expression, value, tmp_path):
    workflow = attune_nb.loads(STORED.replace("EXPRESSION", expression))
    run = workflow.run(actions={"make": lambda: result}, store=tmp_path / "s.db")
    assert run.output == {"value": value}

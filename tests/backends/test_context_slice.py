"""The slice of a context that is sent to another process: templates render the same from it."""

import pickle
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb.backends.attempt.context_slice import slice_context
from attune_nb.context import Outcome, WorkflowContext
from attune_nb.errors import TemplateError
from attune_nb.events import FAILED, Batch, ErrorInfo
from attune_nb.item_outcomes import ItemOutcomes
from attune_nb.templates.template import Template


def make_context():
    context = WorkflowContext.create(
        {"url": "https://x", "big": "x" * 1000, "deep": {"a": {"b": 1, "c": "y" * 500}, "d": 2}},
        vars={"total": 3, "held": {"k": [1, 2], "l": "z" * 400}},
        config={"zone": "eu"},
        keystore={"token": "hunter22", "other": "secret-other"},
    )
    context = context.with_result("fetch", {"items": [1, 2], "status": "own", "rest": "r" * 600})
    context = context.with_outcome("rows", outcome_of_rows())
    return context.with_result("odd", {"result": {"x": 1}, "y": 2})


def outcome_of_rows():
    """Return the outcome of a task with 300 items, of which the third failed."""
    results = [1] * 300
    statuses = bytearray(300)
    statuses[2] = FAILED
    error = ErrorInfo(type="ValueError", message="no", data={"code": 7})
    batch = Batch(
        index=array("q", range(300)),
        attempt=array("q", [1] * 300),
        worker=array("q", [0] * 300),
        start=array("d", [0.0] * 300),
        duration=array("d", [0.1] * 300),
        status=bytes(statuses),
        results=results,
        errors={2: error},
    )
    return Outcome(
        status="failed",
        result=results,
        total_count=300,
        failed_items=1,
        items=ItemOutcomes(bytes(statuses), [batch], range(1000, 1300)),
    )


def dotted_names(context):
    """Return the names in a context, as a template reads them."""
    names = []
    for namespace in ("parameters", "config", "keystore"):
        names += [f"{namespace}.{name}" for name in getattr(context, namespace)]
    names += [f"workflow.{name}" for name in context.variables]
    names += [f"task.{name}" for name in context.tasks]
    return sorted(names)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ item }} {{ index }}", []),
        ("{{ parameters.url }}/{{ item }}", ["parameters.url"]),
        ("{{ total }}", ["workflow.total"]),
        ("{{ vars.total + workflow.held.k|length }}", ["workflow.held", "workflow.total"]),
        ("{{ task.fetch['items'] }}", ["task.fetch"]),
        ("{{ keystore.token }}", ["keystore.token"]),
        ("{{ parameters.nope|default('x') }}", []),
        ("{{ parameters[item] }}", ["parameters.big", "parameters.deep", "parameters.url"]),
        ("{{ keys(config) }}", ["config.zone"]),
        (["{{ parameters.url }}", {"x": "{{ config.zone }}"}], ["config.zone", "parameters.url"]),
    ],
    ids=str,
)
def test_only_names_that_are_read_are_sent(source, expected):
    assert dotted_names(slice_context(make_context(), Template(source))) == expected


def test_only_keys_that_are_read_are_sent():
    context = make_context()
    keys = slice_context(context, Template("{{ parameters.deep.a.b }} {{ parameters.deep.d }}"))
    assert keys.parameters == {"deep": {"a": {"b": 1}, "d": 2}}

    everything = slice_context(context, Template("{{ parameters.deep.a.b }} {{ parameters.deep }}"))
    assert everything.parameters["deep"] == context.parameters["deep"]
    assert keys.size_bytes < 2000 < everything.size_bytes + 2000


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("{{ task.fetch.items }}", {"items": [1, 2]}),
        ("{{ task.fetch.result.items }}", {"items": [1, 2]}),
        ("{{ task.fetch.result }}", {"items": [1, 2], "status": "own", "rest": "r" * 600}),
        ("{{ task.fetch.error }}", {}),
        ("{{ task.rows.total_count }}", None),
        ("{{ task.rows.result }}", [1] * 300),
        ("{{ task.odd.result.x }}", {"result": {"x": 1}}),
    ],
)
def test_only_the_part_of_a_result_that_is_read_is_sent(source, result):
    context = make_context()
    ((name, outcome),) = slice_context(context, Template(source)).tasks.items()
    assert outcome.result == result
    assert outcome.status == context.tasks[name].status


def test_successes_are_sent_only_to_those_who_read_them():
    sizes = {}
    for source in ("status", "failures", "failures[0].item", "successes"):
        template = Template(f"{{{{ task.rows.{source} }}}}")
        sizes[source] = len(pickle.dumps(slice_context(make_context(), template)))
    assert sizes["status"] < sizes["failures"] == sizes["failures[0].item"] < 800
    assert sizes["successes"] > 1500


def test_secrets_that_are_not_read_are_not_sent():
    packed = pickle.dumps(slice_context(make_context(), Template("{{ keystore.token }}")))
    assert b"hunter22" in packed
    assert b"secret-other" not in packed


_PATHS = st.sampled_from(
    [
        "parameters.url",
        "parameters.deep.a.b",
        "parameters.deep.a",
        "parameters.deep",
        "parameters.nope",
        "parameters.deep.nope.x",
        "workflow.total",
        "held.k",
        "held",
        "total",
        "nope",
        "config.zone",
        "keystore.token",
        "task.fetch.items",
        "task.fetch.status",
        "task.fetch.result.status",
        "task.fetch.result",
        "task.fetch",
        "task.rows.result",
        "task.rows.total_count",
        "task.rows.nope",
        "task.rows.result[3]",
        "task.rows.failures",
        "task.rows.failures[0].result.code",
        "task.rows.failures[1]",
        "task.rows.successes|length",
        "task.rows.successes[298].item",
        "task['rows']['failures']",
        "task('rows').failures",
        "task('rows').successes|last",
        "task('odd').result",
        "task('odd').y",
        "task('nope').status",
        "task('od' ~ 'd').result.y",
        "task(parameters.url)",
        "task('odd')",
        "task.odd.result.x",
        "task.odd.y",
        "task.odd.attempts",
        "task.nope",
        "task",
        "parameters",
    ]
)
_USES = st.sampled_from(
    [
        "{{ %s }}",
        "{{ %s|default('none') }}",
        "{{ %s is defined }}",
        "{{ type_of(%s) }}",
        "{{ to_json(%s) }}",
        "{{ %s == parameters.deep.d }}",
        "{{ [%s, index] }}",
    ]
)


@given(st.lists(st.tuples(_USES, _PATHS), min_size=1, max_size=3))
def test_a_template_renders_the_same_from_a_slice(parts):
    try:
        template = Template([use % path for use, path in parts])
    except TemplateError:
        return  # the workflow would not load

    context = make_context()
    context_slice = pickle.loads(pickle.dumps(slice_context(context, template)))
    try:
        expected = template.render(context.scope("x", 0))
    except TemplateError:
        with pytest.raises(TemplateError):
            template.render(context_slice.scope("x", 0))
    else:
        # an object that is read as a whole keeps its order, a namespace its names
        assert template.render(context_slice.scope("x", 0)) == expected

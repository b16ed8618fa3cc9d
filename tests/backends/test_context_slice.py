"""What of a context goes to another process: what a template reads, and it gives the same there."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb.backends.attempt.context_slice import slice_context
from attune_nb.context import Outcome, WorkflowContext
from attune_nb.errors import TemplateError
from attune_nb.templates.template import Template


def context():
    made = WorkflowContext.create(
        {"url": "https://x", "big": "x" * 1000, "deep": {"a": {"b": 1, "c": "y" * 500}, "d": 2}},
        vars={"total": 3, "held": {"k": [1, 2], "l": "z" * 400}},
        config={"zone": "eu"},
        keystore={"token": "hunter22", "other": "secret-other"},
    )
    made = made.with_result("fetch", {"items": [1, 2], "status": "own", "rest": "r" * 600})
    made = made.with_outcome("rows", Outcome(status="succeeded", result=[1] * 300, total_count=300))
    return made.with_result("odd", {"result": {"x": 1}, "y": 2})


def names(made):
    """Give what is there, as dotted names."""
    found = []
    for space in ("parameters", "config", "keystore"):
        found += [f"{space}.{name}" for name in getattr(made, space)]
    found += [f"workflow.{name}" for name in made.variables]
    return sorted([*found, *(f"task.{name}" for name in made.tasks)])


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
def test_only_what_is_read_goes(source, expected):
    assert names(slice_context(context(), Template(source))) == expected


def test_of_a_map_only_the_keys_that_are_read_go():
    made = slice_context(context(), Template("{{ parameters.deep.a.b }} {{ parameters.deep.d }}"))
    assert made.parameters == {"deep": {"a": {"b": 1}, "d": 2}}
    whole = slice_context(context(), Template("{{ parameters.deep.a.b }} {{ parameters.deep }}"))
    assert whole.parameters["deep"] == context().parameters["deep"]
    assert made.size_bytes < 2000 < whole.size_bytes + 2000


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
def test_of_a_task_only_what_is_read_of_its_result_goes(source, result):
    ((name, made),) = slice_context(context(), Template(source)).tasks.items()
    assert made.result == result
    assert made.status == context().tasks[name].status


def test_no_secret_goes_that_is_not_read():
    packed = pickle.dumps(slice_context(context(), Template("{{ keystore.token }}")))
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
def test_an_expression_gives_in_an_excerpt_what_it_gives_in_the_whole(parts):
    try:
        template = Template([use % path for use, path in parts])
    except TemplateError:
        return  # refused when the workflow loads
    whole = context()
    part = pickle.loads(pickle.dumps(slice_context(whole, template)))
    try:
        expected = template.render(whole.scope("x", 0))
    except TemplateError:
        with pytest.raises(TemplateError):
            template.render(part.scope("x", 0))
    else:
        # a map that is read as a whole keeps its order, a namespace its names
        assert template.render(part.scope("x", 0)) == expected

"""An object that is rendered very often is one function, with the same values and errors."""

import pytest

from attune_nb import Template, WorkflowContext
from attune_nb.context import ItemScope
from attune_nb.errors import TemplateError

CONTEXT = WorkflowContext.create({"base": "http://a", "deep": {"x": [1, 2]}}, vars={"v": 7})
CONTEXT = CONTEXT.with_result("load", {"rows": [1], "items": 3})

OBJECTS = [
    {"id": "{{ item.id }}", "name": "{{ item.name }}"},
    {"one": "{{ item.id }}"},
    {"item": "{{ item }}", "index": "{{ index }}"},
    {
        "url": "{{ parameters.base }}/{{ item.name }}",
        "v": "{{ v }}",
        "rows": "{{ task.load.rows }}",
    },
    {"sum": "{{ item.id + 1 }}", "constant": "text", "number": 3, "nothing": None, "list": [1]},
    {
        "nested": {"a": "{{ item.id }}", "b": ["{{ index }}", "x"]},
        "deep": "{{ parameters.deep.x }}",
    },
    {"<0>": "<1>", "<2>": "{{ item.id }}", "quote\"'\n": "{{ item.name }}", 5: "{{ item.id }}"},
    {"record": "{{ task.load }}", "all": "{{ parameters }}"},
    {f"key_{number}": "{{ item.id }}" for number in range(60)},
]


@pytest.mark.parametrize("source", OBJECTS, ids=range(len(OBJECTS)))
def test_the_value_is_the_same(source):
    template = Template(source)
    scope = ItemScope(CONTEXT, {"id": 4, "name": "n"}, 2)
    expected = template.evaluate(scope)
    rendered = template.compile_fast()(scope)
    assert rendered == expected
    assert list(rendered) == list(expected)
    assert [*map(type, rendered.values())] == [*map(type, expected.values())]


@pytest.mark.parametrize("item", [{"id": 4}, {}, None, 5, "text", [1]], ids=repr)
def test_the_error_is_the_same(item):
    template = Template({"id": "{{ item.id }}", "name": "{{ item.name }}"})
    scope = ItemScope(CONTEXT, item, 2)
    with pytest.raises(TemplateError) as expected:
        template.evaluate(scope)
    with pytest.raises(TemplateError) as raised:
        template.compile_fast()(scope)
    assert str(raised.value) == str(expected.value)


@pytest.mark.parametrize("source", ["{{ item }}", 5, ["{{ item }}"], {}, {"a": "x"}], ids=repr)
def test_other_templates_stay_as_they_are(source):
    template = Template(source)
    assert template.compile_fast() is template.evaluate

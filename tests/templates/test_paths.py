"""Names and paths: the fast way and the general way return the same values."""

import pandas as pd
import pytest

from attune_nb import Template, WorkflowContext
from attune_nb.context import Outcome
from attune_nb.errors import TemplateError
from attune_nb.values.frozen import freeze

CONTEXT = (
    WorkflowContext.create(
        {"a": {"b": {"c": 1}}, "list": [{"x": 1}], "null": None},
        vars={"v": {"w": 2}, "item_url": "i", "task_": 1, "frame": pd.DataFrame({"a": [1]})},
        config={"k": {"l": 3}},
        keystore={"s": "t"},
        system={"execution_id": "e"},
    )
    .with_result("fetch", {"items": [1, 2], "status": "mine", "deep": {"x": {"y": 4}}})
    .with_outcome("bad", Outcome(status="failed", error="no", attempts=3, duration_ms=1.5))
    .with_outcome("many", Outcome(status="succeeded", result=[1], total_count=2, failed_items=0))
)
ITEM = freeze({"url": "u", "deep": {"a": {"b": 5}}, "list": [{"x": 6}], "none": None})

PATHS = [
    ("item.url", "u"),
    ("item['url']", "u"),
    ("item.deep.a.b", 5),
    ("item.list[0].x", 6),
    ("item.none", None),
    ("index", 7),
    ("parameters.a.b.c", 1),
    ("parameters['a'].b['c']", 1),
    ("parameters.list[0].x", 1),
    ("parameters.list.0.x", 1),
    ("workflow.v.w", 2),
    ("vars.v.w", 2),
    ("variables.v.w", 2),
    ("v.w", 2),
    ("item_url", "i"),
    ("config.k.l", 3),
    ("keystore.s", "t"),
    ("system.execution_id", "e"),
    ("task.fetch.items", [1, 2]),
    ("tasks.fetch.items", [1, 2]),
    ("task.fetch.result.items", [1, 2]),
    ("task.fetch.deep.x.y", 4),
    ("task.fetch.status", "mine"),
    ("task.bad.status", "failed"),
    ("task.bad.error", "no"),
    ("task.bad.succeeded", False),
    ("task.bad.attempts", 3),
    ("task.bad.duration_ms", 1.5),
    ("task.bad.result", None),
    ("task.many.total_count", 2),
    ("task.many.failed_items", 0),
    ("task.many.result[0]", 1),
    ("task['fetch']['items'][1]", 2),
]


@pytest.mark.parametrize(("path", "expected"), PATHS, ids=[path for path, _ in PATHS])
@pytest.mark.parametrize("form", ["{{ P }}", "{{ (P) if true else 0 }}", "{{ [P] | first }}"])
def test_a_path_has_the_value_in_its_scope(form, path, expected):
    value = Template(form.replace("P", path)).render(CONTEXT.scope(ITEM, 7))

    assert value == expected
    assert type(value) is type(expected) or isinstance(expected, list)


@pytest.mark.parametrize(("path", "expected"), PATHS, ids=[path for path, _ in PATHS])
def test_a_path_in_a_string_is_the_joined_value(path, expected):
    scope = CONTEXT.scope(ITEM, 7)
    string = Template(f"<{{{{ {path} }}}}|{{{{ {path} }}}}>").render(scope)

    assert string == Template(f"{{{{ '<' ~ {path} ~ '|' ~ {path} ~ '>' }}}}").render(scope)


def test_an_item_can_have_any_type():
    frame = pd.DataFrame({"url": [1]})

    assert Template("{{ item.url }}").render(CONTEXT.scope({"url": 1}, 0)) == 1
    assert Template("{{ item }}").render(CONTEXT.scope(frame, 0)) is frame
    for item in (frame, 5, "text", None, [1]):
        for source in ("{{ item.url }}", "a {{ item.url }}", "{{ item.url.x }}"):
            with pytest.raises(TemplateError, match="`item` is"):
                Template(source).render(CONTEXT.scope(item, 0))


def test_a_frame_in_a_path_is_not_looked_into():
    for source in ("{{ workflow.frame.a }}", "{{ frame.a }}", "x {{ frame.shape.x }}"):
        with pytest.raises(
            TemplateError, match="is a value of type `DataFrame`, which an expression cannot"
        ):
            Template(source).render(CONTEXT)


def test_a_subclass_of_dict_is_not_looked_into():
    class Sly(dict):
        def __getitem__(self, key):
            raise AssertionError(key)

    with pytest.raises(TemplateError, match="is a value of type `Sly`"):
        Template("{{ item.url }}").render(CONTEXT.scope(Sly(url=1), 0))


def test_undefined_names_can_be_tested():
    for path in ("nope", "nope.a", "item.nope", "item.nope.a", "task.nope", "parameters.null.x"):
        scope = CONTEXT.scope(ITEM, 7)
        assert Template(f"{{{{ {path} is defined }}}}").render(scope) is False
        assert Template(f"{{{{ {path} | default(3) }}}}").render(scope) == 3
        assert Template(f"{{{{ {path} is undefined }}}}").render(scope) is True
    assert Template("{{ item is defined }}").render(CONTEXT) is False


def test_a_bare_name_is_a_variable_only():
    with pytest.raises(TemplateError, match="`a` is undefined"):
        Template("{{ a }}").render(CONTEXT)


def test_names_cannot_write_code():
    context = WorkflowContext.create(vars={"x": {"'+evil()+'": 1, "{y}": 2}})

    assert Template("{{ x[\"'+evil()+'\"] }}").render(context) == 1
    assert Template("{z} {{ x['{y}'] }} '''\\ {{ 1 }}").render(context) == "{z} 2 '''\\ 1"
    assert Template("{{ '{z}' }}\"\"\"{{ x['{y}'] }}").render(context) == '{z}"""2'
    assert Template("{part0} \"{{ x['{y}'] }}").render(context) == '{part0} "2'


def test_a_path_reads_no_other_field():
    fields = []

    class Watched:
        def __getattr__(self, name):
            fields.append(name)
            return getattr(CONTEXT, name)

    class Scope:
        context = Watched()
        item = ITEM
        index = 1

    assert Template("{{ item.url }}").render(Scope()) == "u"
    assert fields == []
    assert Template("{{ parameters.a.b.c }}/{{ parameters.a.b.c }}").render(Scope()) == "1/1"
    assert fields == ["parameters"]


def test_a_python_object_as_a_key_is_never_compared():
    class Untouchable:
        def __eq__(self, other):
            raise AssertionError("compared")

        def __hash__(self):
            raise AssertionError("hashed")

    context = WorkflowContext.create({"k": Untouchable()}).with_result("fetch", {"a": 1})
    for source in ("{{ task.fetch[parameters.k] }}", "{{ parameters[parameters.k] }}"):
        with pytest.raises(TemplateError, match="has no key that is a value of type `Untouchable`"):
            Template(source).render(context)

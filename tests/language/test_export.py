"""A workflow written as text: loading the text gives the same workflow."""

import dataclasses
import json
import os
import re
import stat
from pathlib import Path

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import example, given, settings
from support.workflow_texts import WORKFLOW_TEXTS

import attune_nb
from attune_nb.errors import WorkflowError
from attune_nb.language.export import to_yaml
from attune_nb.language.model import ATTUNE_KEYS, ATTUNE_TRANSITION_KEYS, WorkflowSpec
from attune_nb.language.pack_export import write_pack
from attune_nb.language.reading import yaml_source
from attune_nb.language.reading.yaml_source import parse
from attune_nb.templates.template import Template

SMALL = "tasks:\n  - name: a\n    action: core.noop\n"


def add_braces(workflow):
    """Return the workflow with braces around every condition, which mean the same."""

    def add_to_condition(template):
        if template is None or not isinstance(template.source, str) or "{{" in template.source:
            return template
        return Template("{{ " + template.source.strip() + " }}", condition=True)

    def add_to_task(task):
        transitions = []
        for transition in task.next:
            when = add_to_condition(transition.when)
            transitions.append(dataclasses.replace(transition, when=when))
        return dataclasses.replace(
            task,
            when=add_to_condition(task.when),
            next=tuple(transitions),
            tasks=tuple(map(add_to_task, task.tasks)),
        )

    tasks = tuple(map(add_to_task, workflow.tasks))
    return attune_nb.Workflow(dataclasses.replace(workflow.spec, tasks=tasks))


def is_same(first, second):
    """Return whether workflows are equal, also in kinds of values: to Python, `1` equals `true`."""
    return first == second and repr(first) == repr(second)


def to_canonical(text):
    return attune_nb.loads(text).to_yaml()


def write_value(value):
    """Return a workflow's text with a value in it, and the value that our loader reads there."""
    text = to_yaml(attune_nb.loads(to_flow({"vars": {"v": value}, **parse(SMALL).data})))
    return text, parse(text).data["vars"]["v"]


# Strings that a careless writer spoils.
DIFFICULT_STRINGS = [
    "", " ", "no", "Yes", "on", "off", "y", "N", "true", "True", "FALSE", "null", "Null", "~", "=",
    "<<", "010", "0x1f", "0o17", "0b1", "1_000", "12:30", "1:2:3", "1e3", "1.5E+7", "+.5", "1.",
    ".inf", "-.INF", ".nan", "1.10", "2024-01-02", "2001-12-14 21:59:43.10 -5", "-", "- a", "?",
    "? a", ":", ": ", "a: b", "a:", "#", "a #b", "# a", "&a", "*a", "!a", "!!str a", "|", ">", "%",
    "@a", "`a`", "[", "]", "{", "}", "{}", "[a, b]", ",", "'", '"', "it's", 'a "b"', "\\n", "\\",
    " a", "a ", "\ta", "a\t", "a\tb", "\t", "\n", "\n\n", "a\n", "a\n\n", "\na", " \na", "a\n ",
    "a\n\n\nb", "a \nb", "a\n  b\n c", "a\n\tb\n", "a\n   \nb", "---", "...", "--- a", "a\n---\nb",
    "a\r\nb", "\r", "\x00", "\x07", "\x1b[0m", "\x7f", "\x85", "\xa0", "\u2028", "a\u2029b",
    "\ufeff", "\ufffe", "é", "日本語", "😀", "😀\n😀", "a" * 5000, "ab " * 2000, "{{ 1 + 1 }}",
    " {{ 1 }}", "{{ 'a' }} and {{ \"b\" }}", "{{ 1 }}\n{{ 2 }}\n", "😀 {{ 1 }}", "\u0661",
]  # fmt: skip


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def loader(request, monkeypatch):
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML without libyaml")
    monkeypatch.setattr(yaml_source, "_LOADER", getattr(yaml, request.param))


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize("text", DIFFICULT_STRINGS, ids=lambda text: ascii(text[:20]))
def test_a_string_is_read_the_same_by_yaml_1_1_and_1_2(text):
    value = {text: [text, {"k": text}]}
    written, read = write_value(value)

    assert read == value
    assert yaml.safe_load(written)["vars"]["v"] == value


@pytest.mark.usefixtures("loader")
@pytest.mark.parametrize(
    "value",
    [True, False, None, 0, -1, 10**99, 0.0, -0.0, 0.1, 1.0, 1e16, 1e-7, 1.5e300, 5e-324, [], {}],
)
def test_a_value_keeps_its_kind(value):
    written, read = write_value(value)

    assert repr(read) == repr(value)
    assert repr(yaml.safe_load(written)["vars"]["v"]) == repr(value)


@pytest.mark.parametrize("text", ["y", "N", "no", "on", "0o17", "12:30", "1e3", "1_000", "="])
def test_a_string_that_is_ambiguous_in_yaml_1_1_is_quoted(text):
    assert f'v: "{text}"' in write_value(text)[0]


def test_a_script_is_a_literal_block_even_with_tabs_and_blanks():
    text, _ = write_value("if a\n\tthen b  \n\nfi\n")
    assert "  v: |\n    if a\n    \tthen b  \n\n    fi\n" in text


def test_expressions_stand_in_double_quotes():
    assert 'v: "{{ 1 + 1 }}"' in write_value("{{ 1 + 1 }}")[0]


def test_a_long_line_is_not_broken():
    long = "word " * 200 + "end"
    assert f"v: {long}\n" in write_value(long)[0]


# Whole workflows.


@pytest.mark.parametrize("text", WORKFLOW_TEXTS)
def test_a_workflow_of_the_tests_comes_back_the_same(text):
    workflow = attune_nb.loads(text)

    assert is_same(attune_nb.loads(workflow.to_yaml()), add_braces(workflow))


@pytest.mark.parametrize("text", WORKFLOW_TEXTS)
def test_the_canonical_text_of_a_canonical_text_is_the_same(text):
    once = to_canonical(text)
    assert to_canonical(once) == once


def test_the_tests_have_more_than_30_workflows():
    assert len(WORKFLOW_TEXTS) > 30


def to_flow(value):
    """Return data as flow YAML, written without a library."""
    if isinstance(value, dict):
        pairs = [f"? {to_flow(key)} : {to_flow(inner)}" for key, inner in value.items()]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(to_flow, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(map(escape, value)) + '"'
    if type(value) in (int, float):
        return repr(value)
    return json.dumps(value)


def escape(character):
    if character.isascii() and character.isalnum():
        return character
    return f"\\U{ord(character):08X}"


def is_plain(text):
    return "{{" not in text and "{%" not in text


characters = st.characters(exclude_categories=["Cs"])
plain = st.text(characters, max_size=12).filter(is_plain)
texts = st.one_of(
    st.sampled_from([text for text in DIFFICULT_STRINGS if len(text) < 100]),
    plain,
    st.lists(plain, min_size=2, max_size=4).map("\n".join).filter(is_plain),
    st.text("\t\n #:-{'\"\\a\u2028😀", max_size=8).filter(is_plain),
)
keys = texts
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
maps = st.dictionaries(keys, values, max_size=3)
before = st.sampled_from(["{{ config.go }}", "{{ 1 < 2\n  and config.go }}", True, False])
conditions = st.sampled_from(["{{ succeeded() }}", "{{ 1 < 2\n  and failed() }}", True, False])
names = st.sampled_from(
    ["a", "no", "010", "1e3", "~", "<<", "a b", "é", "😀", "#x", "a: b", "true"]
)
seconds = st.floats(0.001, 1e18) | st.integers(1, 10**6)
some_texts = st.lists(texts, max_size=3)
patterns = texts.map(lambda text: re.escape(text[:100]))
bindings = st.lists(
    st.dictionaries(keys, values, min_size=1, max_size=1),
    max_size=3,
    unique_by=lambda binding: next(iter(binding)),
)
publish = st.lists(
    keys | st.dictionaries(keys, values, min_size=1, max_size=1), max_size=3
) | st.dictionaries(keys, values, max_size=3)
retries = st.fixed_dictionaries(
    {"count": st.integers(1, 100)},
    optional={
        "delay": seconds | st.just(0),
        "backoff": st.sampled_from(["constant", "linear", "exponential"]),
        "max_delay": seconds,
        "on_error": st.lists(patterns, max_size=3) | patterns,
    },
)
steps = {
    "action": st.sampled_from(["core.echo", "a:b", "no", "1.5"]),
    "type": st.sampled_from(["action", "workflow"]),
    "input": maps,
    "when": before,
    "with_items": st.lists(values, max_size=3) | st.just("{{ [1, 2] }}"),
    "concurrency": st.integers(1, 9) | st.just("{{ 3 }}"),
    "retry": retries,
    "timeout": seconds,
    "delay": seconds,
    **dict.fromkeys(ATTUNE_KEYS, values),
    "worker_selector": st.dictionaries(keys, texts | st.integers(1, 9), max_size=3),
}
optional_fields = {key: strategy for key, strategy in steps.items() if key != "action"}
inner_tasks = st.lists(
    st.fixed_dictionaries(
        {"name": names, "action": steps["action"]},
        optional=optional_fields,
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda task: task["name"],
)
specs = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("any")},
        optional={
            "required": st.booleans(),
            "default": values,
            "secret": st.booleans(),
            "description": texts,
            "enum": st.lists(texts, min_size=1, max_size=1),
        },
    ).filter(lambda spec: "default" not in spec or "enum" not in spec),
    st.fixed_dictionaries({"type": st.just("string")}, optional={"default": texts}),
)
flat = st.dictionaries(keys, specs, max_size=3).filter(
    lambda declared: not {"type", "properties"} & set(declared)
)


def make_object_schema(properties, rules):
    required = list(properties)[:1]
    return {"type": "object", "properties": properties, "required": required, **rules}


object_schemas = st.builds(
    make_object_schema, flat, st.sampled_from([{}, {"additionalProperties": False}])
)


shares = st.sampled_from(["0%", "10%", "2.5%", "100 %", "{{ 10 }}%"])
numbers = st.floats(0.001, 1e6) | st.integers(1, 1000)
rate_limits = st.sampled_from(["100/s", "20/m", "0.5/h"]) | st.fixed_dictionaries(
    {"count": numbers}, optional={"per": numbers}
)


item_settings = st.fixed_dictionaries(
    {},
    optional={
        "batch_size": st.integers(1, 9),
        "max_failures": shares | st.integers(0, 9),
        "report_every": st.integers(1, 9),
    },
)


@st.composite
def tasks(draw):
    """Draw tasks that lead only to later ones, so that all of them can start."""
    drawn = []
    task_names = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    sources = {name: set() for name in task_names}

    for index, name in enumerate(task_names):
        if draw(st.booleans()):
            task = {"type": "parallel", "tasks": draw(inner_tasks)}
        else:
            fields = {"action": steps["action"]}
            task = draw(st.fixed_dictionaries(fields, optional=optional_fields))
            if "with_items" in task:
                task.update(draw(item_settings))
            elif draw(st.booleans()):
                task["wait_for"] = {"inquiry": draw(st.sampled_from(["{{ config.id }}", 7]))}
            if draw(st.booleans()):
                task["rate_limit"] = draw(rate_limits)

        targets = st.sampled_from([*task_names[index + 1 :], "noop", "fail"])
        transition = {
            "when": conditions,
            "publish": publish,
            "do": st.lists(targets, max_size=3) | targets,
            **dict.fromkeys(ATTUNE_TRANSITION_KEYS, values),
        }
        transitions = st.lists(st.fixed_dictionaries({}, optional=transition), max_size=3)
        task["next"] = draw(transitions)

        for target in list_targets(task["next"]):
            if target in sources:
                sources[target].add(name)
        if sources[name]:
            task["join"] = draw(st.sampled_from(["all", 1, len(sources[name]), None]))
        if task.get("join") is None:
            task["start"] = draw(st.booleans())
        drawn.append({"name": name, **task})
    return drawn


def list_targets(transitions):
    targets = []
    for transition in transitions:
        do = transition.get("do", [])
        targets += [do] if isinstance(do, str) else do
    return targets


workflows = st.fixed_dictionaries(
    {"tasks": tasks()},
    optional={
        "ref": texts,
        "label": texts,
        "description": texts,
        "tags": some_texts | texts,
        "version": texts | st.sampled_from(["1.10", "1.0.0"]),
        "parameters": flat | object_schemas,
        "output": maps,
        "vars": bindings | maps,
        "output_map": maps,
        "cancellation_policy": st.sampled_from(["allow_finish", "cancel_running"]),
        "timeout": seconds,
    },
)


@settings(max_examples=300, deadline=None)
@given(workflows)
@example({"tasks": [{"name": "no", "action": "no"}], "vars": [{"<<": "1e3"}, {"=": 1e3}]})
def test_a_written_workflow_is_read_as_the_same_one(data):
    workflow = attune_nb.loads(to_flow(data))
    text = workflow.to_yaml()

    assert is_same(attune_nb.loads(text), workflow)
    # a YAML 1.1 reader reads the same values
    assert repr(yaml.safe_load(text)) == repr(parse(text).data)


# The canonical form.


def test_older_forms_become_next():
    text = to_canonical("""
workflow:
  tasks:
    a:
      action: core.noop
      on-success: b
      publish: [x]
    b: {action: core.noop}
""")
    assert (
        text
        == """\
tasks:
  - name: a
    action: core.noop
    next:
      - when: "{{ succeeded() }}"
        publish:
          - x
        do:
          - b
  - name: b
    action: core.noop
"""
    )


def test_keys_are_in_the_order_of_the_language():
    text = to_canonical("""
timeout: 5
output_map: {}
tasks:
  - {__chart_meta__: {x: 1}, delay: 1, with-items: [1], input: {a: 1}, action: b, name: a}
version: 2.10
ref: p.n
""")
    assert [line.split(":")[0].strip(" -") for line in text.splitlines()] == [
        "ref", "version", "tasks", "name", "action", "input", "a", "with_items", "1", "delay",
        "__chart_meta__", "x", "output_map", "timeout",
    ]  # fmt: skip


def test_defaults_are_left_out():
    assert to_canonical(f"""
version: "1.0.0"
tags: []
vars: {{}}
cancellation_policy: allow_finish
{SMALL}    type: action
    input: {{}}
    next: []
    timeout: null
    retry: null
""") == SMALL  # fmt: skip


def test_a_version_keeps_its_zero():
    assert to_canonical(f"version: 1.10\n{SMALL}").startswith('version: "1.10"\n')


def test_a_condition_gets_its_braces():
    text = to_canonical(SMALL + "    when: 1 < 2 and true\n")
    assert 'when: "{{ 1 < 2 and true }}"' in text


def test_a_publish_keeps_bare_and_repeated_names():
    text = to_canonical(SMALL + "    next: [{publish: [x, {z: 1}, {z: null}]}]\n")
    assert "publish:\n          - x\n          - z: 1\n          - z: null\n" in text


def test_aliases_are_written_out():
    text = to_canonical("vars: {a: &a [1], b: *a}\n" + SMALL)
    assert text.startswith("vars:\n  a:\n    - 1\n  b:\n    - 1\n")


def test_data_that_yaml_cannot_hold_is_refused():
    workflow = attune_nb.loads(SMALL)

    for bad in [{1}, object(), float("nan"), {1: "a key"}, b"bytes"]:
        with pytest.raises(WorkflowError, match=r"plain data|is not a string"):
            to_yaml(dataclasses.replace(workflow.spec, output={"k": bad}))


# The two files of a pack.

PACKED = """
ref: ops.deploy
label: Deploy
description: Two steps
tags: [ops]
version: 1.10
parameters: {service: {type: string, required: true}}
output: {url: {type: string}}
cancellation_policy: cancel_running
timeout: 1.5
vars: {a: 1}
tasks:
  - {name: one, action: core.noop, next: [{do: three}]}
  - {name: two, action: core.noop, next: [{do: three}]}
  - {name: three, action: core.echo, join: all, input: {message: "{{ parameters.service }}"}}
output_map: {url: "{{ workflow.a }}"}
"""


@pytest.fixture
def pack(tmp_path):
    return attune_nb.loads(PACKED).export(tmp_path / "pack")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_a_pack_has_the_action_and_the_graph(pack, tmp_path):
    root = tmp_path / "pack" / "actions"

    assert pack == (root / "deploy.yaml", root / "workflows" / "deploy.workflow.yaml")
    assert [path for path in root.rglob("*") if path.is_file() and path not in pack] == []


def test_the_action_has_what_other_workflows_see(pack):
    assert read(pack[0]) == {
        "ref": "ops.deploy",
        "label": "Deploy",
        "description": "Two steps",
        "workflow_file": "workflows/deploy.workflow.yaml",
        "timeout_seconds": 2,
        "parameters": {"service": {"type": "string", "required": True}},
        "output": {"url": {"type": "string"}},
        "tags": ["ops"],
    }


def test_the_graph_has_the_tasks_and_their_data(pack):
    graph = read(pack[1])

    assert list(graph) == ["version", "vars", "tasks", "output_map", "cancellation_policy"]
    assert graph["version"] == "1.10"


def test_the_graph_states_the_default_version(tmp_path):
    _, graph = attune_nb.loads(SMALL).export(tmp_path, ref="p.n")

    assert graph.read_text() == f'version: "1.0.0"\n{SMALL}'


def test_a_join_of_all_is_written_as_a_number(pack):
    assert read(pack[1])["tasks"][2]["join"] == 2


def test_both_files_together_are_the_workflow(pack):
    action, graph = map(read, pack)
    own = {key: action[key] for key in action if key not in ("workflow_file", "timeout_seconds")}
    text = yaml.safe_dump({**own, **graph, "timeout": 1.5}, sort_keys=False)

    expected = attune_nb.loads(PACKED.replace("join: all", "join: 2"))
    assert is_same(attune_nb.loads(text), expected)


def test_parameters_are_flat(tmp_path):
    text = """
parameters:
  type: object
  properties: {a: {type: string}, b: {type: integer, default: 1}}
  required: [a]
"""
    action, _ = attune_nb.loads(text + SMALL).export(tmp_path, ref="p.n")

    assert read(action)["parameters"] == {
        "a": {"type": "string", "required": True},
        "b": {"type": "integer", "default": 1},
    }


@pytest.mark.parametrize(
    "schema",
    [
        "{type: object, properties: {a: {type: string}}, additionalProperties: false}",
        "{type: object, properties: {a: {type: object, required: [x]}}, required: [a]}",
        "{type: object, properties: {a: {type: string}}, title: Given}",
    ],
)
def test_parameters_stay_if_the_flat_form_would_lose_some(schema, tmp_path):
    workflow = attune_nb.loads(f"parameters: {schema}\n{SMALL}")
    action, _ = workflow.export(tmp_path, ref="p.n")

    assert read(action)["parameters"] == workflow.parameters


def test_a_ref_can_be_passed(tmp_path):
    action, _ = attune_nb.loads(PACKED).export(tmp_path, ref="other.name")

    assert action.name == "name.yaml"
    assert read(action)["ref"] == "other.name"


def test_without_a_ref_the_message_shows_how_to_write_it(tmp_path):
    with pytest.raises(WorkflowError, match=r"write `ref: pack\.name` in it"):
        attune_nb.loads(SMALL).export(tmp_path)


@pytest.mark.parametrize(
    "ref",
    [
        "name", "a.b.c", ".b", "a.", "a..b", "../a.b", "a.../b", "a./b", "a.b/c", "a.b\\c", "a.b\n",
        "a.b\x00", "a.é", "a b.c", "-a.b", "a.-b", "a." + "b" * 101, "C:.b",
    ],
)  # fmt: skip
def test_a_ref_that_is_no_pack_and_name_is_refused(ref, tmp_path):
    with pytest.raises(WorkflowError, match=r"is not a ref for a pack; write `pack\.name`"):
        attune_nb.loads(SMALL).export(tmp_path, ref=ref)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("link", ["actions", "actions/workflows"])
def test_nothing_is_written_through_a_link_out_of_the_pack(link, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "pack"
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(outside)

    with pytest.raises(WorkflowError, match="a link that leads out of the pack"):
        attune_nb.loads(SMALL).export(root, ref="p.n")
    assert list(outside.iterdir()) == []


def test_a_file_that_is_a_link_is_replaced_and_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("precious")
    link = tmp_path / "pack" / "actions" / "n.yaml"
    link.parent.mkdir(parents=True)
    link.symlink_to(precious)

    attune_nb.loads(SMALL).export(tmp_path / "pack", ref="p.n")

    assert precious.read_text() == "precious"
    assert not link.is_symlink()


def test_a_failure_leaves_the_old_files_and_no_scraps(tmp_path, monkeypatch):
    old = attune_nb.loads(PACKED).export(tmp_path)
    texts = [path.read_text() for path in old]

    def fail(*_):
        raise OSError(28, "full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(WorkflowError, match=r"cannot write to .*: full"):
        attune_nb.loads(SMALL).export(tmp_path, ref="ops.deploy")

    assert [path.read_text() for path in old] == texts
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert files == sorted([*old, tmp_path / "pack.yaml"])


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(WorkflowError, match="cannot write to"):
        attune_nb.loads(SMALL).export(tmp_path / "file", ref="p.n")


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_files_are_as_readable_as_any_other(pack, tmp_path):
    (tmp_path / "any").write_text("")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (*pack, tmp_path / "any")}

    assert len(modes) == 1


def test_files_are_utf_8_with_plain_line_ends(tmp_path):
    action, _ = attune_nb.loads(f"label: é😀\n{SMALL}").export(tmp_path, ref="p.n")
    assert "label: é😀\n".encode() in action.read_bytes()


def test_a_spec_can_be_written_too(tmp_path):
    loaded = attune_nb.loads(SMALL)
    spec = WorkflowSpec(tasks=loaded.tasks)

    assert to_yaml(spec) == SMALL
    assert write_pack(spec, tmp_path, "p.n")[0].exists()


def test_a_variable_with_two_values_keeps_both():
    text = "vars: [{x: 1}, {x: '{{ x + 1 }}'}]\ntasks: [{name: a, action: core.noop}]\n"
    workflow = attune_nb.loads(text)

    assert attune_nb.loads(workflow.to_yaml()) == workflow
    assert attune_nb.loads(workflow.to_yaml()).run().context.variables["x"] == 2

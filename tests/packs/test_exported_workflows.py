"""A workflow that is exported into a pack means the same when it is loaded from there."""

import dataclasses
import logging
import math

import pytest
import yaml
from support.pack_folders import PACKS, write_pack
from support.workflow_texts import WORKFLOW_TEXTS

import attune_nb
from attune_nb.errors import WorkflowError
from attune_nb.language import parameter_specs

SMALL = "tasks:\n  - name: a\n    action: core.noop\n"


def add_braces(template):
    """Return a condition as an export writes it."""
    if template is None or not isinstance(template.source, str) or "{{" in template.source:
        return template
    return attune_nb.Template("{{ " + template.source.strip() + " }}", condition=True)


def normalize_task(task, spec):
    transitions = [
        dataclasses.replace(transition, when=add_braces(transition.when))
        for transition in task.next
    ]
    join = len(spec.sources(task.name)) if task.join == "all" else task.join
    return dataclasses.replace(
        task,
        when=add_braces(task.when),
        join=join,
        next=tuple(transitions),
        tasks=tuple(normalize_task(inner, spec) for inner in task.tasks),
    )


def expected_spec(workflow, ref):
    """Return a workflow as an export keeps it: without its name and fractions of `timeout`."""
    spec = workflow.spec
    label = spec.label or spec.own_name or ref.partition(".")[2]
    timeout = None if spec.timeout is None else float(math.ceil(spec.timeout))
    return dataclasses.replace(
        spec,
        ref=ref,
        own_name=None,
        label=label,
        timeout=timeout,
        tasks=tuple(normalize_task(task, spec) for task in spec.tasks),
    )


def parameters_of(spec):
    """Return the names, and the default values of a run."""
    names = parameter_specs.declared_names(spec.parameters)
    specs = {} if spec.parameters is None else parameter_specs.specs_by_name(spec.parameters)
    return names, {name: inner.get("default") for name, inner in specs.items()}


@pytest.mark.parametrize("text", WORKFLOW_TEXTS)
def test_an_export_is_the_same_workflow_from_either_file(text, tmp_path, caplog):
    caplog.set_level(logging.ERROR, logger="attune_nb")
    workflow = attune_nb.loads(text)

    for path in workflow.export(tmp_path, ref="kept.flow"):
        loaded = attune_nb.load_file(path).spec
        expected = expected_spec(workflow, "kept.flow")

        assert parameters_of(loaded) == parameters_of(expected)
        assert dataclasses.replace(loaded, parameters=None) == dataclasses.replace(
            expected, parameters=None
        )


FLOW = """
label: Count
parameters: {names: {type: array, default: [a, b]}}
vars: {rounds: 0}
tasks:
  - name: each
    action: core.echo
    with_items: "{{ parameters.names }}"
    input: {message: "{{ item }}"}
    next: [{do: [again, other]}]
  - name: again
    action: core.noop
    next:
      - publish: [{rounds: "{{ workflow.rounds + 1 }}"}]
        do: last
  - {name: other, action: core.fail, input: {message: "no"}, next: [{do: last}]}
  - {name: last, action: core.noop, join: all}
output_map: {rounds: "{{ workflow.rounds }}", names: "{{ task.each.result }}"}
"""


def test_an_export_runs_to_the_same_end(tmp_path):
    workflow = attune_nb.loads(FLOW)
    output = workflow.run().output
    assert output["rounds"] == 1

    for path in workflow.export(tmp_path, ref="kept.count"):
        assert attune_nb.load_file(path).run().output == output
    assert attune_nb.load_pack(tmp_path).run("kept.count").output == output


def test_a_folder_becomes_a_pack(tmp_path):
    attune_nb.loads(SMALL).export(tmp_path / "new", ref="ops.deploy")

    assert (tmp_path / "new" / "pack.yaml").read_text() == (
        'ref: ops\nlabel: ops\nversion: "1.0.0"\n'
    )
    pack = attune_nb.load_pack(tmp_path / "new")
    assert (pack.ref, list(pack.check())) == ("ops", [])
    assert "ops.deploy" in pack.workflows


def test_the_manifest_of_a_pack_stays(tmp_path):
    manifest = "ref: ops\nversion: 2.1.0\ntags: [a]\n"
    write_pack(tmp_path, manifest=manifest)
    attune_nb.loads(SMALL).export(tmp_path, ref="ops.deploy")

    assert (tmp_path / "pack.yaml").read_text() == manifest


def test_a_workflow_is_not_written_into_another_pack(tmp_path):
    write_pack(tmp_path, manifest="ref: ops\nversion: 2.1.0\n")
    with pytest.raises(WorkflowError, match="is of the pack `ops`, not of `web`: pass `ref='ops"):
        attune_nb.loads(SMALL).export(tmp_path, ref="web.deploy")

    assert not (tmp_path / "actions" / "deploy.yaml").exists()


def test_a_workflow_of_a_pack_is_exported_as_it_is(tmp_path):
    workflow = attune_nb.load_file(PACKS / "rollout" / "actions" / "rollout.yaml")
    action, _ = workflow.export(tmp_path)
    exported = attune_nb.load_file(action)

    assert exported == workflow
    assert exported.tasks[0].next[0].attune_fields["__chart_meta__"]["label"] == "opened"


def test_keys_of_the_platform_stay_in_the_file_of_the_action(tmp_path):
    keys = "enabled: false\ndefault_execution_permission_set_refs: [standard]\n"
    action = f"ref: ops.deploy\nlabel: Old\nworkflow_file: workflows/d.workflow.yaml\n{keys}"
    write_pack(tmp_path, {"actions/deploy.yaml": action}, manifest="ref: ops\nversion: 1.0.0\n")
    path, _ = attune_nb.loads(SMALL).export(tmp_path, ref="ops.deploy")

    fields = yaml.safe_load(path.read_text())
    assert list(fields) == [
        "ref", "label", "workflow_file", "enabled", "default_execution_permission_set_refs",
    ]  # fmt: skip
    assert (fields["label"], fields["enabled"]) == ("deploy", False)


def test_a_script_of_a_pack_is_not_replaced(tmp_path):
    script = "ref: ops.deploy\nentry_point: deploy.sh\n"
    files = {"actions/deploy.yaml": script, "actions/deploy.sh": "true\n"}
    write_pack(tmp_path, files, manifest="ref: ops\nversion: 1.0.0\n")
    with pytest.raises(WorkflowError, match=r"is the action `ops\.deploy`, which runs a script"):
        attune_nb.loads(SMALL).export(tmp_path, ref="ops.deploy")

    assert (tmp_path / "actions" / "deploy.yaml").read_text() == script


def test_nothing_is_exported_as_a_built_in_action(tmp_path):
    with pytest.raises(WorkflowError, match="the pack `core` is built in"):
        attune_nb.loads(SMALL).export(tmp_path, ref="core.deploy")


FOREIGN = [
    ("max_failures: 1\n    with_items: '{{ [1] }}'", "the platform ignores `max_failures`"),
    ("keep_results: store", "the platform ignores `keep_results`"),
    ("rate_limit: 5/s", "the platform ignores `rate_limit`"),
    ("start: true", "the platform ignores `start`"),
    ("timeout: 1.5", "takes only whole seconds for `timeout`, not 1.5"),
    ("retry: {count: 1, delay: 0.5}", "takes only whole seconds for `retry.delay`, not 0.5"),
    ("retry: {count: 1, on_error: [a, b]}", "takes only one pattern for `retry.on_error`"),
    ("with_items: [1]", "takes only a template for `with_items`"),
    ("with_items: '{{ [1] }}'\n    concurrency: '{{ 2 }}'", "only a number for `concurrency`"),
    ("input: {x: \"{{ 'a' if config.b else 'c' }}\"}", "have no conditionals"),
    ('input: {x: "{{ config.a | default(1) }}"}', "have no filters such as `default`: `config.a"),
    ("when: config.a is defined", "have no tests such as `is defined`"),
    ('input: {x: "{{ config.a.upper() }}"}', "have no methods such as `.upper()`"),
    ('input: {x: "{{ now() }}"}', "have no function `now`"),
    ("input: {x: \"{{ config.a ~ 'b' }}\"}", "have no `~`; write `+`"),
    ('input: {x: "{{ config.a[1:] }}"}', "have no slices"),
    ("next: [{when: '{{ task.a.failures }}'}]", "have no field `failures` of a task"),
]


@pytest.mark.parametrize(("line", "words"), FOREIGN)
def test_an_export_warns_of_what_the_platform_lacks(line, words, tmp_path, caplog):
    attune_nb.loads(f"{SMALL}    {line}\n").export(tmp_path, ref="ops.deploy")

    (record,) = caplog.records
    assert words in record.getMessage()
    assert "<text>, line " in record.getMessage()


@pytest.mark.parametrize("action", ["fetch", "shop:fetch", "core.ask"])
def test_an_export_warns_of_actions_that_are_only_here(action, tmp_path, caplog):
    text = f"tasks: [{{name: a, action: '{action}', input: {{prompt: hm}}}}]"
    attune_nb.loads(text).export(tmp_path, ref="ops.deploy")

    (record,) = caplog.records
    assert f"`{action}`" in record.getMessage()


SHARED_PARTS = """
parameters: {names: {type: array, required: true}}
tasks:
  - name: each
    action: ops.check
    with_items: "{{ parameters.names }}"
    concurrency: 4
    retry: {count: 2, delay: 1, backoff: exponential, max_delay: 10}
    input: {name: "{{ lower(item) }}", first: "{{ index == 0 and not (length(item) > 3) }}"}
    next: [{when: "{{ result()[0].data.id in [1, 2] }}", publish: [{id: "{{ task.each }}"}]}]
output_map: {id: "{{ workflow.id }}"}
"""


def test_parts_of_the_platform_give_no_warning(tmp_path, caplog):
    attune_nb.loads(SHARED_PARTS).export(tmp_path, ref="ops.deploy")
    assert caplog.records == []

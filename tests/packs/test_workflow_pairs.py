"""A workflow of a pack has two files. Either one is loaded with the other."""

import pytest
import yaml
from support.pack_folders import PACKS, read_fixture, write_pack

import attune_nb as attune
from attune_nb import WorkflowError

_ACTION = """\
ref: demo.greet
label: Greet everyone
workflow_file: workflows/greet.workflow.yaml
timeout_seconds: 90
parameters:
  names: {type: array, required: true}
output:
  count: {type: integer}
"""
_TASKS = """\
tasks:
  - name: greet
    action: core.echo
    with_items: "{{ parameters.names }}"
    input: {message: "hello {{ item }}"}
"""


def _write_pair(folder, *, action=_ACTION, tasks=_TASKS, name="greet.workflow.yaml"):
    files = {"actions/greet.yaml": action, f"actions/workflows/{name}": tasks}
    return write_pack(folder, files) / "actions"


@pytest.mark.parametrize("name", ["rollout.yaml", "workflows/rollout.workflow.yaml"])
def test_either_file_loads_the_same_workflow(name):
    workflow = attune.load_file(PACKS / "rollout" / "actions" / name)

    assert workflow.spec == read_fixture("rollout").workflows["rollout.rollout"].spec
    assert (workflow.ref, workflow.label) == ("rollout.rollout", "Roll out to hosts")
    assert list(workflow.parameters) == ["hosts", "version"]
    assert [task.name for task in workflow.tasks][:2] == ["open_ticket", "check_hosts"]


def test_the_workflow_has_the_fields_of_its_action(tmp_path):
    workflow = attune.load_file(_write_pair(tmp_path) / "workflows" / "greet.workflow.yaml")

    assert (workflow.label, workflow.timeout) == ("Greet everyone", 90)
    assert workflow.output == {"count": {"type": "integer"}}
    run = workflow.run({"names": ["ann", "bob"]}, backend="inline")
    assert [result["message"] for result in run.result("greet")] == ["hello ann", "hello bob"]


def test_the_action_is_found_when_its_file_has_another_name(tmp_path):
    action = _ACTION.replace("greet.workflow.yaml", "tasks.yaml")
    actions = _write_pair(tmp_path, action=action, name="tasks.yaml")

    assert attune.load_file(actions / "workflows" / "tasks.yaml").ref == "demo.greet"


def test_the_tasks_may_lie_beside_their_action(tmp_path):
    files = {
        "actions/greet.yaml": _ACTION.replace("workflows/", ""),
        "actions/greet.workflow.yaml": _TASKS,
    }
    pack = attune.load_pack(write_pack(tmp_path, files))

    assert pack.check() == []
    run = pack.run("demo.greet", {"names": ["ann"]}, backend="inline")
    assert [result["message"] for result in run.result("greet")] == ["hello ann"]


def test_tasks_that_no_action_names_are_loaded_alone(tmp_path):
    actions = write_pack(tmp_path, {"actions/alone.yaml": "tasks: [{name: a, action: core.noop}]"})

    assert attune.load_file(actions / "actions" / "alone.yaml").ref is None


def test_problems_of_both_files_are_reported_together(tmp_path):
    action = _ACTION.replace("type: array", "type: list")
    tasks = _TASKS.replace("action: core.echo", "actoin: core.echo")
    actions = _write_pair(tmp_path, action=action, tasks=tasks)

    with pytest.raises(WorkflowError) as failure:
        attune.load_file(actions / "greet.yaml")

    files = [problem.position.source.name for problem in failure.value.problems]
    assert files == [str(actions / "greet.yaml"), str(actions / "workflows/greet.workflow.yaml")]


def test_tasks_may_read_only_parameters_of_the_action(tmp_path):
    tasks = _TASKS.replace("parameters.names", "parameters.name")
    actions = _write_pair(tmp_path, tasks=tasks)

    with pytest.raises(WorkflowError, match="did you mean `names`"):
        attune.load_file(actions / "workflows" / "greet.workflow.yaml")


def test_parameters_may_stand_with_the_tasks(tmp_path):
    action = "ref: demo.greet\nworkflow_file: workflows/greet.workflow.yaml\n"
    tasks = "parameters: {names: {type: array}}\n" + _TASKS
    actions = _write_pair(tmp_path, action=action, tasks=tasks)

    assert list(attune.load_file(actions / "greet.yaml").parameters) == ["names"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hostkit/actions/disk.yaml", "this is the action `hostkit.disk` of a pack"),
        ("hostkit/actions/disk.yaml", "in a shell `attune-nb run hostkit.disk --pack "),
        ("hostkit/pack.yaml", "this describes a pack"),
        ("alerts/rules/on_disk_low.yaml", "this belongs to the `rules` of a pack"),
        ("hostkit", "if it is a pack, `load_pack"),
    ],
)
def test_other_files_of_a_pack_are_told_from_workflows(name, message):
    with pytest.raises(WorkflowError) as failure:
        attune.load_file(PACKS / name)

    (problem,) = failure.value.problems
    assert message in problem.message


def test_an_export_keeps_the_keys_of_the_platform(tmp_path):
    action = _ACTION + (
        "default_execution_permission_set_refs: [standard]\nworker_selector: {zone: a}\n"
        "accesses_mcp: true\n"
    )
    workflow = attune.load_file(_write_pair(tmp_path / "pack", action=action) / "greet.yaml")

    path, _ = workflow.export(tmp_path / "export")

    exported = yaml.safe_load(path.read_text())
    assert exported["default_execution_permission_set_refs"] == ["standard"]
    assert exported["worker_selector"] == {"zone": "a"}
    assert exported["accesses_mcp"] is True
    assert attune.load_file(path) == workflow


def test_an_exported_pair_loads_again_from_either_file(tmp_path):
    text = "ref: demo.greet\nlabel: Greet\nparameters: {names: {type: array}}\n" + _TASKS
    workflow = attune.loads(text)
    paths = workflow.export(tmp_path)

    assert [attune.load_file(path) for path in paths] == [workflow, workflow]

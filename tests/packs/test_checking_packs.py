"""`load_pack` and `Pack.check`: the content of a pack, and its problems."""

import shutil

import pytest
from support.pack_folders import PACKS, write_pack

import attune_nb as attune
from attune_nb import ParameterError, WorkflowError
from attune_nb.actions import registry

_RUN = "ref: demo.run\nentry_point: run.sh\nparameters:\n  host: {type: string, required: true}\n"


def _messages(problems):
    return [f"{problem.severity}: {problem.message}" for problem in problems]


def _write_workflow(folder, tasks, *, manifest="ref: demo\nversion: 0.1.0\n"):
    files = {
        "actions/run.yaml": _RUN,
        "actions/flow.yaml": "ref: demo.flow\nworkflow_file: workflows/flow.workflow.yaml\n",
        "actions/workflows/flow.workflow.yaml": tasks,
    }
    return attune.load_pack(write_pack(folder, files, manifest=manifest))


@pytest.mark.parametrize(
    "name", ["alerts", "hostkit", "nodekit", "reporting", "rollout", "ticketing"]
)
def test_the_six_packs_have_no_errors(name):
    pack = attune.load_pack(PACKS / name)

    assert pack.problems == []
    assert [problem.severity for problem in pack.check() if problem.severity != "hint"] == []


def test_a_pack_shows_its_actions_and_workflows():
    assert str(attune.load_pack(PACKS / "hostkit")) == (
        "pack hostkit 1.0.0: 2 actions\n\n"
        "action         runner  parameters                    output  label\n"
        'hostkit.disk   shell   path="/", min_free_percent=5  json    Free disk\n'
        "hostkit.greet  shell   who, loud=false               text    Greet"
    )
    assert str(attune.load_pack(PACKS / "rollout").workflows) == (
        "workflow         tasks  parameters      label\n"
        "rollout.rollout  5      hosts, version  Roll out to hosts"
    )


def test_a_page_shows_the_tables_and_hides_hostile_text(tmp_path):
    action = _RUN + "label: <script>alert(1)</script>\n"
    pack = attune.load_pack(write_pack(tmp_path, {"actions/run.yaml": action}))

    page = pack._repr_html_()

    assert "<table>" in page
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_a_secret_default_is_not_shown(tmp_path):
    action = (
        "ref: demo.run\nentry_point: run.sh\nparameters:\n  key: {secret: true, default: abc}\n"
    )
    pack = attune.load_pack(write_pack(tmp_path, {"actions/run.yaml": action}))

    assert "abc" not in str(pack)
    assert "abc" not in repr(pack.actions["demo.run"])
    assert "key=***" in str(pack.actions)


def test_workflows_of_a_pack_are_workflows():
    workflow = attune.load_pack(PACKS / "rollout").workflows["rollout.rollout"]

    assert isinstance(workflow, attune.Workflow)
    assert list(workflow.parameters) == ["hosts", "version"]


def test_a_misspelt_ref_names_the_nearest_action():
    actions = attune.load_pack(PACKS / "hostkit").actions

    with pytest.raises(KeyError, match=r"did you mean `hostkit\.disk`"):
        actions["hostkit.dsik"]


def test_packs_beside_it_are_used_for_the_check_and_named():
    assert _messages(attune.load_pack(PACKS / "rollout").check()) == [
        f"hint: pack `hostkit` was found beside it; a run needs `{PACKS / 'hostkit'}`, too",
        f"hint: pack `ticketing` was found beside it; a run needs `{PACKS / 'ticketing'}`, too",
    ]
    assert attune.load_pack(PACKS / "rollout").check(packs=PACKS) == []


def test_the_current_folder_has_packs_beside_it(monkeypatch):
    monkeypatch.chdir(PACKS / "rollout")

    assert [problem.severity for problem in attune.load_pack(".").check()] == ["hint", "hint"]


def test_a_broken_pack_beside_it_is_named(tmp_path):
    shutil.copytree(PACKS / "rollout", tmp_path / "rollout")
    write_pack(tmp_path / "hostkit", manifest="version: 1\n")

    problems = attune.load_pack(tmp_path / "rollout").check(packs=PACKS / "ticketing")

    assert any("a pack needs `ref`" in problem.message for problem in problems)


def test_a_pack_that_is_needed_and_missing_is_a_problem(tmp_path):
    shutil.copytree(PACKS / "rollout", tmp_path / "rollout")

    problems = attune.load_pack(tmp_path / "rollout").check(packs=PACKS / "ticketing")

    missing = "pack `rollout` needs pack `hostkit`, which is not loaded"
    assert [problem.message for problem in problems][-1] == missing
    assert (problems[-1].position.line, problems[-1].position.column) == (4, 16)
    assert "action `hostkit.disk` belongs to pack `hostkit`, which is not loaded" in str(problems)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("action: demo.rnu, input: {host: a}", "has no action `demo.rnu`; did you mean `demo.run`"),
        ("action: demo.run", "the parameter `host` must be given"),
        ("action: demo.run, input: {host: 3}", "parameter `host`"),
        ("action: demo.run, input: {hots: a}", "there is no parameter `hots`; did you mean `host`"),
        ("action: demo.flow, input: {x: 1}", "workflow `demo.flow` has no parameter `x`"),
    ],
)
def test_tasks_are_checked_against_the_pack(tmp_path, task, message):
    pack = _write_workflow(tmp_path, f"tasks:\n  - {{name: a, {task}}}\n")

    (problem,) = pack.check().errors

    assert message in problem.message
    assert problem.position.source.name.endswith("flow.workflow.yaml")
    assert problem.position.line == 2


def test_a_rendered_parameter_is_not_judged(tmp_path):
    tasks = "tasks:\n  - {name: a, action: demo.run, input: {host: '{{ 1 + 2 }}'}}\n"

    assert _write_workflow(tmp_path, tasks).check() == []


def test_an_action_that_is_switched_off_cannot_be_used(tmp_path):
    pack = write_pack(tmp_path, {"actions/run.yaml": _RUN + "enabled: false\n"})
    workflow = attune.loads("tasks: [{name: a, action: demo.run, input: {host: b}}]")

    (problem,) = workflow.check(packs=pack)

    assert problem.message == (
        "action `demo.run` is switched off: `run.yaml` says `enabled: false`"
    )


def test_an_action_with_a_problem_says_which(tmp_path):
    pack = write_pack(tmp_path, {"actions/run.yaml": "ref: demo.run\nentry_point: gone.sh\n"})
    workflow = attune.loads("tasks: [{name: a, action: demo.run}]")

    (problem,) = workflow.check(packs=pack)

    assert problem.message.startswith("action `demo.run` cannot be used: ")
    assert "line 2, column 14: `gone.sh` does not exist" in problem.message


def test_two_packs_of_one_name_are_a_problem(tmp_path):
    first = write_pack(tmp_path / "a")
    second = write_pack(tmp_path / "b")

    (problem,) = attune.load_pack(first).check(packs=second)

    assert problem.message == (
        f"two packs are named `demo`: `{first}` and `{second}`; use one of them"
    )


def test_a_folder_of_packs_is_no_pack_and_names_them():
    with pytest.raises(WorkflowError, match=r"holds 6 packs; load one of them: .*hostkit"):
        attune.load_pack(PACKS)


@pytest.mark.parametrize("packs", [3, [None], {"a": 1}])
def test_other_values_are_refused_as_packs(packs):
    workflow = attune.loads("tasks: [{name: a, action: core.noop}]")

    with pytest.raises(ParameterError, match="must be"):
        workflow.check(packs=packs)


def test_a_registered_function_replaces_a_missing_action(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_registered", {})
    attune.action("demo.extra")(lambda: "extra")
    pack = write_pack(tmp_path, {"actions/run.yaml": _RUN})
    workflow = attune.loads("tasks: [{name: a, action: demo.extra}]")

    assert workflow.check(packs=pack) == []
    assert "has no action `demo.other`" in str(
        attune.loads("tasks: [{name: a, action: demo.other}]").check(packs=pack)
    )


def test_a_ref_without_its_pack_says_how_to_pass_it():
    (problem,) = attune.loads("tasks: [{name: a, action: jira.create}]").check()

    assert problem.message.endswith("packs= (`--pack FOLDER`)")


def test_a_pack_that_cannot_be_read_is_named_by_its_tasks(tmp_path):
    write_pack(tmp_path / "good", manifest="ref: good\nversion: 1\n")
    write_pack(tmp_path / "demo", manifest="version: 1\n")

    (problem,) = attune.loads("tasks: [{name: a, action: demo.run}]").check(packs=tmp_path)

    assert problem.message.startswith("there is no action `demo.run`, and a pack cannot be read: ")
    assert "a pack needs `ref`" in problem.message

"""The name of a workflow: in its runs, in lists of runs, and where another workflow runs it."""

import pytest
from support.problems import line_and_column, load_problems

import attune_nb
from attune_nb.language.identity import workflow_identity

A = "tasks:\n  - name: fetch\n    action: core.noop\n"
FAILS = "tasks:\n  - name: stop\n    action: core.fail\n    input: {message: full}\n"


def recorded_name(workflow, **options):
    return workflow.run(progress=False, **options).events[0].workflow


@pytest.mark.parametrize(
    ("above", "name"),
    [
        ("", "fetch"),
        ("label: Nightly\n", "Nightly"),
        ("label: Nightly\nref: ops.nightly\n", "ops.nightly"),
        ("label: Nightly\nref: ops.nightly\nname: report\n", "report"),
    ],
)
def test_a_text_is_named_by_itself_or_its_first_task(above, name):
    workflow = attune_nb.loads(above + A)

    assert workflow.name == name
    assert recorded_name(workflow) == name
    assert str(workflow).startswith(f"{name}: 1 task")


@pytest.mark.parametrize(
    ("file", "above", "name"),
    [
        ("nightly.yaml", "", "nightly"),
        ("nightly.yml", "label: Other\n", "nightly"),
        ("v1.2-report.yaml", "", "v1.2-report"),
        ("report.workflow.yaml", "ref: ops.other\n", "report"),
        ("nightly.yaml", "name: report\n", "report"),
        ("nightly.txt", "", "nightly.txt"),
        (".yaml", "", ".yaml"),
    ],
)
def test_a_file_is_named_by_itself_or_its_stem(tmp_path, file, above, name):
    path = tmp_path / file
    path.write_text(above + A)

    store = tmp_path / "runs.db"
    assert recorded_name(attune_nb.load(path), store=store) == name
    assert list(attune_nb.runs(store)["workflow"]) == [name]


def test_the_name_of_a_run_comes_first():
    assert recorded_name(attune_nb.loads("name: report\n" + A), name="today") == "today"


@pytest.mark.parametrize(
    ("above", "name"), [("", "deploy"), ("name: rollout\n", "rollout"), ("ref: ops.x\n", "ops.x")]
)
def test_a_nested_workflow_is_called_by_its_name(above, name):
    nested = attune_nb.loads(above + FAILS)
    outer = attune_nb.loads("tasks:\n  - {name: go, action: deploy}\n")

    outer_run = outer.run(actions={"deploy": nested})
    assert f"workflow `{name}`, task `stop`: " in outer_run.error


def test_a_nested_file_is_called_by_its_stem(tmp_path):
    (tmp_path / "rollback.yaml").write_text(FAILS)
    (tmp_path / "outer.yaml").write_text("tasks:\n  - {name: go, action: rollback.yaml}\n")

    outer_run = attune_nb.load(tmp_path / "outer.yaml").run()
    assert "workflow `rollback`, task `stop`: " in outer_run.error


def test_a_name_does_not_change_the_identity():
    """Digests of identities stand in stores: a renamed workflow does the same as before."""
    plain = attune_nb.loads(A)
    named = attune_nb.loads("name: report\n" + A)

    assert workflow_identity(named.spec) == workflow_identity(plain.spec)
    assert "name=" not in workflow_identity(plain.spec).removeprefix("Workflow(tasks=(Task(name=")


def test_a_name_is_part_of_the_canonical_text():
    workflow = attune_nb.loads("name: report\n" + A)

    assert workflow.to_yaml().startswith("name: report\n")
    assert attune_nb.loads(workflow.to_yaml()) == workflow
    assert "name: null" not in attune_nb.loads(A).to_yaml()


def test_a_pack_shows_the_name_as_its_label(tmp_path):
    action, graph = attune_nb.loads("name: report\n" + A).export(tmp_path, ref="ops.report")

    assert "label: report\n" in action.read_text()
    assert not graph.read_text().startswith("name:")
    assert "label: Nightly\n" in (
        attune_nb.loads("name: x\nlabel: Nightly\n" + A)
        .export(tmp_path, ref="ops.y")[0]
        .read_text()
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("5", "`name` must be a string, not the integer `5`; quote it"),
        ("[a]", "`name` must be a string, not an array"),
        ("''", "the workflow's `name` must have 1 to 100 characters, no space at its ends"),
        ("' a'", "the workflow's `name` must have 1 to 100 characters, no space at its ends"),
        ("x" * 101, "the workflow's `name` must have 1 to 100 characters"),
        ('"a\\nb"', "the workflow's `name` must have only printable characters"),
        ("core.x", "the workflow's `name` cannot begin with `core.`"),
    ],
)
def test_a_wrong_name_is_one_problem(name, words):
    (problem,) = load_problems(f"name: {name}\n{A}")

    assert words in problem.message
    assert line_and_column(problem) == (1, 7)

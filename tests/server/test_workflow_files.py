"""The workflow files below the folder of a server."""

import os

import pytest

from attune_nb.server.starts.workflow_files import WorkflowFiles, confine

GREET = "tasks:\n  - {name: greet, action: core.echo}\n"


@pytest.fixture
def root(tmp_path):
    """Return a folder with a workflow, and links into it and out of it."""
    root = tmp_path / "root"
    (root / "jobs").mkdir(parents=True)
    (root / ".hidden").mkdir()
    (tmp_path / "outside").mkdir()
    for name in ("jobs/nightly.yaml", ".hidden/plan.yaml", "../outside/plan.yaml"):
        (root / name).write_text(GREET)
    (root / "greet.yml").write_text(GREET)
    (root / "notes.txt").write_text(GREET)
    (root / ".greet.yaml").write_text(GREET)
    (root / "folder.yaml").mkdir()
    os.mkfifo(root / "pipe.yaml")

    (root / "inner.yaml").symlink_to(root / "greet.yml")
    (root / "out.yaml").symlink_to(tmp_path / "outside" / "plan.yaml")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "shown.yaml").symlink_to(root / ".hidden" / "plan.yaml")
    (root / "named.yaml").symlink_to(root / "notes.txt")
    (root / "loop.yaml").symlink_to(root / "loop.yaml")
    (root / "dead.yaml").symlink_to(root / "gone.yaml")
    return root


@pytest.mark.parametrize("name", ["greet.yml", "jobs/nightly.yaml", "inner.yaml"])
def test_a_workflow_below_the_root_may_be_started(root, name):
    assert confine(root, name) == (root / name).resolve()


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/",
        "missing.yaml",
        "../outside/plan.yaml",
        "jobs/../../outside/plan.yaml",
        "jobs/../greet.yml",
        "./greet.yml",
        "jobs//nightly.yaml",
        "jobs/nightly.yaml/",
        "ROOT/greet.yml",
        "/etc/passwd",
        "~/plan.yaml",
        "C:/plan.yaml",
        "jobs\\nightly.yaml",
        "greet.yml\0",
        "greet.yml\0.yaml",
        ".greet.yaml",
        ".hidden/plan.yaml",
        "notes.txt",
        "folder.yaml",
        "pipe.yaml",
        "out.yaml",
        "out/plan.yaml",
        "shown.yaml",
        "named.yaml",
        "loop.yaml",
        "dead.yaml",
        "a" * 300 + ".yaml",
        "a/" * 5000 + "b.yaml",
        "\udcff.yaml",
    ],
)
def test_no_other_file_may_be_started(root, name):
    name = name.replace("ROOT", str(root))
    assert confine(root, name) is None
    assert WorkflowFiles(root).find_row(name) is None


def test_a_name_that_is_no_utf_8_is_not_listed(tmp_path):
    """No request can name it, and no answer can hold it."""
    for name in (b"caf\xe9.yaml", b"caf\xe9/greet.yaml", b"greet.yaml"):
        path = tmp_path / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(GREET)

    rows, _ = WorkflowFiles(tmp_path).list_rows()

    assert [row.file for row in rows] == ["greet.yaml"]
    assert confine(tmp_path, os.fsdecode(b"caf\xe9.yaml")) is None


def test_the_root_itself_may_be_in_a_hidden_folder(tmp_path):
    root = tmp_path / ".work"
    root.mkdir()
    (root / "greet.yaml").write_text(GREET)
    assert confine(root, "greet.yaml") == root / "greet.yaml"


def test_the_list_has_each_workflow_once_and_no_links(root):
    rows, is_cut = WorkflowFiles(root).list_rows()
    assert [row.file for row in rows] == ["greet.yml", "jobs/nightly.yaml"]
    assert not is_cut


@pytest.mark.parametrize(
    ("text", "is_listed"),
    [
        (GREET, True),
        ("tasks: [{name: a, action: core.echo}]", True),
        ("name: x\ntasks:  # in order\n\n  # first\n  - {name: a, action: core.echo}", True),
        ("tasks:\n- {name: a}", True),
        ("tasks:", False),
        ("tasks: 3", False),
        ("version: 3\ntasks:\n  build: {cmds: [make]}", False),
        ("- hosts: all\n  tasks:\n    - {name: a}", False),
        ("services: {web: {image: x}}", False),
        ("", False),
        (b"tasks:\n- \xff", False),
    ],
)
def test_the_list_has_files_with_an_array_of_tasks(tmp_path, text, is_listed):
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    rows, _ = WorkflowFiles(tmp_path).list_rows()
    assert bool(rows) == is_listed


def test_the_list_skips_folders_of_programs(tmp_path):
    for name in ("node_modules/x", "env", "mine", ".git"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "greet.yaml").write_text(GREET)
    (tmp_path / "mine" / "pyvenv.cfg").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert WorkflowFiles(tmp_path).list_rows() == ([], False)


def test_a_row_has_the_form_for_the_parameters(tmp_path):
    parameters = (
        "parameters: {count: {type: integer, default: 3}, key: {secret: true, default: hush}}\n"
    )
    (tmp_path / "greet.yaml").write_text(f"description: Says hello\n{parameters}{GREET}")
    row = WorkflowFiles(tmp_path).find_row("greet.yaml")
    assert (row.file, row.name, row.description) == ("greet.yaml", "greet", "Says hello")
    assert [entry.name for entry in row.entries] == ["count", "key"]
    assert row.entries[0].text == "3"
    assert row.entries[1].is_secret
    assert "hush" not in str(row)


def test_a_workflow_with_problems_is_listed_with_them(tmp_path):
    (tmp_path / "broken.yaml").write_text("tasks:\n  - {name: a, acton: core.echo}\n")
    row = WorkflowFiles(tmp_path).find_row("broken.yaml")
    assert row.name == "broken"
    assert [(problem.line, problem.column) for problem in row.problems] == [(2, 15)]
    assert "acton" in row.problems[0].message


def test_a_file_is_read_again_only_after_a_change(tmp_path, monkeypatch):
    path = tmp_path / "greet.yaml"
    path.write_text(GREET)
    files = WorkflowFiles(tmp_path)
    first = files.find_row("greet.yaml")
    assert files.find_row("greet.yaml") is first
    assert files.list_rows()[0][0] is first

    path.write_text(f"name: other\n{GREET}")
    assert files.find_row("greet.yaml").name == "other"


def test_a_list_of_very_many_workflows_is_cut(tmp_path):
    for number in range(202):
        (tmp_path / f"{number}.yaml").write_text("tasks: [{}]")
    rows, is_cut = WorkflowFiles(tmp_path).list_rows()
    assert len(rows) == 200
    assert is_cut

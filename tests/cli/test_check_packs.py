"""`attune-nb check` of a pack, of a folder of packs, and of the two files of a workflow."""

import pytest
from support.command_line import attune_here
from support.pack_folders import PACKS, write_pack


def test_a_folder_of_packs_is_checked():
    outcome = attune_here("check", str(PACKS))

    assert outcome.exit_code == 0, outcome.stderr
    assert f"{PACKS / 'hostkit'}: pack hostkit 1.0.0: 2 actions\n" in outcome.stdout
    assert f"{PACKS / 'rollout'}: pack rollout 0.1.0: 1 workflow\n" in outcome.stdout
    assert outcome.stdout.endswith(f"{PACKS}: no errors\n")


def test_problems_of_a_pack_have_file_line_and_column(tmp_path):
    write_pack(tmp_path, {"actions/run.yaml": "ref: demo.run\nentry_point: rnu.sh\nenabeld: no\n"})

    outcome = attune_here("check", str(tmp_path))

    file = tmp_path / "actions" / "run.yaml"
    assert outcome.exit_code == 2
    assert f"error: {file}, line 2, column 14: `rnu.sh` does not exist; did you mean" in (
        outcome.stderr
    )
    assert f"error: {file}, line 3, column 1: unknown key `enabeld`" in outcome.stderr
    assert "2 | entry_point: rnu.sh" in outcome.stderr


def test_one_broken_pack_does_not_hide_the_others(tmp_path):
    write_pack(tmp_path / "good")
    write_pack(tmp_path / "bad", manifest="version: 1.0.0\n")

    outcome = attune_here("check", str(tmp_path))

    assert outcome.exit_code == 2
    assert "good: pack demo 0.1.0" in outcome.stdout
    assert "a pack needs `ref`" in outcome.stderr


@pytest.mark.parametrize("name", ["rollout.yaml", "workflows/rollout.workflow.yaml"])
def test_a_packed_workflow_is_checked_with_packs_around_it(name):
    outcome = attune_here("check", str(PACKS / "rollout" / "actions" / name))

    assert (outcome.exit_code, outcome.stderr) == (0, "")


def test_packs_that_are_passed_count_before_those_around(tmp_path):
    text = "ref: hostkit.disk\nentry_point: run.sh\n"
    write_pack(tmp_path, {"actions/disk.yaml": text}, manifest="ref: hostkit\nversion: 2\n")
    file = PACKS / "rollout" / "actions" / "rollout.yaml"

    outcome = attune_here("check", str(file), "--pack", str(tmp_path))

    assert outcome.exit_code == 2
    assert "pack `hostkit` has no action `hostkit.greet`" in outcome.stderr
    assert "ticketing" not in outcome.stderr


def test_a_workflow_is_checked_with_the_packs_passed(tmp_path):
    file = tmp_path / "flow.yaml"
    file.write_text("tasks:\n  - {name: greet, action: hostkit.greet, input: {loud: 3}}\n")

    outcome = attune_here("check", str(file), "--pack", str(PACKS))

    assert outcome.exit_code == 2
    assert f"error: {file}, line 2, column 50: parameter `loud`" in outcome.stderr
    assert "the parameter `who` must be given" in outcome.stderr


def test_one_file_of_a_pack_is_checked(tmp_path):
    files = {"actions/a.yaml": "ref: demo.a\n", "actions/b.yaml": "ref: x.b\nentry_point: run.sh\n"}
    write_pack(tmp_path, files)

    outcome = attune_here("check", str(tmp_path / "actions" / "b.yaml"))

    assert outcome.exit_code == 2
    assert "`x.b` is a ref of another pack" in outcome.stderr
    assert "a.yaml" not in outcome.stderr
    assert attune_here("check", str(PACKS / "hostkit" / "actions" / "disk.yaml")).exit_code == 0
    assert attune_here("check", str(PACKS / "hostkit" / "pack.yaml")).exit_code == 0


def test_a_folder_without_a_pack_is_refused(tmp_path):
    outcome = attune_here("check", str(tmp_path))

    assert outcome.exit_code == 2
    assert f"`{tmp_path}` is no pack and holds none" in outcome.stderr

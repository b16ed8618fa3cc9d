"""The commands that draw and export a workflow."""

import pytest
from support.command_line import GREET, attune

pytestmark = pytest.mark.slow


def test_a_workflow_is_drawn(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(GREET)
    process = attune("graph", str(file))
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "good.svg").read_text().startswith("<?xml")
    process = attune("graph", str(file), "-o", str(tmp_path / "good.txt"))
    assert process.returncode == 2
    assert "txt" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_drawn_workflow_shows_the_workflow_of_a_task(tmp_path):
    (tmp_path / "inner.yaml").write_text("tasks: [{name: ping, action: core.noop}]")
    file = tmp_path / "outer.yaml"
    file.write_text("tasks: [{name: deploy, action: inner.yaml}]")
    process = attune("graph", str(file))
    assert process.returncode == 0, process.stderr
    picture = (tmp_path / "outer.svg").read_text()
    assert "workflow inner.yaml · 1 task" in picture
    assert ">ping<" in picture


def test_a_workflow_is_exported(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(GREET)
    process = attune("export", str(file), str(tmp_path / "pack"), "--ref", "ops.greet")
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "pack/actions/greet.yaml").exists()
    assert attune("export", str(file), str(tmp_path), "--ref", "no ref").returncode == 2

"""Cells find the command `attune-nb`, also if the kernel's environment is not activated."""

import os
import sys

import pytest

from attune_nb.notebook.shell_path import add_commands


@pytest.fixture
def _no_environment(monkeypatch):
    """A search path as that of a shell in which no environment was activated."""
    monkeypatch.setenv("PATH", os.pathsep.join(["/usr/bin", "/bin"]))


@pytest.mark.usefixtures("_no_environment")
def test_the_folder_of_the_kernels_python_comes_last(tmp_path, monkeypatch):
    (tmp_path / "attune-nb").touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    add_commands()
    assert os.environ["PATH"].split(os.pathsep) == ["/usr/bin", "/bin", str(tmp_path)]


def test_a_path_with_the_command_stays(tmp_path, monkeypatch):
    command = tmp_path / "attune-nb"
    command.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    add_commands()
    assert os.environ["PATH"] == str(tmp_path)


@pytest.mark.usefixtures("_no_environment")
def test_without_the_command_nothing_is_added(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    add_commands()
    assert os.environ["PATH"] == os.pathsep.join(["/usr/bin", "/bin"])

"""`--log-file`: the output of a command in a file of bounded size."""

import os

import pytest
from support.command_line import GREET, attune

from attune_nb.cli.log_file import cut_to_size


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "greet.yaml"
    path.write_text(GREET)
    return str(path)


@pytest.mark.slow
def test_all_output_goes_to_the_end_of_the_log_file(file, tmp_path):
    log = tmp_path / "greet.log"
    log.write_text("before\n")
    process = attune("run", file, "--log-file", str(log))
    assert (process.stdout, process.stderr) == ("", "")
    assert log.read_text().startswith("before\nRun ")


@pytest.mark.slow
def test_a_new_log_file_is_for_its_owner_only(tmp_path):
    log = tmp_path / "greet.log"
    attune("run", str(tmp_path / "missing.yaml"), "--log-file", str(log), umask=0o022)
    assert "cannot read" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_log_file_that_cannot_be_written_gives_one_line(file, tmp_path):
    process = attune("run", file, "--log-file", str(tmp_path / "no" / "greet.log"))
    assert process.returncode == 2
    assert "cannot write" in process.stderr
    assert "No such file or directory" in process.stderr


def test_the_older_part_of_a_large_log_is_dropped(tmp_path):
    log = tmp_path / "long.log"
    lines = [f"line {number:05}\n" for number in range(1000)]
    log.write_text("".join(lines))
    descriptor = os.open(log, os.O_RDWR | os.O_APPEND)

    cut_to_size(descriptor, most=10_000, remaining=110)
    os.write(descriptor, b"after\n")
    os.close(descriptor)
    dropped = 11_000 - 99
    tail = "".join(lines[-9:])
    assert log.read_text() == f"[{dropped} bytes before this line were dropped]\n{tail}after\n"


def test_a_log_that_is_small_enough_stays(tmp_path):
    log = tmp_path / "short.log"
    log.write_text("a\nb\n")
    descriptor = os.open(log, os.O_RDWR | os.O_APPEND)
    cut_to_size(descriptor, most=4)
    os.close(descriptor)
    assert log.read_text() == "a\nb\n"

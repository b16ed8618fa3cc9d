"""`attune-nb demo` and `bench`, and the command itself."""

import pytest
from support.command_line import attune

pytestmark = pytest.mark.slow


def test_the_demo_finds_exactly_the_servers_that_are_down():
    process = attune("demo", "--servers", "200")
    assert process.returncode == 0, process.stderr
    assert "these are exactly the servers that were set to fail" in process.stdout


def test_an_unknown_measurement_is_refused():
    process = attune("bench", "clon")
    assert process.returncode == 2
    assert "did you mean `clone`?" in process.stderr

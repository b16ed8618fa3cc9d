"""`--run-id`: the id of a new run is known before it starts."""

import pytest
from support.command_line import GREET, attune_here

import attune_nb

pytestmark = pytest.mark.slow

FAILING = "tasks: [{name: break, action: core.shell, input: {cmd: exit 1}}]"
RUN_ID = "0123456789ab"


@pytest.fixture
def store(tmp_path):
    return str(tmp_path / "runs.db")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "greet.yaml"
    path.write_text(GREET)
    return str(path)


def test_a_new_run_gets_the_id_that_was_chosen(file, store):
    outcome = attune_here("run", file, "--run-id", RUN_ID, "--store", store)
    assert outcome.exit_code == 0, outcome.stderr
    assert attune_nb.open_run(RUN_ID, store).status == "succeeded"


def test_a_retry_gets_the_id_that_was_chosen(tmp_path, store):
    path = tmp_path / "break.yaml"
    path.write_text(FAILING)
    attune_here("run", str(path), "--run-id", RUN_ID, "--store", store)
    outcome = attune_here("retry", RUN_ID, "--run-id", "ba9876543210", "--store", store)
    assert outcome.exit_code == 1
    assert attune_nb.open_run("ba9876543210", store).kind == f"retry of {RUN_ID}"


def test_an_id_of_the_store_is_not_used_again(file, store):
    attune_here("run", file, "--run-id", RUN_ID, "--store", store)
    outcome = attune_here("run", file, "--run-id", RUN_ID, "--store", store)
    assert outcome.exit_code == 2
    assert outcome.stderr == f"there is a run `{RUN_ID}` in {store}; choose another id\n"


@pytest.mark.parametrize("run_id", ["abc", "0123456789AB", "../456789ab", "0123456789abc"])
def test_a_text_that_is_no_run_id_gives_one_line(run_id, file, store):
    outcome = attune_here("run", file, "--run-id", run_id, "--store", store)
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith("the id of a run consists of 12 digits from 0 to 9 and a to f")
    assert outcome.stderr.endswith(f"this is the string `{run_id}`\n")

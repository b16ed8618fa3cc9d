"""A run whose results are tables is killed at random moments, and resumed each time."""

import random
from collections import Counter

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from support import killed_workflows
from support.killed_processes import ProcessStarter

import attune_nb

KILLS = 10

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def starter():
    starter = ProcessStarter()
    yield starter
    starter.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the files that the run reads."""
    folder = tmp_path_factory.mktemp("files")
    for number in range(killed_workflows.ETL_FILES):
        table = pd.DataFrame(
            {
                "file": number,
                "day": pd.date_range("2024-01-01", periods=20),
                "name": [f"row {number}-{row}" for row in range(20)],
                "value": [row / 7 for row in range(20)],
            }
        )
        table.to_csv(folder / f"{number}.csv", index=False)
    return folder


def read_all(folder):
    """Return the merged table as a program without workflows makes it."""
    paths = [folder / f"{number}.csv" for number in range(killed_workflows.ETL_FILES)]
    return pd.concat([pd.read_csv(path, parse_dates=["day"]) for path in paths], ignore_index=True)


def files_on_record(store):
    """Return the numbers of the files whose tables are on record."""
    run = attune_nb.open_run(attune_nb.runs(store)["run_id"][0], store)
    return {str(index) for index in run.items("read")["index"]}


def count_reads(done):
    return Counter(done.read_text().split())


def test_no_file_on_record_is_read_twice(starter, folder, tmp_path):
    store = tmp_path / "runs.db"
    done = tmp_path / "done.txt"
    arguments = {"store": store, "done": done}
    moments = random.Random()
    starter.run(
        "etl", kill_when=done, kill_after=moments.uniform(0, 0.3), folder=folder, **arguments
    )

    for _ in range(KILLS - 1):
        if attune_nb.runs(store)["status"][0] != "interrupted":
            break
        before = count_reads(done)
        recorded = files_on_record(store)
        starter.run("resume_etl", kill_after=moments.uniform(0.1, 0.6), **arguments)
        assert recorded.isdisjoint(count_reads(done) - before)

    before = count_reads(done)
    recorded = files_on_record(store)
    run_id = attune_nb.runs(store)["run_id"][0]
    if attune_nb.runs(store)["status"][0] == "interrupted":
        attune_nb.resume(run_id, store, actions=killed_workflows.ETL_ACTIONS, progress=False)
    assert recorded.isdisjoint(count_reads(done) - before)
    assert_frame_equal(attune_nb.open_run(run_id, store).output["merged"], read_all(folder))

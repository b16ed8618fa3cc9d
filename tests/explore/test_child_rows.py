"""The child runs of a task as the page lists them."""

import json

import pandas as pd

from attune_nb.explore.children import build_children


def child_rows(count, status):
    rows = []
    for index in range(count):
        row = {"task": "deploy", "visit": 1, "index": index, "attempt": 1, "workflow": "inner"}
        row |= {"run_id": f"run{index}", "status": status(index), "duration_ms": 1_500.0}
        rows.append(row | {"tasks": 3, "failed": 0})
    return pd.DataFrame(rows)


def status_of(index):
    return "failed" if index % 10 == 3 else "succeeded"


def test_child_runs_that_failed_come_first():
    rows = build_children(child_rows(20, status_of))["deploy"]["rows"]

    assert [row["index"] for row in rows[:4]] == [3, 13, 0, 1]
    assert rows[0]["seconds"] == 1.5
    json.dumps(rows)


def test_of_very_many_child_runs_the_first_are_listed():
    deploy = build_children(child_rows(2_000, status_of))["deploy"]

    assert deploy["total"] == 2_000
    assert len(deploy["rows"]) == 500

"""Runs that older versions recorded are drawn, and their stores stay as they are."""

import shutil
from pathlib import Path

import pytest

from attune_nb.server.drawing.attempt_chunks import find_range, read_chunk
from attune_nb.server.drawing.graph_layouts import GraphLayouts, read_graph_texts
from attune_nb.server.drawing.item_rows import ItemRows, ItemsQuery
from attune_nb.server.drawing.line_pages import LinesQuery, read_lines
from attune_nb.server.drawing.run_traces import write_run_trace
from attune_nb.store.database import connected

STORES = sorted((Path(__file__).parents[1] / "store" / "stores").glob("*.db"))


@pytest.mark.parametrize("stored", STORES, ids=lambda path: path.stem)
def test_runs_of_older_versions_are_drawn(tmp_path, stored):
    store = tmp_path / "runs.db"
    shutil.copy(stored, store)
    with connected(store) as connection:
        tasks = connection.execute(
            "SELECT run_id, task FROM events, runs ON runs.number = run WHERE task IS NOT NULL "
            "AND kind = 'TaskStarted' GROUP BY run_id"
        ).fetchall()
    layouts = GraphLayouts()
    for run_id, task in tasks:
        assert read_chunk(store, find_range(store, run_id, -1, 1_000)).body
        assert ItemRows().read(store, run_id, ItemsQuery(task)).task == task
        assert read_lines(store, run_id, LinesQuery()).next >= 0
        assert b'"nodes"' in layouts.get(read_graph_texts(store, run_id))
        write_run_trace(store, run_id, tmp_path / "trace.json")

    assert tasks
    assert store.read_bytes() == stored.read_bytes()

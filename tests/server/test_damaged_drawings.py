"""Drawings of runs whose record is damaged: one sentence says so, and other runs are drawn."""

import sqlite3

import pytest

import attune_nb
from attune_nb.errors import StoreError
from attune_nb.server.drawing.attempt_chunks import find_range, read_chunk
from attune_nb.server.drawing.graph_layouts import GraphLayouts, read_graph_texts
from attune_nb.server.drawing.item_rows import ItemRows, ItemsQuery
from attune_nb.server.drawing.line_pages import LinesQuery, read_lines
from attune_nb.server.drawing.run_traces import write_run_trace

TEXT = "tasks: [{name: a, action: give, with_items: '{{ [1, 2] }}', input: {n: '{{ item }}'}}]"

DAMAGES = {
    "columns": "UPDATE events SET columns = x'00' WHERE columns IS NOT NULL",
    "status": "UPDATE events SET columns = zeroblob(46) || x'0909' WHERE task = 'a'",
    "data": "UPDATE events SET data = '{' WHERE kind != 'RunStarted'",
    "json": "UPDATE events SET data = CAST('{\"x\": 1}' AS BLOB)",
    "text": "UPDATE runs SET text = 'tasks: 3'",
    "lines": "UPDATE logs SET data = x'00'",
}


def give(n):
    if n == 2:
        raise ValueError(n)
    return n


def draw(store, run_id, folder):
    """Return the messages of the drawings that cannot be made."""
    drawings = [
        lambda: read_chunk(store, find_range(store, run_id, -1, 1_000)),
        lambda: ItemRows().read(store, run_id, ItemsQuery("a")),
        lambda: read_lines(store, run_id, LinesQuery()),
        lambda: GraphLayouts().get(read_graph_texts(store, run_id)),
        lambda: write_run_trace(store, run_id, folder / "trace.json"),
    ]
    messages = []
    for drawing in drawings:
        try:
            drawing()
        except StoreError as error:
            messages.append(str(error))
    return messages


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_an_error_in_words(tmp_path, damage):
    store = tmp_path / "runs.db"
    options = {"actions": {"give": give}, "progress": False, "store": store, "logs": "none"}
    run = attune_nb.loads(TEXT).run(**options)
    assert draw(store, run.run_id, tmp_path) == []
    with sqlite3.connect(store) as connection:
        connection.execute("INSERT INTO logs SELECT 1, 0, 1, 0, x'00' WHERE ? = 'lines'", (damage,))
        connection.execute(DAMAGES[damage])
    connection.close()

    messages = draw(store, run.run_id, tmp_path)
    assert messages
    for message in messages:
        assert run.run_id in message or "workflow" in message or "store is damaged" in message

    later_run = attune_nb.loads(TEXT).run(**options)
    assert draw(store, later_run.run_id, tmp_path) == []

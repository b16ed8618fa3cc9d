"""Chunks of attempts, unpacked as the script of the page does it."""

import json

import numpy as np

from attune_nb.server.drawing.attempt_chunks import find_range, read_chunk

__all__ = ["read_chunks", "unpack_chunk"]


def unpack_chunk(body):
    """Return the head of a chunk, and its columns as arrays by their names."""
    start = 4 + int.from_bytes(body[:4], "little")
    head = json.loads(body[4:start])
    columns = {}
    for column in head["columns"]:
        size = int(column["type"][1])
        planes = np.frombuffer(body, np.uint8, head["count"] * size, start).reshape(size, -1)
        start += planes.size
        numbers = np.zeros(head["count"], np.uint32)
        for number, plane in enumerate(planes):
            numbers |= plane.astype(np.uint32) << np.uint32(8 * number)
        if column["differences"]:
            numbers = np.cumsum(numbers, dtype=np.uint32)
        columns[column["name"]] = numbers
    assert start == len(body)

    for name in ("start", "duration"):
        columns[name] = columns[name] * head["tick"]
    columns["start"] += head["base"]
    executions = [number for number, count in head["runs"] for _ in range(count)]
    columns["execution"] = np.array(executions, dtype=int)
    return head, columns


def read_chunks(store, run_id, after=-1, most=200_000):
    """Yield the unpacked chunks of a run, until there are no further events."""
    while True:
        span = find_range(store, run_id, after, most)
        yield unpack_chunk(read_chunk(store, span).body)
        if not span.more:
            return
        after = span.last

"""Reads the rows of a table that an action wrote as text."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

__all__ = ["read_rows"]

# characters by which the separator of a CSV is found
_SAMPLE = 10_000


def read_rows(text: str) -> list[dict[str, Any]] | None:
    """Return the rows of a table that is JSON, lines of JSON, or CSV; None if it is none."""
    if text.lstrip()[:1] in ("[", "{"):
        return _read_json_rows(text)
    try:
        rows = list(csv.DictReader(io.StringIO(text), dialect=_find_dialect(text)))
    except csv.Error:
        return None

    for row in rows:
        # the cells of a row that has more of them than the header
        row.pop(None, None)
    return rows


def _find_dialect(text: str) -> Any:
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE], delimiters=",;\t|")
    except csv.Error:
        return csv.excel


def _read_json_rows(text: str) -> list[dict[str, Any]] | None:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return _read_json_lines(text)

    if isinstance(content, dict):
        # an object with one array is a table, any other object is its only row
        arrays = [part for part in content.values() if isinstance(part, list)]
        content = arrays[0] if len(arrays) == 1 else [content]

    rows = [row for row in content if isinstance(row, dict)]
    return rows if len(rows) == len(content) else None


def _read_json_lines(text: str) -> list[dict[str, Any]] | None:
    rows = []
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            # the last line is cut if only the start of the file was read
            continue

        if isinstance(row, dict):
            rows.append(row)

    if not rows:
        return None
    return rows

"""Writes the measured tables of the documentation.

Run `python -m benchmarks.measured_tables [PART ...]`. The page `docs/explanation/measurements.md`
has all rows, and the README ten of them. Without a part, all of the quick table are measured, which
takes five minutes. Rows of other parts stay. The machine should do nothing else meanwhile.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.__main__ import PARTS, make_parser, measure_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from benchmarks.verdict import Verdict

__all__ = ["BACKENDS", "HEADLINES", "ROWS", "fill_page", "fill_readme", "main"]

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "explanation" / "measurements.md"

HEADLINES = {
    "100,000 records to a map of five, against ThreadPoolExecutor(8).map": (
        "100,000 records of five fields through a Python function, 8 threads",
        "the time of `ThreadPoolExecutor.map`",
    ),
    "10,000 items on 100 MB against 10 KB": (
        "10,000 items, each of which sees 100 MB of shared context",
        "the time with a context of 10 KB",
    ),
    "a deep copy of 1 MB of lists against a scope": (
        "one item gets 1 MB of context as a copy",
        "as a reference, as here",
    ),
    "2,000 requests, 500 at once, a server of 50 ms, against a loop with aiohttp": (
        "2,000 HTTP requests, 500 at once, a server that takes 50 ms",
        "a loop with aiohttp, written by hand",
    ),
    "400 commands, 16 at once, against subprocess.run in a pool": (
        "400 shell commands, 16 at once",
        "`subprocess.run` in a thread pool",
    ),
    "10 DataFrames of 50,000 rows kept by a run, against to_parquet": (
        "10 DataFrames of 50,000 rows kept on record",
        "`to_parquet`",
    ),
    "100,000 records with the store on, more than without": (
        "100,000 records kept on record",
        "more than without a record",
    ),
    "resume of 100,000 items, 90,000 done, to the first new one": (
        "resume after a crash, 90,000 of 100,000 items done",
        "until the first new item begins",
    ),
    "peak memory of 500,000 records above the interpreter": (
        "500,000 records from a generator, results not kept",
        "peak memory",
    ),
    "an event to the page in Chromium": (
        "an event of a run on the page in a browser",
        "after it happened",
    ),
}
"""The rows of the README: the workload and the thing it is compared with, by subject."""

ROWS = {
    "Records of five fields": [
        "100,000 records to a map of five, against ThreadPoolExecutor(8).map",
        "10,000 records to a map of five, joblib (threads) against attune_nb",
        "10,000 records to a map of five, dask.bag (threads) against attune_nb",
        "10,000 records to a map of five, pandas.apply against attune_nb",
        "10,000 records to a map of five, polars.map_elements against attune_nb",
        "20,000 rows of five fields with a list taken in, against deepcopy",
        "20,000 rows of five fields with a list taken in, against pickle",
        "50,000 records as a declared parameter, more than undeclared",
        "100,000 records with the store on, more than without",
        "run.items of 100,000 records, against a DataFrame of the results",
        "run.items with expand=True of 100,000 records, against a DataFrame of the results",
        "open_run of 100,000 records",
        "memory of open_run of 100,000 records",
    ],
    "Requests by `core.http_request`": [
        "2,000 requests, 50 at once, a fast server, against a loop with aiohttp",
        "2,000 requests, 50 at once, a fast server, httpx in threads against attune_nb",
        "2,000 requests, 500 at once, a server of 50 ms, against a loop with aiohttp",
        "2,000 requests, 500 at once, a server of 50 ms, httpx in threads against attune_nb",
    ],
    "Tables, commands, actions of packs, secrets": [
        "10 DataFrames of 50,000 rows kept by a run, against to_parquet",
        "10 DataFrames of 50,000 rows read back by open_run, against read_parquet",
        "400 commands, 16 at once, against subprocess.run in a pool",
        "1,000 processes of shell, 4 at once, against subprocess.run",
        "40 processes of python, 4 at once, against subprocess.run",
        "1,000 secrets masked in a text of 1 MB",
    ],
    "Very many items, `keep_results: none`": [
        "peak memory of 500,000 records above the interpreter",
        "time of 500,000 records against 100,000",
    ],
    "Many tasks": [
        "a chain of 1,000 tasks, run",
        "a chain of 1,000 tasks, against dask.delayed",
        "a fan of 1,000 tasks, run",
        "a chain of 1,000 tasks, loaded",
        "300 child runs of three tasks, against 900 tasks in a chain",
        "300 child runs of three tasks, against 900 tasks in a chain, on record",
    ],
    "Runs seen from outside": [
        "an event to a WebSocket",
        "an event to the page in Chromium",
        "the server, nobody watches a run of 500 items a second",
        "the server, 1 watches a run of 500 items a second",
        "the server, 100 watch a run of 500 items a second",
        "the process of that run, 100 watchers against none",
        "a run at rest that takes commands, against one that takes none",
        "100,000 attempts to a client",
        "100,000 attempts to their picture on the page",
    ],
    "Integers, and actions that do nothing": [
        "100,000 no-ops, against ThreadPoolExecutor(8).map",
        "20,000 no-ops on 10 KB, joblib against attune_nb",
        "1,000 no-ops on 1 MB, naive context against attune_nb",
        "1,000 no-ops on 1 MB, dask.delayed against attune_nb",
        "1,000 no-ops on 1 MB, distributed against attune_nb",
        "a scope, on 1 MB",
        "a deep copy of 1 MB of lists against a scope",
        "a deep copy of 1 MB of texts against a scope",
        "10,000 items on 100 MB against 10 KB",
        "peak memory of 1,000,000 items above items and results",
        "{{ item.url }} against Jinja2",
        "server {{ item.name }} at {{ item.url }} against Jinja2",
        "the panel on against off, 100,000 items, in a kernel",
        "store on against off, 100,000 items that return a number",
        "resume of 100,000 items, 90,000 done, to the first new one",
    ],
}
"""The rows of the table of costs: subjects of verdicts, by the work that they measure."""

# a template, a call, a name of Python
_CODE = re.compile(r"(\{\{.*\}\}|\w+\(\d+\)\.\w+|[a-z_]+\.[a-z_]+|\b[a-z]+_[a-z_]+)")

_HEADER = "| | Measured | Limit |"
_NOT_MEASURED = "not measured"

BACKENDS = {
    "`inline`": "an item of 100,000, inline",
    "`threads`": "an item of 100,000, threads",
    "`threads`, `async`": "an item of 100,000, threads, async",
    "2 `processes`": "an item of 100,000, processes, 2",
    "2 `processes`, `async`": "an item of 100,000, processes, 2, async",
    "`dask`, 2 workers": "an item of 100,000, dask, 2 workers",
    "Dask's `client.map`, one task an item": "an item of 500, client.map",
}
"""The columns of the table of backends, and the subjects of their figures."""


def main(arguments: list[str] | None = None) -> int:
    """Measure the parts, and write the tables; return the exit status of the quick table."""
    parser = make_parser("python -m benchmarks.measured_tables", str(__doc__))
    options = parser.parse_args(arguments)
    verdicts = measure_parts(options.parts or PARTS)
    PAGE.write_text(fill_page(PAGE.read_text(), verdicts))
    README.write_text(fill_readme(README.read_text(), verdicts))
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def fill_readme(text: str, verdicts: Sequence[Verdict]) -> str:
    """Return the text of the README with the rows of its table that were measured.

    Args:
        text: The text, with the two comments around the table.
        verdicts: The rows that were measured. Other rows stay as they are.

    Raises:
        ValueError: The text lacks the comments.
    """
    by_subject = {verdict.subject: verdict for verdict in verdicts}
    return _replace_table(text, "headlines", lambda table: _write_headlines(table, by_subject))


def fill_page(text: str, verdicts: Sequence[Verdict]) -> str:
    """Return the text of the page of measurements with the rows that were measured.

    Args:
        text: The text, with a pair of comments for each table.
        verdicts: The rows that were measured. Other rows stay as they are.

    Raises:
        ValueError: The text lacks the comments of a table.
    """
    by_subject = {verdict.subject: verdict for verdict in verdicts}
    text = _replace_table(text, "costs", lambda table: _write_costs(table, by_subject))
    return _replace_table(text, "backends", lambda table: _write_backends(table, by_subject))


def _write_headlines(table: str, by_subject: Mapping[str, Verdict]) -> list[str]:
    """Return the lines of the README's table."""
    old_rows = {row.split(" | ")[0]: row for row in table.splitlines()}
    rows = ["| Workload | Compared with | Measured |", "|---|---|---|"]
    for subject, (workload, comparison) in HEADLINES.items():
        if subject in by_subject:
            row = _join_cells([workload, comparison, by_subject[subject].figure])
        else:
            row = old_rows.get(f"| {workload}", _join_cells([workload, comparison, _NOT_MEASURED]))
        rows.append(row)
    return rows


def _write_costs(table: str, by_subject: Mapping[str, Verdict]) -> list[str]:
    """Return the lines of the table of costs."""
    old_rows = {row.split(" | ")[0]: row for row in table.splitlines()}
    rows = [_HEADER, "|---|---|---|"]
    for work, subjects in ROWS.items():
        rows.append(f"| **{work}** | | |")
        for subject in subjects:
            label = _CODE.sub(r"`\1`", subject)
            if subject in by_subject:
                row = _write_row(label, by_subject[subject])
            else:
                row = old_rows.get(f"| {label}", _join_cells([label, _NOT_MEASURED, ""]))
            rows.append(row)
    return rows


def _write_row(label: str, verdict: Verdict) -> str:
    """Return a row of the table of costs."""
    limit = "" if verdict.limit == "shown" else verdict.limit
    if not verdict.holds:
        limit = f"{limit}: **missed**"
    return _join_cells([label, verdict.figure, limit])


def _write_backends(table: str, by_subject: Mapping[str, Verdict]) -> list[str]:
    """Return the lines of the table of backends."""
    *_, last_line = ["", *table.strip().splitlines()]
    figures = last_line.strip("| ").split(" | ")
    if len(figures) != len(BACKENDS):
        figures = [_NOT_MEASURED] * len(BACKENDS)

    for position, subject in enumerate(BACKENDS.values()):
        if subject in by_subject:
            figures[position] = by_subject[subject].figure
    return [_join_cells(BACKENDS), _join_cells("-" * len(BACKENDS)), _join_cells(figures)]


def _join_cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _replace_table(text: str, name: str, write: Callable[[str], Iterable[str]]) -> str:
    """Exchange the lines between the comments of a table.

    Args:
        text: The text of the file.
        name: The name of the table.
        write: Makes the new lines from the old ones.

    Raises:
        ValueError: The comments are missing.
    """
    begin = f"<!-- {name}: written by python -m benchmarks.measured_tables -->"
    end = f"<!-- {name}: end -->"
    before, begin_comment, remainder = text.partition(begin)
    table, end_comment, after = remainder.partition(end)
    if not begin_comment or not end_comment:
        raise ValueError(f"the text lacks `{begin}` or `{end}`")

    lines = "\n".join(write(table))
    return f"{before}{begin}\n{lines}\n{end}{after}"


if __name__ == "__main__":
    sys.exit(main())

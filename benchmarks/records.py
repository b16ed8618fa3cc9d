"""Records of five fields: taken in, sent through an action, checked, shown, kept and opened."""

from __future__ import annotations

import copy
import json
import pickle
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from attune_nb.language.parameter_specs import bind
from attune_nb.values.frozen import freeze
from benchmarks.verdict import Verdict, compare, format_spread, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.verdict import Turn

__all__ = ["SCHEMA", "WORKFLOW", "make_rows", "measure", "score"]

TAKEN_IN = 20_000
CHECKED = 50_000
SENT = 100_000
CONCURRENCY = 8
TURNS = 5

MOST_OF_COPY = 0.25  # of `copy.deepcopy`
MOST_OF_POOL = 0.25  # of `ThreadPoolExecutor(8).map`
MOST_CHECK = 1.0  # us a row
MOST_STORED = 2.0  # us an item
MOST_OF_FRAME = 2.0  # of a DataFrame of the results alone
MOST_OPENING = 0.2  # seconds
MOST_OPENED = 50.0  # MB

WORKFLOW = """
parameters: {rows: {type: any}}
tasks:
  - name: score
    action: score
    with_items: "{{ parameters.rows }}"
    concurrency: 8
    input: {url: "{{ item.url }}", size: "{{ item.size }}", tags: "{{ item.tags }}"}
"""
SCHEMA = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["url"],
        "properties": {
            "url": {"type": "string"},
            "size": {"type": "integer"},
            "rate": {"type": "number"},
            "name": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "integer"}},
        },
    },
}
OPEN = """
import json, sys, time
import attune_nb, psutil
import attune_nb.store.reading, attune_nb.language.load
process = psutil.Process()
before = process.memory_info().rss
began = time.perf_counter()
run = attune_nb.open_run(sys.argv[1], sys.argv[2])
assert run.status == "succeeded"
json.dump([time.perf_counter() - began, (process.memory_info().rss - before) / 1e6], sys.stdout)
"""


def measure() -> Iterator[Verdict]:
    """Measure each way of the records, beside what a program would do by hand."""
    yield from _measure_taking_in()
    yield from _measure_checks()
    yield from _measure_runs()


def _measure_taking_in() -> Iterator[Verdict]:
    urls = [{"url": f"http://host/{number}"} for number in range(TAKEN_IN)]
    for subject, rows in (("{url}", urls), ("five fields with a list", make_rows(TAKEN_IN))):
        turns = time_in_turn(
            {
                "attune_nb": partial(freeze, rows),
                "deepcopy": partial(copy.deepcopy, rows),
                "pickle": partial(_copy_by_pickle, rows),
            },
            TURNS,
        )
        ratio = compare(turns, "attune_nb", "deepcopy")
        yield Verdict(
            f"{TAKEN_IN:,} rows of {subject} taken in, against deepcopy",
            f"at most {MOST_OF_COPY}x",
            f"{ratio.text}, {_per_row(turns, 'attune_nb', TAKEN_IN):.2f} us a row",
            ratio.median <= MOST_OF_COPY,
        )
        ratio = compare(turns, "attune_nb", "pickle")
        yield Verdict(
            f"{TAKEN_IN:,} rows of {subject} taken in, against pickle",
            "at most 1x",
            ratio.text,
            ratio.median <= 1,
        )


def _measure_checks() -> Iterator[Verdict]:
    rows = make_rows(CHECKED)
    turns = time_in_turn(
        {
            "declared": lambda: bind({"rows": SCHEMA}, {"rows": rows}),
            "undeclared": lambda: bind({"rows": {"type": "any"}}, {"rows": rows}),
        },
        TURNS,
    )
    more = [(turn["declared"] - turn["undeclared"]) / CHECKED * 1e6 for turn in turns]
    yield Verdict(
        f"{CHECKED:,} such rows as a declared parameter, more than undeclared",
        f"at most {MOST_CHECK:g} us a row",
        format_spread(more, ".2f", " us"),
        statistics.median(more) <= MOST_CHECK,
    )


def _measure_runs() -> Iterator[Verdict]:
    import pandas as pd  # noqa: PLC0415 - slow to import

    rows = make_rows(SENT)
    workflow = attune.loads(WORKFLOW)

    def send(store: str) -> attune.Run:
        run = workflow.run({"rows": rows}, actions={"score": score}, progress=False, store=store)
        run.raise_for_status()
        return run

    def use_pool() -> list[Any]:
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            return list(pool.map(lambda row: score(row["url"], row["size"], row["tags"]), rows))

    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder, "runs.db"))
        turns = time_in_turn(
            {"run": lambda: send("none"), "recorded": lambda: send(store), "pool": use_pool},
            TURNS,
        )
        ratio = compare(turns, "run", "pool")
        yield Verdict(
            f"{SENT:,} such rows to a map of five, against a pool's map",
            f"at most {MOST_OF_POOL}x",
            f"{ratio.text}, {_per_row(turns, 'run', SENT):.1f} us an item",
            ratio.median <= MOST_OF_POOL,
        )
        more = [(turn["recorded"] - turn["run"]) / SENT * 1e6 for turn in turns]
        yield Verdict(
            f"{SENT:,} such rows with a record, more than without",
            f"at most {MOST_STORED:g} us an item",
            format_spread(more, ".2f", " us"),
            statistics.median(more) <= MOST_STORED,
        )

        run = send(store)
        results = [dict(result) for result in run.result("score")]
        turns = time_in_turn(
            {"items": lambda: run.items("score"), "frame": lambda: pd.DataFrame(results)}, TURNS
        )
        ratio = compare(turns, "items", "frame")
        yield Verdict(
            f"run.items of {SENT:,}, against a DataFrame of the results",
            f"at most {MOST_OF_FRAME:g}x",
            f"{ratio.text}, {_per_row(turns, 'items', SENT):.2f} us a row",
            ratio.median <= MOST_OF_FRAME,
        )
        yield from _measure_opening(run.run_id, store)


def _measure_opening(run_id: str, store: str) -> Iterator[Verdict]:
    seconds: list[float] = []
    megabytes: list[float] = []
    for _ in range(TURNS):
        command = [sys.executable, "-c", OPEN, run_id, store]
        process = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - ours
        spent, grown = json.loads(process.stdout)
        seconds.append(spent)
        megabytes.append(grown)

    yield Verdict(
        f"open_run of {SENT:,} such rows",
        f"at most {MOST_OPENING:g} s",
        format_spread(seconds, ".2f", " s"),
        statistics.median(seconds) <= MOST_OPENING,
    )
    yield Verdict(
        f"memory of open_run of {SENT:,} such rows",
        f"at most {MOST_OPENED:g} MB",
        format_spread(megabytes, ".1f", " MB"),
        statistics.median(megabytes) <= MOST_OPENED,
    )


def _copy_by_pickle(rows: object) -> object:
    return pickle.loads(pickle.dumps(rows, pickle.HIGHEST_PROTOCOL))  # noqa: S301 - ours


def make_rows(count: int) -> list[dict[str, Any]]:
    """Return records of five fields, one of which is a list of three numbers."""
    return [
        {
            "url": f"http://host/{number}",
            "size": number,
            "rate": number / 2,
            "name": f"name {number}",
            "tags": [number, number + 1, number + 2],
        }
        for number in range(count)
    ]


def score(url: str, size: int, tags: Sequence[int]) -> dict[str, Any]:
    """Return a record of five fields, as a function of a user would."""
    return {"url": url, "size": size, "first": tags[0], "ok": True, "rate": size / 3}


def _per_row(turns: Sequence[Turn], side: str, count: int) -> float:
    """Return the median time of a side, in microseconds a row."""
    return statistics.median(turn[side] for turn in turns) / count * 1e6

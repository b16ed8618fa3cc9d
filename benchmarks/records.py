"""Records of five fields: taken in, sent through an action, checked, shown, kept and opened."""

from __future__ import annotations

import copy
import importlib.util
import json
import pickle
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from attune_nb.language.parameter_specs import bind
from attune_nb.values.frozen import FrozenDict, FrozenList, freeze
from benchmarks.verdict import (
    Verdict,
    compare,
    judge_ratio,
    judge_spread,
    median_us,
    time_in_turn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["SCHEMA", "WORKFLOW", "make_rows", "measure", "measure_long", "score"]

TAKEN_IN = 20_000
CHECKED = 50_000
SENT = 100_000
SENT_BY_PEERS = 10_000
NUMBERS = 1_000_000
CONCURRENCY = 8
TURNS = 5

# of some seconds each
FEW_TURNS = 3

MOST_OF_COPY = 0.25  # of `copy.deepcopy`
MOST_OF_PICKLE = 1.0
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
WORKFLOW_OF_NUMBERS = """
parameters: {rows: {type: any}}
tasks:
  - name: score
    action: core.noop
    with_items: "{{ parameters.rows }}"
    concurrency: 8
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
    """Measure each way of the records, beside other programs for the same."""
    yield from _measure_taking_in()
    yield _measure_checks()
    with tempfile.TemporaryDirectory() as folder:
        yield from _measure_runs(str(Path(folder, "runs.db")))
    yield from _measure_peers()


def measure_long() -> Iterator[Verdict]:
    """Measure a record of a million numbers as well."""
    yield from measure()
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder, "runs.db"))
        run = _send(attune.loads(WORKFLOW_OF_NUMBERS), list(range(NUMBERS)), store)
        yield from _measure_opening(f"{NUMBERS:,} numbers", run.run_id, store)


def _measure_taking_in() -> Iterator[Verdict]:
    urls = [{"url": f"http://host/{number}"} for number in range(TAKEN_IN)]
    for subject, rows in (("{url}", urls), ("five fields with a list", make_rows(TAKEN_IN))):
        sides = {
            "attune_nb": partial(freeze, rows),
            "deepcopy": partial(copy.deepcopy, rows),
            "pickle": partial(_copy_by_pickle, rows),
            "containers": partial(_copy_containers, rows),
        }
        turns = time_in_turn(sides, TURNS)

        taken_in = f"{TAKEN_IN:,} rows of {subject} taken in"
        us = median_us(turns, "attune_nb", TAKEN_IN)
        bound = compare(turns, "containers", "deepcopy").median
        note = f"{us:.2f} us a row; read-only containers alone {bound:.2f}x"
        ratio = compare(turns, "attune_nb", "deepcopy")
        yield judge_ratio(f"{taken_in}, against deepcopy", ratio, MOST_OF_COPY, note)
        ratio = compare(turns, "attune_nb", "pickle")
        yield judge_ratio(f"{taken_in}, against pickle", ratio, MOST_OF_PICKLE)


def _measure_checks() -> Verdict:
    rows = make_rows(CHECKED)
    sides = {
        "declared": lambda: bind({"rows": SCHEMA}, {"rows": rows}),
        "undeclared": lambda: bind({"rows": {"type": "any"}}, {"rows": rows}),
    }
    turns = time_in_turn(sides, TURNS)
    more = [(turn["declared"] - turn["undeclared"]) / CHECKED * 1e6 for turn in turns]
    subject = f"{CHECKED:,} records as a declared parameter, more than undeclared"
    return judge_spread(subject, more, MOST_CHECK, "us a row")


def _measure_runs(store: str) -> Iterator[Verdict]:
    """Measure runs over all records with and without a record, and reading it."""
    rows = make_rows(SENT)
    workflow = attune.loads(WORKFLOW)
    sides: dict[str, Callable[[], object]] = {
        "run": lambda: _send(workflow, rows, "none"),
        "recorded": lambda: _send(workflow, rows, store),
        "pool": lambda: _send_by_pool(rows),
    }
    turns = time_in_turn(sides, FEW_TURNS, warm_up=False)

    ratio = compare(turns, "run", "pool")
    note = f"{median_us(turns, 'run', SENT):.1f} us an item"
    subject = f"{SENT:,} records to a map of five, against ThreadPoolExecutor({CONCURRENCY}).map"
    yield judge_ratio(subject, ratio, MOST_OF_POOL, note)

    more = [(turn["recorded"] - turn["run"]) / SENT * 1e6 for turn in turns]
    subject = f"{SENT:,} records with the store on, more than without"
    yield judge_spread(subject, more, MOST_STORED, "us an item")

    run = _send(workflow, rows, store)
    yield from _measure_frames(run)
    yield from _measure_opening(f"{SENT:,} records", run.run_id, store)


def _measure_frames(run: attune.Run) -> Iterator[Verdict]:
    """Compare the frames of a run with a DataFrame of its results alone."""
    import pandas as pd  # noqa: PLC0415 - slow to import

    results = [dict(result) for result in run.result("score")]
    sides: dict[str, Callable[[], object]] = {
        "run.items": lambda: run.items("score"),
        "run.items with expand=True": lambda: run.items("score", expand=True),
        "run.attempts": lambda: run.attempts("score"),
        "frame": lambda: pd.DataFrame(results),
    }
    turns = time_in_turn(sides, FEW_TURNS)
    for name in list(sides)[:-1]:
        ratio = compare(turns, name, "frame")
        note = f"{median_us(turns, name, SENT):.2f} us a row"
        subject = f"{name} of {SENT:,} records, against a DataFrame of the results"
        yield judge_ratio(subject, ratio, MOST_OF_FRAME, note)


def _measure_opening(subject: str, run_id: str, store: str) -> Iterator[Verdict]:
    """Measure `open_run` in processes of their own."""
    command = [sys.executable, "-c", OPEN, run_id, store]
    seconds: list[float] = []
    megabytes: list[float] = []
    for _ in range(FEW_TURNS):
        process = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - ours
        spent, grown = json.loads(process.stdout)
        seconds.append(spent)
        megabytes.append(grown)

    yield judge_spread(f"open_run of {subject}", seconds, MOST_OPENING, "s")
    subject = f"memory of open_run of {subject}"
    yield judge_spread(subject, megabytes, MOST_OPENED, "MB", spec=".1f")


def _measure_peers() -> Iterator[Verdict]:
    """Measure other ways to call a function for each record, on fewer records."""
    rows = make_rows(SENT_BY_PEERS)
    workflow = attune.loads(WORKFLOW)
    sides: dict[str, Callable[[], object]] = {"attune_nb": lambda: _send(workflow, rows, "none")}
    absent = []
    for name, (module, send) in PEERS.items():
        if importlib.util.find_spec(module) is None:
            absent.append(name)
        else:
            sides[name] = partial(send, rows)

    turns = time_in_turn(sides, FEW_TURNS)
    for name in PEERS:
        subject = f"{SENT_BY_PEERS:,} records to a map of five, {name} against attune_nb"
        if name in absent:
            yield Verdict(subject, "shown", "not installed")
            continue
        note = f"{median_us(turns, name, SENT_BY_PEERS):.1f} us an item"
        yield judge_ratio(subject, compare(turns, name, "attune_nb"), note=note)


def _send(workflow: attune.Workflow, rows: list[Any], store: str) -> attune.Run:
    """Run a workflow over all rows.

    Raises:
        RunFailed: It has not succeeded.
    """
    run = workflow.run({"rows": rows}, actions={"score": score}, progress=False, store=store)
    run.raise_for_status()
    return run


def _score_row(row: dict[str, Any]) -> dict[str, Any]:
    return score(row["url"], row["size"], row["tags"])


def _send_by_pool(rows: list[dict[str, Any]]) -> list[Any]:
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return list(pool.map(_score_row, rows))


def _send_by_joblib(rows: list[dict[str, Any]]) -> list[Any]:
    from joblib import Parallel, delayed  # noqa: PLC0415 - optional

    calls = (delayed(_score_row)(row) for row in rows)
    return list(Parallel(CONCURRENCY, prefer="threads")(calls))


def _send_by_dask(rows: list[dict[str, Any]]) -> list[Any]:
    import dask.bag  # noqa: PLC0415 - optional

    bag = dask.bag.from_sequence(rows, npartitions=CONCURRENCY)
    scored = bag.map(_score_row).compute(scheduler="threads", num_workers=CONCURRENCY)
    return list(scored)


def _send_by_pandas(rows: list[dict[str, Any]]) -> list[Any]:
    import pandas as pd  # noqa: PLC0415 - slow to import

    return list(pd.DataFrame(rows).apply(_score_row, axis=1))


def _send_by_polars(rows: list[dict[str, Any]]) -> list[Any]:
    """Call the function for each record, as for a function that no expression replaces."""
    import polars as pl  # noqa: PLC0415 - optional

    df = pl.DataFrame(rows)
    scored = df.select(pl.struct(pl.all()).map_elements(_score_row, return_dtype=pl.Object))
    results: list[Any] = scored.to_series().to_list()
    return results


PEERS: dict[str, tuple[str, Callable[[list[dict[str, Any]]], list[Any]]]] = {
    "joblib (threads)": ("joblib", _send_by_joblib),
    "dask.bag (threads)": ("dask", _send_by_dask),
    "pandas.apply": ("pandas", _send_by_pandas),
    "polars.map_elements": ("polars", _send_by_polars),
}
"""Other ways to call a function for each record: the module, and a function that does so.

pandas and polars call it in one thread, and make a frame of the records first.
"""


def _copy_by_pickle(rows: object) -> object:
    return pickle.loads(pickle.dumps(rows, pickle.HIGHEST_PROTOCOL))  # noqa: S301 - ours


def _copy_containers(rows: list[dict[str, Any]]) -> list[Any]:
    """Make the read-only containers of records by a comprehension, without a look at a value."""
    if "tags" not in rows[0]:
        return FrozenList(map(FrozenDict, rows))
    return FrozenList([FrozenDict(row, tags=FrozenList(row["tags"])) for row in rows])


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

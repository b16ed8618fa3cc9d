"""Beyond one core and one machine: the cost of an item in worker processes and on Dask.

Worker processes are started and ended within each time of a run.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from attune_nb.backends.chunks.sizing import MAX_ITEMS
from attune_nb.backends.dask import DaskBackend
from attune_nb.backends.processes.backend import ProcessBackend
from attune_nb.bench.crossing import CAPTURED, crossing, local_client, read_size
from attune_nb.bench.peers import WORKFLOW, no_op
from benchmarks.verdict import Verdict, format_spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client

TURNS = 3
ITEMS = 100_000

# an item of `client.map` takes more than a millisecond
PEER_ITEMS = 500
PEER_ITEMS_LONG = 5_000

LEAST_FASTER = 100.0
MOST_GROWTH = 1.1
LEAST_SCALING = 1.8
LEAST_OF_BARE = 0.93  # as a share of the speed of two processes that do nothing else

# characters of context
SMALL = 10_000
LARGE = 10_000_000
LARGE_LONG = 100_000_000

# the seconds of a CPU-bound item; their number, and how often they are measured
SPIN_SECONDS = 0.001
SPIN_ITEMS = 2_500
SPIN_TURNS = 3
SPIN_ITEMS_LONG = 8_000
SPIN_TURNS_LONG = 5

KILLED_ITEMS = 10_000
MOST_ATTEMPTS = 2
KILLED = """
parameters: {n: {}, path: {}}
tasks:
  - name: each
    action: log_item
    with_items: "{{ range(parameters.n) }}"
    concurrency: 8
    input: {x: "{{ item }}", path: "{{ parameters.path }}"}
"""


def measure() -> Iterator[Verdict]:
    """Measure overheads, scaling, bytes on the wire, and the cost of a killed worker."""
    with local_client() as client:
        yield from _measure_overheads(client)
        yield from _compare_with_map(client, PEER_ITEMS)
        yield _measure_crossing(client, LARGE, 1)
    yield _measure_scaling(SPIN_ITEMS, SPIN_TURNS)
    yield _measure_killed_worker()


def measure_long() -> Iterator[Verdict]:
    """Measure the same with more items, and more often."""
    with local_client() as client:
        yield from _measure_overheads(client)
        yield from _compare_with_map(client, PEER_ITEMS_LONG)
        yield _measure_crossing(client, LARGE_LONG, TURNS)
    yield _measure_scaling(SPIN_ITEMS_LONG, SPIN_TURNS_LONG)
    yield _measure_killed_worker()


def _run(action: Callable[..., Any], items: Any, backend: Any, workers: int | None = 2) -> float:
    """Run an action over items; return the seconds."""
    began = time.perf_counter()
    run = attune.loads(WORKFLOW).run(
        {"items": items, "data": None},
        actions={"no_op": action},
        backend=backend,
        workers=workers,
        progress=False,
        store="none",
    )
    run.raise_for_status()
    return time.perf_counter() - began


async def _no_op_async(value: Any) -> Any:
    return value


def _measure_overheads(client: Client) -> Iterator[Verdict]:
    """Measure an item on each backend."""
    items = range(ITEMS)
    sides: dict[str, Callable[[], float]] = {
        "inline": lambda: _run(no_op, items, "inline"),
        "threads": lambda: _run(no_op, items, "threads", None),
        "threads, async": lambda: _run(_no_op_async, items, "threads", None),
        "processes, 2": lambda: _run(no_op, items, "processes"),
        "processes, 2, async": lambda: _run(_no_op_async, items, "processes"),
        "dask, 2 workers": lambda: _run(no_op, items, DaskBackend(client)),
    }
    us: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(TURNS):
        for name, side in sides.items():
            us[name].append(side() / ITEMS * 1e6)

    for name, times in us.items():
        figure = format_spread(times, ".1f", " us")
        yield Verdict(f"an item of {ITEMS:,}, {name}", "shown", figure)


def _compare_with_map(client: Client, items: int) -> Iterator[Verdict]:
    """Time the same no-op by `client.map`, one task an item, with the context scattered."""
    future = client.scatter("x" * SMALL, broadcast=True, hash=False)
    ratios = []
    ours = []
    theirs = []
    for _ in range(TURNS):
        ours.append(_run(no_op, range(ITEMS), DaskBackend(client)) / ITEMS)

        began = time.perf_counter()
        client.gather(client.map(_read_data, range(items), data=future, pure=False))
        theirs.append((time.perf_counter() - began) / items)
        ratios.append(theirs[-1] / ours[-1])

    their_us = [seconds * 1e6 for seconds in theirs]
    yield Verdict(
        f"an item of {items:,}, client.map", "shown", format_spread(their_us, ",.0f", " us")
    )

    figure = format_spread(ratios, ".0f", "x")
    yield Verdict(
        "throughput on Dask against client.map",
        f"at least {LEAST_FASTER:g}x",
        f"{figure}, {statistics.median(ours) * 1e6:.1f} us an item",
        statistics.median(ratios) >= LEAST_FASTER,
    )


def _read_data(value: Any, data: Any) -> object:
    return read_size(value, len(data))


def _measure_crossing(client: Client, large: int, repeats: int) -> Verdict:
    """Compare the bytes on the wire with a large and a small context."""
    df = crossing((SMALL, large), repeats=repeats, client=client)
    ours = df[df["strategy"] == "attune_nb"].groupby("size")["bytes"].median()
    peers = df[df["size"] == large].groupby("strategy")["bytes"].median()
    ratio = float(ours[large] / ours[SMALL])
    scattered = f"{peers['client.map, scattered']:,.0f} B scattered"
    captured = f"{peers[CAPTURED] / 1e6:,.0f} MB captured"
    return Verdict(
        f"bytes on the wire for one more item, {large / 1e6:.0f} MB of context against 10 KB",
        f"at most {MOST_GROWTH:g}x",
        f"{ratio:.3f}x ({ours[large]:.0f} and {ours[SMALL]:.0f} B; "
        f"client.map {scattered}, {captured})",
        ratio <= MOST_GROWTH,
    )


def _measure_scaling(items: int, turns: int) -> Verdict:
    """Time work that takes a core 1 ms an item, on one process and on two."""
    loops = _count_loops()

    def spin(value: int) -> int:
        return sum(range(loops)) + value

    ratios = []
    bare_ratios = []
    for _ in range(turns):
        bare_ratios.append(_time_bare(loops, items, 1) / _time_bare(loops, items, 2))
        single = _run(spin, range(items), "processes", 1)
        double = _run(spin, range(items), "processes", 2)
        ratios.append(single / double)

    ratio = statistics.median(ratios)
    bare = statistics.median(bare_ratios)
    # on a machine without a second free core, bare processes gain nothing either
    holds = ratio >= min(LEAST_SCALING, LEAST_OF_BARE * bare)
    return Verdict(
        f"{items:,} CPU-bound items of a millisecond, 2 processes against 1",
        f"at least {LEAST_SCALING:g}x, or {LEAST_OF_BARE:g} of the bare processes",
        f"{format_spread(ratios, '.2f', 'x')} as fast; bare processes {bare:.2f}x",
        holds,
    )


def _time_bare(loops: int, items: int, processes: int) -> float:
    """Time the same work in processes that do nothing else, each with its share of it."""
    code = f"for _ in range({items // processes}): sum(range({loops}))"
    command = [sys.executable, "-c", code]
    began = time.perf_counter()
    started = [subprocess.Popen(command) for _ in range(processes)]  # noqa: S603 - the command is ours
    for process in started:
        process.wait()
    return time.perf_counter() - began


def _count_loops() -> int:
    """Return how far one core counts in about a millisecond."""
    count = 10_000
    rounds = 20
    spent = 0.0

    for _ in range(rounds):
        began = time.process_time()
        sum(range(count))
        spent += time.process_time() - began

    return int(count * SPIN_SECONDS / (spent / rounds))


def _measure_killed_worker() -> Verdict:
    """Kill a worker amid 10,000 items; count how often each item was run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "items")
        backend = ProcessBackend(2)
        killer = threading.Thread(target=_kill_worker, args=(backend, path))
        killer.start()
        run = attune.loads(KILLED).run(
            {"n": KILLED_ITEMS, "path": str(path)},
            actions={"log_item": _log_item},
            backend=backend,
            progress=False,
            store="none",
        )
        killer.join()
        attempts = Counter(path.read_text().split())

    is_right = run.result("each") == [x * 3 for x in range(KILLED_ITEMS)]
    repeated = attempts.total() - len(attempts)
    none_more_often = max(attempts.values()) <= MOST_ATTEMPTS
    holds = run.status == "succeeded" and is_right and repeated <= MAX_ITEMS and none_more_often
    return Verdict(
        f"a worker killed amid {KILLED_ITEMS:,} items",
        f"at most a chunk twice ({MAX_ITEMS:,} items at most)",
        f"{run.status}, every result right: {is_right}; "
        f"{repeated} items twice, none more often: {none_more_often}",
        holds,
    )


def _log_item(x: int, path: str) -> int:
    """Write an item to a file, and return a result that can be checked."""
    with Path(path).open("a") as file:
        file.write(f"{x}\n")
    return x * 3


def _kill_worker(backend: ProcessBackend, path: Path) -> None:
    """Kill a worker once about four of ten items have been written."""
    while not path.exists() or path.stat().st_size < 2 * KILLED_ITEMS:
        time.sleep(0.001)
    os.kill(backend.pids()[0], signal.SIGKILL)

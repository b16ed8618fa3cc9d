"""Beyond one core and one machine: what an item costs in worker processes and on Dask.

Worker processes begin and end within each time that is told of a run.
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
from attune_nb.bench.crossing import crossing, local_client, measured
from attune_nb.bench.peers import WORKFLOW, no_op
from benchmarks.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from distributed import Client

TURNS, SCALING_TURNS = 3, 5
ITEMS, PEER_ITEMS = 100_000, 5_000
LEAST_FASTER, MOST_GROWTH, LEAST_SCALING = 100.0, 1.1, 1.8
SMALL, LARGE = 10_000, 100_000_000  # characters of context
SPUN, SPIN_ITEMS = 0.001, 8_000
KILLED = """
parameters: {n: {}, path: {}}
tasks:
  - name: each
    action: made
    with_items: "{{ range(parameters.n) }}"
    concurrency: 8
    input: {x: "{{ item }}", path: "{{ parameters.path }}"}
"""


def measure() -> Iterator[Verdict]:
    """Measure overheads, scaling, what crosses the wire, and what a killed worker costs."""
    with local_client() as client:
        yield from _overheads(client)
        yield _against_map(client)
        yield _crossing(client)
    yield _scaling()
    yield _killed()


def _run(action: Callable[..., Any], items: Any, backend: Any, workers: int | None = 2) -> float:
    """Run an action over items; give the seconds."""
    began = time.perf_counter()
    run = attune.loads(WORKFLOW).run(
        {"items": items, "held": None},
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


def _overheads(client: Client) -> Iterator[Verdict]:
    sides: dict[str, Callable[[], float]] = {
        "inline": lambda: _run(no_op, range(ITEMS), "inline"),
        "threads": lambda: _run(no_op, range(ITEMS), "threads", None),
        "threads, async": lambda: _run(_no_op_async, range(ITEMS), "threads", None),
        "processes, 2": lambda: _run(no_op, range(ITEMS), "processes"),
        "processes, 2, async": lambda: _run(_no_op_async, range(ITEMS), "processes"),
        "dask, 2 workers": lambda: _run(no_op, range(ITEMS), DaskBackend(client)),
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(TURNS):
        for name, side in sides.items():
            taken[name].append(side() / ITEMS * 1e6)
    for name, each in taken.items():
        told = f"{statistics.median(each):.1f} us ({min(each):.1f} to {max(each):.1f})"
        yield Verdict(f"an item of {ITEMS:,}, {name}", "shown", told, holds=True)


def _against_map(client: Client) -> Verdict:
    """Time the same no-op by `client.map`, one task an item, with the context scattered."""
    there = client.scatter("x" * SMALL, broadcast=True, hash=False)
    ratios, ours, theirs = [], [], []
    for _ in range(TURNS):
        ours.append(_run(no_op, range(ITEMS), DaskBackend(client)) / ITEMS)
        began = time.perf_counter()
        client.gather(client.map(_reading, range(PEER_ITEMS), held=there, pure=False))
        theirs.append((time.perf_counter() - began) / PEER_ITEMS)
        ratios.append(theirs[-1] / ours[-1])
    middle = statistics.median(ratios)
    return Verdict(
        f"throughput on Dask against client.map ({PEER_ITEMS:,} items of it)",
        f"at least {LEAST_FASTER:g}x",
        f"{middle:.0f}x ({min(ratios):.0f} to {max(ratios):.0f}): "
        f"{statistics.median(ours) * 1e6:.1f} us against {statistics.median(theirs) * 1e6:,.0f} us",
        middle >= LEAST_FASTER,
    )


def _reading(value: Any, held: Any) -> object:
    return measured(value, len(held))


def _crossing(client: Client) -> Verdict:
    found = crossing((SMALL, LARGE), repeats=TURNS, client=client)
    ours = found[found["strategy"] == "attune_nb"].groupby("size")["bytes"].median()
    peers = found[found["size"] == LARGE].groupby("strategy")["bytes"].median()
    ratio = float(ours[LARGE] / ours[SMALL])
    return Verdict(
        "bytes on the wire for one more item, 100 MB of context against 10 KB",
        f"at most {MOST_GROWTH:g}x",
        f"{ratio:.3f}x ({ours[LARGE]:.0f} and {ours[SMALL]:.0f} B; client.map "
        f"{peers['client.map, scattered']:,.0f} B scattered, "
        f"{peers['client.map, captured'] / 1e6:,.0f} MB captured)",
        ratio <= MOST_GROWTH,
    )


def _scaling() -> Verdict:
    """Time work that takes a core 1 ms an item, on one process and on two."""
    loops = _loops()

    def spin(value: int) -> int:
        return sum(range(loops)) + value

    ratios, alone, bare = [], [], []
    for _ in range(SCALING_TURNS):
        bare.append(_bare(loops, 1) / _bare(loops, 2))
        one = _run(spin, range(SPIN_ITEMS), "processes", 1)
        two = _run(spin, range(SPIN_ITEMS), "processes", 2)
        ratios.append(one / two)
        alone.append(one / SPIN_ITEMS * 1e3)
    middle = statistics.median(ratios)
    return Verdict(
        f"{SPIN_ITEMS:,} CPU-bound items of {statistics.median(alone):.2f} ms, 2 processes to 1",
        f"at least {LEAST_SCALING:g}x",
        f"{middle:.2f}x ({min(ratios):.2f} to {max(ratios):.2f}); "
        f"processes that do nothing else {statistics.median(bare):.2f}x",
        middle >= LEAST_SCALING,
    )


def _bare(loops: int, processes: int) -> float:
    """Time the same work in as many processes of their own, each with its share of it."""
    code = f"for _ in range({SPIN_ITEMS // processes}): sum(range({loops}))"
    began = time.perf_counter()
    begun = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(processes)]  # noqa: S603
    for each in begun:
        each.wait()
    return time.perf_counter() - began


def _loops() -> int:
    """Give how far to count for about a millisecond of one core."""
    count, spent = 10_000, 0.0
    for _ in range(20):
        began = time.process_time()
        sum(range(count))
        spent += time.process_time() - began
    return int(count * SPUN / (spent / 20))


def _killed() -> Verdict:
    """Kill a worker amid 10,000 items; count how often each was made."""
    count = 10_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made")
        backend = ProcessBackend(2)

        def made(x: int, path: str) -> int:
            with Path(path).open("a") as file:
                file.write(f"{x}\n")
            return x * 3

        def kill() -> None:
            while not path.exists() or path.stat().st_size < 20 * count // 10:
                time.sleep(0.001)
            os.kill(backend.pids()[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        run = attune.loads(KILLED).run(
            {"n": count, "path": str(path)},
            actions={"made": made},
            backend=backend,
            progress=False,
            store="none",
        )
        killer.join()
        times = Counter(path.read_text().split())
    right = run.result("each") == [x * 3 for x in range(count)]
    twice = sum(each - 1 for each in times.values())
    return Verdict(
        f"a worker killed amid {count:,} items: {run.status}, every result right: {right}",
        f"at most a chunk twice ({MAX_ITEMS:,} items at most)",
        f"{twice} items twice, none more often: {max(times.values()) <= 2}",  # noqa: PLR2004
        run.status == "succeeded" and right and twice <= MAX_ITEMS and max(times.values()) <= 2,  # noqa: PLR2004
    )

"""The cost of giving one item its context, by the context's size and the strategy."""

from __future__ import annotations

import functools
import gc
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

from attune_nb.bench import arguments
from attune_nb.bench.memory import MemoryProbe
from attune_nb.bench.rounds import rotate
from attune_nb.bench.strategies import STRATEGIES, plain_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from attune_nb.bench.strategies import MakeScope

__all__ = ["clone"]

SIZES = (0, 102_400, 512_000, 1_024_000, 5_120_000)
"""Empty, 100 KB, 500 KB, 1 MB and 5 MB, as in the original report."""

COLUMNS = ["bench", "strategy", "kind", "size", "n", "seconds", "bytes", "repeat"]

# seconds for one row by default
_LONGEST = 5.0

# scopes that are kept to measure their memory: of cheap strategies, and of slow ones
_KEPT_SCOPES = 200
_KEPT_SLOW_SCOPES = 2

# the seconds for a scope from which on a strategy is slow
_SLOW = 0.001

# the share of a row's seconds after which its whole time can be estimated
_ENOUGH = 0.05


def clone(
    sizes: Sequence[int] = SIZES,
    strategies: Sequence[str] | None = None,
    *,
    counts: Sequence[int] = (1000,),
    kind: str = "list",
    repeats: int = 5,
    longest: float = _LONGEST,
) -> pd.DataFrame:
    """Measure scopes, each strategy in turn; nothing is estimated.

    Args:
        sizes: Elements (or characters) in the task results of the context.
        strategies: Names of `attune_nb.bench.STRATEGIES`; by default all.
        counts: The number of scopes that are made in one measurement.
        kind: The kind of the results, "list" or "text".
        repeats: The number of measurements of each strategy.
        longest: The most seconds of one measurement. If the first scopes show that it would take
            longer, fewer are made, and the column `n` has their number.

    Returns:
        One row a measurement, with the columns bench ("clone"), strategy, kind, size, n (scopes
        made), seconds (for all n), bytes (of one scope, as `tracemalloc` counts them; NaN in
        later repeats if they take long to measure), repeat.

    Raises:
        BackendError: There is no such strategy or kind; or an argument is not an array of
            integers (sizes of at least 0, counts of at least 1); or it has a value twice.
    """
    import pandas as pd  # noqa: PLC0415 - heavy

    arguments.check_kind(kind)
    names = arguments.read_names("strategies", strategies, STRATEGIES, "strategy")
    counts = arguments.read_integers("counts", counts, 1)
    repeats = arguments.read_integer("repeats", repeats, 1)
    longest = arguments.read_seconds("longest", longest)
    sizes = arguments.read_integers("sizes", sizes, 0)

    rows: list[dict[str, Any]] = []
    for size in sizes:
        plain = plain_context(size, kind)
        makers = {name: STRATEGIES[name](plain) for name in names}
        probe = MemoryProbe()
        for repeat in range(repeats):
            shared = {"bench": "clone", "kind": kind, "size": size, "repeat": repeat}
            measured = _measure_repeat(makers, counts, repeat, longest, probe)
            rows += [shared | row for row in measured]

    return pd.DataFrame(rows, columns=COLUMNS)


def _measure_repeat(
    makers: dict[str, MakeScope],
    counts: Sequence[int],
    repeat: int,
    longest: float,
    probe: MemoryProbe,
) -> Iterator[dict[str, Any]]:
    """Measure all strategies once, with each count; yield a row for each measurement."""
    if not counts:
        return

    sizes = {}
    for name, make in makers.items():
        sizes[name] = probe.measure(name, functools.partial(_scope_bytes, make))

    for count in counts:
        for name in rotate(list(makers), repeat):
            n, seconds = _time_scopes(makers[name], count, longest)
            yield {"strategy": name, "n": n, "seconds": seconds, "bytes": sizes[name]}


def _time_scopes(make: MakeScope, count: int, longest: float) -> tuple[int, float]:
    """Time making scopes; none is kept.

    If all would take longer than `longest`, fewer are made. That is not estimated before some
    time has passed: a hiccup of the machine would make a single scope look far too slow.

    Args:
        make: Makes a scope.
        count: The number of scopes.
        longest: The most seconds.

    Returns:
        The number of scopes that were made, and the seconds.
    """
    # the first may warm something up
    make(0, 0)
    gc.collect()

    count_made = 0
    spent = 0.0
    for part in _split_count(count):
        numbers = range(part)
        begin = time.perf_counter()
        for number in numbers:
            make(number, number)
        spent += time.perf_counter() - begin
        count_made += part
        if spent * count / count_made > longest and spent > _ENOUGH * longest:
            break

    return count_made, spent


def _split_count(count: int) -> Iterator[int]:
    """Split a count in 1, 9, 90, ... and the remainder, so that a slow strategy shows early."""
    total = 0
    while total < count:
        part = min(max(9 * total, 1), count - total)
        yield part
        total += part


def _scope_bytes(make: MakeScope) -> float:
    """Return the bytes of one scope while it is kept."""
    _, seconds = _time_scopes(make, 1, 0.0)
    count = _KEPT_SCOPES if seconds < _SLOW else _KEPT_SLOW_SCOPES
    scopes: list[Any] = [None] * count
    gc.collect()

    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for index in range(count):
        scopes[index] = make(None, 0)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / count

"""What giving one item its context costs, by the context's size and the way it is done."""

from __future__ import annotations

import functools
import gc
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

from attune_nb.bench import arguments
from attune_nb.bench.memory import Weighed
from attune_nb.bench.rounds import turned
from attune_nb.bench.strategies import STRATEGIES, plain_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from attune_nb.bench.strategies import MakeScope

__all__ = ["clone"]

SIZES = (0, 102_400, 512_000, 1_024_000, 5_120_000)
"""Empty, 100 KB, 500 KB, 1 MB and 5 MB, as in the original report."""

COLUMNS = ["bench", "strategy", "kind", "size", "n", "seconds", "bytes", "repeat"]

_LONGEST = 5.0  # seconds for one row by default
_MANY, _FEW = 200, 2  # scopes that are kept to weigh them: of cheap ways, and of dear ones
_DEAR = 0.001  # seconds
_WHILE = 0.05  # of what one row may take: ten times that many scopes are in time, too


def clone(
    sizes: Sequence[int] = SIZES,
    strategies: Sequence[str] | None = None,
    *,
    counts: Sequence[int] = (1000,),
    kind: str = "list",
    repeats: int = 5,
    longest: float = _LONGEST,
) -> pd.DataFrame:
    """Measure scopes, each way in turn, and nothing estimated.

    Args:
        sizes: Elements (or characters) in the task results of the context.
        strategies: Names of `attune_nb.bench.STRATEGIES`; by default all.
        counts: How many scopes are made in one measurement.
        kind: What the results are made of, "list" or "text".
        repeats: How often each is measured.
        longest: Seconds that one measurement may take; where the first scopes tell that so
            many would take longer, fewer are made, and `n` says how many it were.

    Returns:
        One row a measurement: bench ("clone"), strategy, kind, size, n (scopes made), seconds
        (for all n), bytes (that one scope holds, as `tracemalloc` counts them; NaN in later
        repeats of what takes long to weigh), repeat.

    Raises:
        BackendError: There is no such strategy or kind, or an argument is no list of whole
            numbers (sizes of at least 0, counts of at least 1), or names something twice.
    """
    import pandas as pd  # noqa: PLC0415 - heavy

    arguments.check_kind(kind)
    names = arguments.names("strategies", strategies, STRATEGIES, "strategy")
    each_count = arguments.numbers("counts", counts, 1)
    turns = range(arguments.number("repeats", repeats, 1))
    room = arguments.seconds("longest", longest)
    rows: list[dict[str, Any]] = []
    for size in arguments.numbers("sizes", sizes, 0):
        plain = plain_context(size, kind)
        makers = {name: STRATEGIES[name](plain) for name in names}
        weighed = Weighed()
        for repeat in turns:
            rows += [
                {"bench": "clone", "kind": kind, "size": size, "repeat": repeat, **row}
                for row in _one_turn(makers, each_count, repeat, room, weighed)
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _one_turn(
    makers: dict[str, MakeScope],
    counts: Sequence[int],
    repeat: int,
    longest: float,
    weighed: Weighed,
) -> Iterator[dict[str, Any]]:
    if not counts:
        return
    held = {
        name: weighed.bytes(name, functools.partial(_bytes, make)) for name, make in makers.items()
    }
    for count in counts:
        for name in turned(list(makers), repeat):
            n, seconds = _seconds(makers[name], count, longest)
            yield {"strategy": name, "n": n, "seconds": seconds, "bytes": held[name]}


def _seconds(make: MakeScope, count: int, longest: float) -> tuple[int, float]:
    """Time so many scopes, or as many as there is time for; none is kept.

    A while must have gone before it is told how long all will take: of a single scope, a hiccup
    of the machine would tell too much.
    """
    make(0, 0)  # the first may warm something up
    gc.collect()
    made, spent = 0, 0.0
    for part in _parts(count):
        numbers = range(part)
        begin = time.perf_counter()
        for number in numbers:
            make(number, number)
        spent += time.perf_counter() - begin
        made += part
        if spent * count / made > longest and spent > _WHILE * longest:
            break
    return made, spent


def _parts(count: int) -> Iterator[int]:
    """Split a count: 1, 9, 90, ... and the rest, so that a dear way is known soon."""
    done = 0
    while done < count:
        part = min(max(9 * done, 1), count - done)
        yield part
        done += part


def _bytes(make: MakeScope) -> float:
    """Give the bytes that one scope holds while it is kept."""
    count = _MANY if _seconds(make, 1, 0.0)[1] < _DEAR else _FEW
    kept: list[Any] = [None] * count
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for at in range(count):
        kept[at] = make(None, 0)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / count

"""A whole fan-out, end to end, beside other ways to call a function for every item."""

from __future__ import annotations

import functools
import gc
import logging
import tracemalloc
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from attune_nb.bench import arguments
from attune_nb.bench.memory import MemoryProbe
from attune_nb.bench.peers import PEERS, SERVICES, open_peer
from attune_nb.bench.rounds import rotate, time_call
from attune_nb.bench.strategies import plain_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from attune_nb.bench.peers import Side

__all__ = ["fanout"]

COLUMNS = ["bench", "strategy", "kind", "size", "n", "seconds", "bytes", "repeat"]

ALWAYS = ("attune_nb", "for loop")
"""The peers that are measured however long they take: the others are compared with them."""

# items from which the time of more items is estimated, and by which factor of the allowed time
# that estimate may be wrong
_ESTIMATES = ((10, 10.0), (100, 1.0))

# how often each of these is timed; the least counts
_TRIES = 3

_log = logging.getLogger("attune_nb")


def fanout(
    items: Sequence[int] = (1_000, 10_000),
    context_bytes: Sequence[int] = (10_240, 1_024_000),
    peers: Sequence[str] | None = None,
    *,
    kind: str = "text",
    repeats: int = 3,
    longest: float = 10.0,
) -> pd.DataFrame:
    """Call a function that does nothing for every item, by each peer in turn.

    Args:
        items: The numbers of items.
        context_bytes: Elements (or characters) in the context beside the items.
        peers: Names of `attune_nb.bench.PEERS`; by default all that are installed.
        kind: The kind of value in the context, "list" or "text".
        repeats: The number of measurements of each peer. Peers take turns, so that a change of
            the machine's speed meets all. But `SERVICES` are measured alone, since they keep the
            machine busy.
        longest: The most seconds of one measurement. A peer that would take longer, judged by a
            few items, is left out and not estimated, and a warning is logged. attune_nb and the
            bare loop are never left out.

    Returns:
        One row a measurement, with the columns bench ("fanout"), strategy, kind, size (of the
        context), n (items), seconds, bytes (the peak of `tracemalloc` in a run of its own, above
        the memory before it; of this process only; NaN in later repeats if it takes long to
        measure), repeat.

    Raises:
        BackendError: There is no such peer or kind; or an argument is not an array of integers of
            at least 0; or it has a value twice.
    """
    import pandas as pd  # noqa: PLC0415 - heavy

    arguments.check_kind(kind)
    names = arguments.read_names("peers", peers, PEERS, "peer")
    counts = sorted(arguments.read_integers("items", items, 0))
    sizes = arguments.read_integers("context_bytes", context_bytes, 0)
    repeats = arguments.read_integer("repeats", repeats, 1)
    longest = arguments.read_seconds("longest", longest)

    rows: list[dict[str, Any]] = []
    for group in _group_peers(names):
        with ExitStack() as stack:
            sides = _open_installed(group, stack)
            for size in sizes:
                data = plain_context(size, kind)["tasks"]
                for count in counts:
                    shared = {"bench": "fanout", "kind": kind, "size": size, "n": count}
                    in_time = _select_in_time(sides, count, size, data, longest)
                    measured = _measure_sides(in_time, count, data, repeats)
                    rows += [shared | row for row in measured]

    return pd.DataFrame(rows, columns=COLUMNS)


def _group_peers(names: list[str]) -> list[list[str]]:
    """Return the peers that are measured in turn, and each service alone."""
    together = [name for name in names if name not in SERVICES]
    services = [[name] for name in names if name in SERVICES]
    return [together, *services]


def _open_installed(names: list[str], stack: ExitStack) -> dict[str, Side]:
    """Open peers; log a warning for each that is not installed."""
    sides = {}
    for name in names:
        side = stack.enter_context(open_peer(name))
        if side is None:
            _log.warning("%s is not installed: it is left out", name)
        else:
            sides[name] = side
    return sides


def _select_in_time(
    sides: dict[str, Side], count: int, size: int, data: Any, longest: float
) -> dict[str, Side]:
    """Return the sides that take no longer than allowed; log a warning for each other one."""
    in_time = {}
    for name, side in sides.items():
        if name in ALWAYS or _is_in_time(side, count, data, longest):
            in_time[name] = side
        else:
            _log.warning(
                "%s is left out at %s items, %s in the context: it would take longer than %g s",
                name,
                f"{count:,}",
                f"{size:,}",
                longest,
            )
    return in_time


def _measure_sides(
    sides: dict[str, Side], count: int, data: Any, repeats: int
) -> Iterator[dict[str, Any]]:
    """Measure sides in turn; yield a row for each measurement."""
    probe = MemoryProbe()
    items = range(count)

    for repeat in range(repeats):
        for name in rotate(list(sides), repeat):
            side = sides[name]
            peak = probe.measure(name, functools.partial(_measure_peak, side, items, data))
            seconds = _time_side(side, items, data)
            yield {"strategy": name, "seconds": seconds, "bytes": peak, "repeat": repeat}


def _is_in_time(side: Side, count: int, data: Any, longest: float) -> bool:
    """Return whether a number of items will take no longer than allowed, judged by a few of them.

    Ten items show only whether a side is far too slow; so it is estimated again with a hundred.
    The first call warms up. Each is timed several times, and the least counts: a hiccup of the
    machine lengthens one of them, but a slow side takes long in all.
    """
    if not count:
        return True

    for most, factor in _ESTIMATES:
        few = min(most, count)
        once, twice = _time_few(side, few, data)
        seconds_for_few = max(twice - once, 0.0)
        missing = max(count - 2 * few, 0)
        if twice + seconds_for_few / few * missing > factor * longest:
            return False
    return True


def _time_few(side: Side, few: int, data: Any) -> tuple[float, float]:
    """Return the least seconds for a few items, and for twice as many."""
    # to warm up
    _time_side(side, range(few), data)

    once = []
    twice = []
    for _ in range(_TRIES):
        once.append(_time_side(side, range(few), data))
        twice.append(_time_side(side, range(2 * few), data))
    return min(once), min(twice)


def _time_side(side: Side, items: Sequence[int], data: Any) -> float:
    """Return the seconds of a fan-out over items.

    Raises:
        AssertionError: A result is missing or wrong.
    """
    spent, results = time_call(lambda: side(items, data))
    if len(results) != len(items) or (items and results[-1] != items[-1]):
        raise AssertionError("a result is missing or wrong")
    return spent


def _measure_peak(side: Side, items: Sequence[int], data: Any) -> float:
    """Return the peak of the memory that a fan-out takes, in bytes."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    side(items, data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before

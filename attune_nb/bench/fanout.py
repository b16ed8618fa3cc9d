"""A whole fan-out, end to end, beside what people would use instead."""

from __future__ import annotations

import functools
import gc
import logging
import tracemalloc
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from attune_nb.bench import arguments
from attune_nb.bench.memory import Weighed
from attune_nb.bench.peers import PEERS, SERVICES, opened
from attune_nb.bench.rounds import timed, turned
from attune_nb.bench.strategies import plain_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from attune_nb.bench.peers import Side

__all__ = ["fanout"]

_log = logging.getLogger("attune_nb")
FEW, WARM_UP = 10, 100  # items that tell how long more will take
TRIES = 3
COLUMNS = ["bench", "strategy", "kind", "size", "n", "seconds", "bytes", "repeat"]
ALWAYS = ("attune_nb", "for loop")
"""What is measured however long it takes: the others are held against them."""


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
        items: How many items.
        context_bytes: Elements (or characters) in the context beside the items.
        peers: Names of `attune_nb.bench.PEERS`; by default all that are installed.
        kind: What the context holds, "list" or "text".
        repeats: How often each is measured; they take turns, so that a change of the machine's
            speed meets all; but `SERVICES` are measured alone, since they keep the machine busy.
        longest: Seconds that one measurement may take. What a few items tell would take longer
            is left out, not estimated, and a warning says so; attune_nb and the bare loop
            never are.

    Returns:
        One row a measurement: bench ("fanout"), strategy, kind, size (of the context), n
        (items), seconds, bytes (the peak that `tracemalloc` saw in a run of its own above what
        was there before; of this process only; NaN in later repeats of what takes long to
        weigh), repeat.

    Raises:
        BackendError: There is no such peer or kind, or an argument is no list of whole numbers
            of at least 0, or names something twice.
    """
    import pandas as pd  # noqa: PLC0415 - heavy

    arguments.check_kind(kind)
    names = arguments.names("peers", peers, PEERS, "peer")
    counts = sorted(arguments.numbers("items", items, 0))
    sizes = arguments.numbers("context_bytes", context_bytes, 0)
    turns, room = arguments.number("repeats", repeats, 1), arguments.seconds("longest", longest)
    together = [name for name in names if name not in SERVICES]
    rows: list[dict[str, Any]] = []
    for group in [together, *([name] for name in names if name in SERVICES)]:
        with ExitStack() as stack:
            sides = {name: stack.enter_context(opened(name)) for name in group}
            for name in [name for name, side in sides.items() if side is None]:
                _log.warning("%s is not installed: it is left out", name)
            able = {name: side for name, side in sides.items() if side is not None}
            for size in sizes:
                held = plain_context(size, kind)["tasks"]
                for count in counts:
                    in_time = _in_time(able, count, size, held, room)
                    rows += [
                        {"bench": "fanout", "kind": kind, "size": size, "n": count, **row}
                        for row in _one_size(in_time, count, held, turns)
                    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _in_time(
    sides: dict[str, Side], count: int, size: int, held: Any, longest: float
) -> dict[str, Side]:
    """Give the sides that will be done in time, and warn of each of the others."""
    able = {}
    for name, side in sides.items():
        if name in ALWAYS or _is_able(side, count, held, longest):
            able[name] = side
        else:
            _log.warning(
                "%s is left out at %s items, %s in the context: it would take longer than %g s",
                name, f"{count:,}", f"{size:,}", longest,
            )  # fmt: skip
    return able


def _one_size(
    sides: dict[str, Side], count: int, held: Any, repeats: int
) -> Iterator[dict[str, Any]]:
    weighed = Weighed()
    for repeat in range(repeats):
        for name in turned(list(sides), repeat):
            peak = weighed.bytes(name, functools.partial(_peak, sides[name], range(count), held))
            seconds = _seconds(sides[name], range(count), held)
            yield {"strategy": name, "seconds": seconds, "bytes": peak, "repeat": repeat}


def _is_able(side: Side, count: int, held: Any, longest: float) -> bool:
    """Tell whether so many items will be done in time, by what a few of them take.

    Ten tell little of what is cheap, and enough of what is far too dear; so it is asked again
    with a hundred. The first time warms up. Each is timed several times, and the least counts: a
    hiccup of the machine lengthens one of them, what is dear lengthens all.
    """
    if not count:
        return True
    for few, room in ((min(FEW, count), 10.0), (min(WARM_UP, count), 1.0)):
        took = [_seconds(side, range(times * few), held) for times in (1, *(1, 2) * TRIES)]
        once, twice = min(took[1::2]), min(took[2::2])
        more = max(twice - once, 0.0)  # that `few` more items take
        if twice + more / few * max(count - 2 * few, 0) > room * longest:
            return False
    return True


def _seconds(side: Side, items: Sequence[int], held: Any) -> float:
    spent, found = timed(lambda: side(items, held))
    if len(found) != len(items) or (items and found[-1] != items[-1]):
        raise AssertionError("a result is missing or wrong")
    return spent


def _peak(side: Side, items: Sequence[int], held: Any) -> float:
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    side(items, held)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before

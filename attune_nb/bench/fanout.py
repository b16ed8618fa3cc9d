"""A whole fan-out, end to end, beside what people would use instead."""

from __future__ import annotations

import gc
import logging
import tracemalloc
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from attune_nb.bench.contexts import plain_context
from attune_nb.bench.peers import PEERS, SERVICES, opened
from attune_nb.bench.turns import timed, turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from attune_nb.bench.peers import Side

__all__ = ["fanout"]

_log = logging.getLogger("attune_nb")
FEW, WARM_UP = 10, 100  # items that tell how long more will take
COLUMNS = ["strategy", "kind", "size", "n", "seconds", "bytes", "repeat"]


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
            is left out, not estimated.

    Returns:
        One row a measurement: strategy, kind, size (of the context), n (items), seconds,
        bytes (the peak that `tracemalloc` saw in a run of its own above what was there before;
        of this process only), repeat.
    """
    import pandas as pd  # noqa: PLC0415 - heavy

    names = list(PEERS) if peers is None else list(peers)
    together = [name for name in names if name not in SERVICES]
    rows: list[dict[str, Any]] = []
    for group in [together, *([name] for name in names if name in SERVICES)]:
        with ExitStack() as stack:
            sides = {name: stack.enter_context(opened(name)) for name in group}
            for name in [name for name, side in sides.items() if side is None]:
                _log.warning("%s is not installed: it is left out", name)
            able = {name: side for name, side in sides.items() if side is not None}
            for size in context_bytes:
                held = plain_context(size, kind)["tasks"]
                for count in sorted(items):
                    rows += _one_size(able, count, size, held, repeats, longest, kind)
    return pd.DataFrame(rows, columns=COLUMNS)


def _one_size(
    sides: dict[str, Side],
    count: int,
    size: int,
    held: Any,
    repeats: int,
    longest: float,
    kind: str,
) -> list[dict[str, Any]]:
    able = {name: side for name, side in sides.items() if _is_able(side, count, held, longest)}
    peaks = {name: _peak(side, range(count), held) for name, side in able.items()}
    rows = []
    for repeat in range(repeats):
        for name in turned(list(able), repeat):
            seconds = _seconds(able[name], range(count), held)
            rows.append(
                {
                    "strategy": name, "kind": kind, "size": size, "n": count,
                    "seconds": seconds, "bytes": peaks[name], "repeat": repeat,
                }
            )  # fmt: skip
    return rows


def _is_able(side: Side, count: int, held: Any, longest: float) -> bool:
    """Tell whether so many items will be done in time, by what a few of them take.

    Ten tell little of what is cheap, and enough of what is far too dear; so it is asked again
    with a hundred. The first time warms up.
    """
    for few, room in ((min(FEW, count), 10.0), (min(WARM_UP, count), 1.0)):
        took = [_seconds(side, range(times * few), held) for times in (1, 1, 2, 1, 2)]
        more = max(took[2] - took[1], took[4] - took[3], 0.0)  # that `few` more items take
        if took[4] + more / few * max(count - 2 * few, 0) > room * longest:
            return False
    return True


def _seconds(side: Side, items: Sequence[int], held: Any) -> float:
    spent, found = timed(lambda: side(items, held))
    if len(found) != len(items) or (items and found[-1] != items[-1]):
        raise AssertionError("a result is missing or wrong")
    return spent


def _peak(side: Side, items: Sequence[int], held: Any) -> int:
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    side(items, held)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak - before

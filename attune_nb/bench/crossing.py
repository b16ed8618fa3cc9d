"""Bytes that cross a Dask cluster's wire for one item, by the size of the context."""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attune_nb.api as attune
from attune_nb.backends.dask import DaskBackend
from attune_nb.backends.own_cluster import local_cluster
from attune_nb.bench.asked import number, numbers
from attune_nb.bench.turns import turned
from attune_nb.bench.wire import WireCount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    from distributed import Client

    Side = Callable[[Client, WireCount, int, Any], tuple[int, float, float]]

__all__ = ["crossing", "local_client"]

WORKFLOW = """
parameters: {items: {}, held: {}}
tasks:
  - name: each
    action: measured
    with_items: "{{ parameters.items }}"
    concurrency: 8
    input: {value: "{{ item }}", size: "{{ parameters.held|length }}"}
"""
FEW, MANY = 1_000, 51_000  # items of ours: what they differ by is for items alone
PEERS_BYTES = 400_000_000  # that a peer sends at most: fewer items where each takes the context


def measured(value: Any, size: int) -> Any:
    """Read the context's size, and do nothing."""
    del size
    return value


def crossing(
    contexts: Sequence[int] = (10_000, 1_000_000, 100_000_000),
    *,
    repeats: int = 3,
    client: Client | None = None,
) -> pd.DataFrame:
    """Measure the bytes on the wire for one item: ours, and two ways of `client.map`.

    `client.map` has one task an item, as its documentation shows: with the context among what the
    function refers to ("captured"), or scattered to all workers before. Of ours the bytes are the
    difference of two runs that differ in their items only, so that what is sent once (the context
    among it) is left out; of the peers they are all that was sent, over as many items as 400 MB
    allow.

    Args:
        contexts: Sizes of the context, in characters of one text.
        repeats: How often each is measured.
        client: Where; by default two worker processes on this machine.

    Returns:
        One row a measurement: bench, strategy, size (of the context), n (items), seconds, bytes
        (for one item), repeat.

    Raises:
        BackendError: An argument is not what it says.
    """
    import pandas as pd  # noqa: PLC0415 - pandas is heavy

    sizes = numbers("contexts", contexts, 1)
    repeats = number("repeats", repeats, 1)
    if client is None:
        with local_client() as made:
            return crossing(sizes, repeats=repeats, client=made)
    sides: dict[str, Side] = {
        "attune_nb": _ours,
        "client.map, captured": _captured,
        "client.map, scattered": _scattered,
    }
    counter, rows = WireCount(client), []
    for repeat in range(repeats):
        for size in sizes:
            held = "x" * size
            for name in turned([*sides], repeat):
                count, each, seconds = sides[name](client, counter, size, held)
                rows.append(
                    {
                        "bench": "crossing",
                        "strategy": name,
                        "size": size,
                        "n": count,
                        "seconds": seconds,
                        "bytes": each,
                        "repeat": repeat,
                    }
                )
    return pd.DataFrame(rows)


@contextmanager
def local_client(workers: int = 2) -> Iterator[Client]:
    """Begin a cluster of worker processes on this machine, for this machine only."""
    from distributed import Client  # noqa: PLC0415 - Dask is an extra

    with (
        local_cluster(workers) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _ours(client: Client, counter: WireCount, size: int, held: Any) -> tuple[int, float, float]:
    def sent(count: int) -> tuple[int, float]:
        counter.lap()
        began = time.perf_counter()
        run = attune.loads(WORKFLOW).run(
            {"items": range(count), "held": held},
            actions={"measured": measured},
            backend=DaskBackend(client),
            progress=False,
            store="none",
        )
        run.raise_for_status()
        spent = time.perf_counter() - began
        return counter.lap(), spent

    del size
    (few, short), (many, long) = sent(FEW), sent(MANY)
    count = MANY - FEW
    return count, (many - few) / count, long - short


def _captured(client: Client, counter: WireCount, size: int, held: Any) -> tuple[int, float, float]:
    return _mapped(client, counter, size, lambda value: measured(value, len(held)), {})


def _scattered(
    client: Client, counter: WireCount, size: int, held: Any
) -> tuple[int, float, float]:
    there = client.scatter(held, broadcast=True, hash=False)
    del size

    def reading(value: Any, held: Any) -> Any:
        return measured(value, len(held))

    return _mapped(client, counter, 0, reading, {"held": there})


def _mapped(
    client: Client, counter: WireCount, size: int, call: Any, given: dict[str, Any]
) -> tuple[int, float, float]:
    count = max(2, min(FEW, PEERS_BYTES // (2 * size))) if size else FEW
    counter.lap()
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the graph is large: it is what is measured
        client.gather(client.map(call, range(count), pure=False, **given))
    spent = time.perf_counter() - began
    return count, counter.lap() / count, spent

"""Bytes that cross a Dask cluster's wire for one more item, by the size of the context."""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attune_nb.running.workflow as attune
from attune_nb.backends.dask import DaskBackend
from attune_nb.backends.dask.local_cluster import start_local_cluster
from attune_nb.bench.arguments import number, numbers
from attune_nb.bench.rounds import turned
from attune_nb.bench.wire_bytes import WireCount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    from distributed import Client

    Side = Callable[[Client, str], Callable[[int], None]]

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
FEW, MORE = 1_000, 50_000  # items of ours, and those that the second run has more
PEERS_MORE = 1_000  # likewise of a peer, whose items take longer
PEERS_BYTES = 400_000_000  # that these send at most: they are fewer where each takes the context


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
    """Measure the bytes on the wire for one more item: ours, and two ways of `client.map`.

    `client.map` has one task an item, as its documentation shows: with the context among what the
    function refers to ("captured"), or scattered to all workers before. Each way is run twice,
    with items of which the second run has more; the bytes are what the two differ by. So what is
    sent once, however many items there are, is left out of each: of ours the context that goes to
    the workers, of the peers the function that goes to the scheduler. A peer has as many more
    items as 400 MB allow, 2 at least.

    Meanwhile the cluster's active memory manager rests. It would remove one of the copies that
    were scattered, at a moment of its own, and some run would send that again.

    Args:
        contexts: Sizes of the context, in characters (bytes) of one text.
        repeats: How often each is measured.
        client: Where; by default two worker processes on this machine.

    Returns:
        One row a measurement: bench, strategy, size (of the context), n (items that the second
        run has more), seconds (for these; below 0 where noise is more than they take), bytes
        (for one of them), repeat.

    Raises:
        BackendError: An argument is not what it says.
    """
    import pandas as pd  # noqa: PLC0415 - pandas is heavy

    sizes = numbers("contexts", contexts, 1)
    repeats = number("repeats", repeats, 1)
    if client is None:
        with local_client() as made:
            return crossing(sizes, repeats=repeats, client=made)
    rows = []
    with _tidying_rests(client):
        counter = WireCount(client)
        for repeat in range(repeats):
            for size in sizes:
                for name in turned([*SIDES], repeat):
                    run = SIDES[name](client, "x" * size)
                    rows.append(
                        {
                            "bench": "crossing",
                            "strategy": name,
                            "size": size,
                            **_difference(counter, run, *_counts(name, size)),
                            "repeat": repeat,
                        }
                    )
    return pd.DataFrame(rows)


def _counts(name: str, size: int) -> tuple[int, int]:
    """Give how many items the first run of a side has, and how many more the second."""
    if name == "attune_nb":
        return FEW, MORE
    more = max(2, min(PEERS_MORE, PEERS_BYTES // size)) if name == CAPTURED else PEERS_MORE
    return max(1, more // 10), more


def _difference(
    counter: WireCount, run: Callable[[int], None], few: int, more: int
) -> dict[str, float]:
    """Run a few items, and more; give what each that there were more took."""
    sent, spent = [], []
    counter.lap()
    for count in (few, few + more):
        began = time.perf_counter()
        run(count)
        spent.append(time.perf_counter() - began)
        sent.append(counter.lap())
    return {"n": more, "seconds": spent[1] - spent[0], "bytes": (sent[1] - sent[0]) / more}


@contextmanager
def _tidying_rests(client: Client) -> Iterator[None]:
    """Stop what removes spare copies from workers, and begin it again if it was at work."""
    was = client.amm.running()
    client.amm.stop()
    try:
        yield
    finally:
        if was:
            client.amm.start()


@contextmanager
def local_client(workers: int = 2) -> Iterator[Client]:
    """Begin a cluster of worker processes on this machine, for this machine only."""
    from distributed import Client  # noqa: PLC0415 - Dask is an extra

    with (
        start_local_cluster(workers) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _ours(client: Client, held: str) -> Callable[[int], None]:
    def run(count: int) -> None:
        attune.loads(WORKFLOW).run(
            {"items": range(count), "held": held},
            actions={"measured": measured},
            backend=DaskBackend(client),
            progress=False,
            store="none",
        ).raise_for_status()

    return run


def _captured(client: Client, held: str) -> Callable[[int], None]:
    return lambda count: _map(client, lambda value: measured(value, len(held)), count)


def _scattered(client: Client, held: str) -> Callable[[int], None]:
    there = client.scatter(held, broadcast=True, hash=False)

    def reading(value: Any, held: Any) -> Any:
        return measured(value, len(held))

    return lambda count: _map(client, reading, count, held=there)


def _map(client: Client, call: Callable[..., Any], count: int, **given: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the graph is large: it is what is measured
        client.gather(client.map(call, range(count), pure=False, **given))


CAPTURED = "client.map, captured"
SIDES: dict[str, Side] = {
    "attune_nb": _ours,
    CAPTURED: _captured,
    "client.map, scattered": _scattered,
}
"""By name, what gives a run of so many items with a context at hand."""

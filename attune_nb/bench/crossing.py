"""The bytes that cross a Dask cluster's wire for one more item, by the size of the context."""

from __future__ import annotations

import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attune_nb.running.workflow as attune
from attune_nb.backends.dask import DaskBackend
from attune_nb.backends.dask.local_cluster import start_local_cluster
from attune_nb.bench.arguments import read_integer, read_integers
from attune_nb.bench.rounds import rotate
from attune_nb.bench.wire_bytes import WireCounter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    from distributed import Client

    # makes a function that runs a number of items, from a client and a context
    Side = Callable[[Client, str], Callable[[int], None]]

__all__ = ["crossing", "local_client", "read_size"]

WORKFLOW = """
parameters: {items: {}, data: {}}
tasks:
  - name: each
    action: read_size
    with_items: "{{ parameters.items }}"
    concurrency: 8
    input: {value: "{{ item }}", size: "{{ parameters.data|length }}"}
"""

# the items of our first run, and how many more the second run has
_FEW = 1_000
_MORE = 50_000

# how many more items the second run of a peer has, whose items take longer
_PEERS_MORE = 1_000

# the most bytes that they send: there are fewer items if each takes the context
_PEERS_BYTES = 400_000_000


def read_size(value: Any, size: int) -> Any:
    """Take the context's size, and return the item."""
    del size
    return value


def crossing(
    contexts: Sequence[int] = (10_000, 1_000_000, 100_000_000),
    *,
    repeats: int = 3,
    client: Client | None = None,
) -> pd.DataFrame:
    """Measure the bytes on the wire for one more item: ours, and two ways to use `client.map`.

    `client.map` has one task an item, as its documentation shows. The context is among the values
    that the function refers to ("captured"), or is scattered to all workers before. Each side is
    run twice, the second time with more items, and the bytes are the difference of both runs. So
    the bytes that are sent once, however many items there are, are left out: of ours the context
    that goes to the workers, of the peers the function that goes to the scheduler. A peer has as
    many more items as 400 MB allow, 2 at least.

    Meanwhile the cluster's active memory manager is stopped. Otherwise it would remove a scattered
    copy at any moment, and some run would send it again.

    Args:
        contexts: Sizes of the context, in characters (bytes) of one string.
        repeats: The number of measurements of each side.
        client: The client of a cluster; by default of two worker processes on this machine.

    Returns:
        One row a measurement, with the columns bench, strategy, size (of the context), n (how many
        more items the second run has), seconds (for these; below 0 if noise is more than they
        take), bytes (for one of them), repeat.

    Raises:
        BackendError: An argument has a wrong value.
    """
    import pandas as pd  # noqa: PLC0415 - heavy

    sizes = read_integers("contexts", contexts, 1)
    repeats = read_integer("repeats", repeats, 1)
    if client is None:
        with local_client() as new_client:
            return crossing(sizes, repeats=repeats, client=new_client)

    rows = []
    with _memory_manager_stopped(client):
        counter = WireCounter(client)
        for repeat in range(repeats):
            for size in sizes:
                for name in rotate(list(SIDES), repeat):
                    few, more = _choose_counts(name, size)
                    run = SIDES[name](client, "x" * size)
                    seconds, sent = _measure_difference(counter, run, few, more)
                    rows.append(
                        {
                            "bench": "crossing",
                            "strategy": name,
                            "size": size,
                            "n": more,
                            "seconds": seconds,
                            "bytes": sent,
                            "repeat": repeat,
                        }
                    )

    return pd.DataFrame(rows)


def _choose_counts(name: str, size: int) -> tuple[int, int]:
    """Return the items of a side's first run, and how many more the second has."""
    if name == "attune_nb":
        return _FEW, _MORE

    more = _PEERS_MORE
    if name == CAPTURED:
        more = max(2, min(_PEERS_MORE, _PEERS_BYTES // size))
    return max(1, more // 10), more


def _measure_difference(
    counter: WireCounter, run: Callable[[int], None], few: int, more: int
) -> tuple[float, float]:
    """Run a few items, and more of them.

    Returns:
        The seconds that all further items took, and the bytes that one of them took.
    """
    sent = []
    seconds = []
    counter.lap()
    for count in (few, few + more):
        began = time.perf_counter()
        run(count)
        seconds.append(time.perf_counter() - began)
        sent.append(counter.lap())

    return seconds[1] - seconds[0], (sent[1] - sent[0]) / more


@contextmanager
def _memory_manager_stopped(client: Client) -> Iterator[None]:
    """Stop the cluster's active memory manager, and start it again if it was running."""
    was_running = client.amm.running()
    client.amm.stop()
    try:
        yield
    finally:
        if was_running:
            client.amm.start()


@contextmanager
def local_client(workers: int = 2) -> Iterator[Client]:
    """Start a cluster of worker processes that only this machine can reach."""
    from distributed import Client  # noqa: PLC0415 - Dask is an extra

    with (
        start_local_cluster(workers) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _make_ours(client: Client, data: str) -> Callable[[int], None]:
    def run(count: int) -> None:
        attune.loads(WORKFLOW).run(
            {"items": range(count), "data": data},
            actions={"read_size": read_size},
            backend=DaskBackend(client),
            progress=False,
            store="none",
        ).raise_for_status()

    return run


def _make_captured(client: Client, data: str) -> Callable[[int], None]:
    return lambda count: _map(client, lambda value: read_size(value, len(data)), count)


def _make_scattered(client: Client, data: str) -> Callable[[int], None]:
    future = client.scatter(data, broadcast=True, hash=False)

    # its name is part of every task's key, and so of the bytes
    def measure(value: Any, data: Any) -> Any:
        return read_size(value, len(data))

    return lambda count: _map(client, measure, count, data=future)


def _map(client: Client, call: Callable[..., Any], count: int, **kwargs: Any) -> None:
    """Call a function for a number of items, and gather the results."""
    with warnings.catch_warnings():
        # Dask warns that the graph is large, but that is measured here
        warnings.simplefilter("ignore")
        client.gather(client.map(call, range(count), pure=False, **kwargs))


CAPTURED = "client.map, captured"

SIDES: dict[str, Side] = {
    "attune_nb": _make_ours,
    CAPTURED: _make_captured,
    "client.map, scattered": _make_scattered,
}
"""The sides by their names."""

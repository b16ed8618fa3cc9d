"""Other ways to call a function for every item of a list, each as its documentation shows it.

Every peer calls the same function on the same items and returns the results in order. It makes at
most `WORKERS` calls at once if it has such a limit. The context is a value that the function can
read beside its item: in a closure, unless a peer's documentation says otherwise.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import attune_nb.running.workflow as attune
from attune_nb.bench.strategies import NaiveThreads
from attune_nb.errors import BackendError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    Side = Callable[[Sequence[Any], Any], list[Any]]  # returns results, from items and a context

__all__ = ["PEERS", "SERVICES", "WORKERS", "WORKFLOW", "Peer", "no_op", "open_peer"]

WORKERS = 8
WORKFLOW = f"""
parameters:
  items: {{type: array}}
  data: {{type: any}}
tasks:
  - name: each
    action: no_op
    with_items: "{{{{ parameters.items }}}}"
    concurrency: {WORKERS}
    input: {{value: "{{{{ item }}}}"}}
"""


def no_op(value: Any) -> Any:
    """Return the value, so that only the work around the call is measured."""
    return value


@contextmanager
def _attune(backend: Any = "threads") -> Iterator[Side]:
    workflow = attune.loads(WORKFLOW)

    def side(items: Sequence[Any], data: Any) -> list[Any]:
        new_backend = backend() if callable(backend) else backend
        run = workflow.run(
            {"items": items, "data": data},
            actions={"no_op": no_op},
            backend=new_backend,
            progress=False,
            store="none",
        )
        run.raise_for_status()

        results: list[Any] = run.result("each")
        return results

    yield side


@contextmanager
def _loop() -> Iterator[Side]:
    yield lambda items, _data: [no_op(value=item) for item in items]


@contextmanager
def _executor() -> Iterator[Side]:
    def side(items: Sequence[Any], _data: Any) -> list[Any]:
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(no_op, items))

    yield side


@contextmanager
def _joblib() -> Iterator[Side]:
    from joblib import Parallel, delayed  # noqa: PLC0415 - optional

    def side(items: Sequence[Any], _data: Any) -> list[Any]:
        return list(Parallel(WORKERS, prefer="threads")(delayed(no_op)(item) for item in items))

    yield side


@contextmanager
def _tqdm() -> Iterator[Side]:
    from tqdm.contrib.concurrent import thread_map  # noqa: PLC0415 - optional

    def side(items: Sequence[Any], _data: Any) -> list[Any]:
        return list(thread_map(no_op, items, max_workers=WORKERS, disable=True))

    yield side


@contextmanager
def _dask_delayed() -> Iterator[Side]:
    import dask  # noqa: PLC0415 - optional

    def side(items: Sequence[Any], _data: Any) -> list[Any]:
        task = dask.delayed(no_op, pure=False)
        with dask.config.set(scheduler="threads", num_workers=WORKERS):
            return list(dask.compute(*[task(item) for item in items]))

    yield side


@contextmanager
def _distributed() -> Iterator[Side]:
    from distributed import Client, LocalCluster  # noqa: PLC0415 - optional

    def read(data: Any, value: Any) -> Any:
        del data
        return value

    # it logs that it is closing
    logging.getLogger("distributed").setLevel(logging.CRITICAL)

    with ExitStack() as stack:
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=2,
                threads_per_worker=WORKERS // 2,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.ERROR,
            )
        )
        client = stack.enter_context(Client(cluster))

        def side(items: Sequence[Any], data: Any) -> list[Any]:
            # A key made from the content would be that of the call before, whose late release
            # would remove the data of this one. So each call has a key of its own.
            [future] = client.scatter([data], broadcast=True, hash=False)
            futures = client.map(
                lambda item, data: read(data, item), items, data=future, pure=False
            )
            return list(client.gather(futures))

        yield side


# settings that stop the logs of Prefect
_QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


@contextmanager
def _prefect() -> Iterator[Side]:
    # a line for each item would be measured too, and hide the table
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)

    from prefect import flow, task  # noqa: PLC0415 - optional
    from prefect.task_runners import ThreadPoolTaskRunner  # noqa: PLC0415
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

    def side(items: Sequence[Any], data: Any) -> list[Any]:
        @task
        def call(value: Any, _data: Any = data) -> Any:
            return value

        # the items are no parameter: those of a flow may take half a megabyte at most
        @flow(task_runner=ThreadPoolTaskRunner(WORKERS))
        def call_all() -> list[Any]:
            return [future.result() for future in call.map(list(items))]

        results: list[Any] = call_all()
        return results

    with prefect_test_harness():
        yield side


class Peer(NamedTuple):
    """A peer: a function that opens it, and the module that it needs, if any."""

    open: Callable[[], AbstractContextManager[Side]]
    module: str = ""


PEERS: dict[str, Peer] = {
    "attune_nb": Peer(_attune),
    "naive context": Peer(lambda: _attune(NaiveThreads)),
    "for loop": Peer(_loop),
    "concurrent.futures": Peer(_executor),
    "joblib": Peer(_joblib, "joblib"),
    "tqdm": Peer(_tqdm, "tqdm"),
    "dask.delayed": Peer(_dask_delayed, "dask"),
    "distributed": Peer(_distributed, "distributed"),
    "prefect": Peer(_prefect, "prefect"),
}
"""The peers by their names.

`attune_nb` records each item's result, status, start and duration, and can retry. Of the others,
prefect does so too, and the rest only return results. `naive context` is attune_nb with a copy of
the context for each item. Sources: the user guides of joblib ("thread-based parallelism"), tqdm
(`tqdm.contrib.concurrent`), dask ("best practices" of `dask.delayed`), distributed
("scatter data"), prefect ("run tasks concurrently").
"""

SERVICES = ("distributed", "prefect")
"""Peers that keep processes or threads of their own busy while they are open."""


@contextmanager
def open_peer(name: str) -> Iterator[Side | None]:
    """Open a peer, or return None if the module that it needs is not installed.

    Raises:
        BackendError: There is no such peer.
    """
    if name not in PEERS:
        raise BackendError(f"there is no peer `{name}`{nearest(name, PEERS)}")

    peer = PEERS[name]
    if peer.module and importlib.util.find_spec(peer.module) is None:
        yield None
    else:
        with peer.open() as side:
            yield side

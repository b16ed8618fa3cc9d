"""Other ways to call a function for every item of a list, each as its documentation shows it.

Every peer calls the same function on the same items, at most `WORKERS` at once where it knows
such a bound, and gives the results in order. The context is what the function reads beside its
item: a closure, except where a peer's documentation says otherwise.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import attune_nb.running.workflow as attune
from attune_nb.bench.strategies import NaiveThreads
from attune_nb.errors import BackendError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Call = Callable[[Any], Any]
    Side = Callable[[Sequence[Any], Any], list[Any]]

__all__ = ["PEERS", "SERVICES", "WORKERS", "opened"]

WORKERS = 8
WORKFLOW = f"""
parameters:
  items: {{type: array}}
  held: {{type: any}}
tasks:
  - name: each
    action: no_op
    with_items: "{{{{ parameters.items }}}}"
    concurrency: {WORKERS}
    input: {{value: "{{{{ item }}}}"}}
"""


def no_op(value: Any) -> Any:
    """Do nothing: what is measured is all that happens around it."""
    return value


@contextmanager
def _attune(backend: Any = "threads") -> Iterator[Side]:
    workflow = attune.loads(WORKFLOW)

    def side(items: Sequence[Any], held: Any) -> list[Any]:
        where = backend() if callable(backend) else backend
        run = workflow.run(
            {"items": items, "held": held},
            actions={"no_op": no_op},
            backend=where,
            progress=False,
            store="none",
        )
        run.raise_for_status()
        found: list[Any] = run.result("each")
        return found

    yield side


@contextmanager
def _loop() -> Iterator[Side]:
    yield lambda items, _held: [no_op(value=item) for item in items]


@contextmanager
def _executor() -> Iterator[Side]:
    def side(items: Sequence[Any], _held: Any) -> list[Any]:
        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(no_op, items))

    yield side


@contextmanager
def _joblib() -> Iterator[Side]:
    from joblib import Parallel, delayed  # noqa: PLC0415 - optional

    def side(items: Sequence[Any], _held: Any) -> list[Any]:
        return list(Parallel(WORKERS, prefer="threads")(delayed(no_op)(item) for item in items))

    yield side


@contextmanager
def _tqdm() -> Iterator[Side]:
    from tqdm.contrib.concurrent import thread_map  # noqa: PLC0415 - optional

    def side(items: Sequence[Any], _held: Any) -> list[Any]:
        return list(thread_map(no_op, items, max_workers=WORKERS, disable=True))

    yield side


@contextmanager
def _dask_delayed() -> Iterator[Side]:
    import dask  # noqa: PLC0415 - optional

    def side(items: Sequence[Any], _held: Any) -> list[Any]:
        task = dask.delayed(no_op, pure=False)
        with dask.config.set(scheduler="threads", num_workers=WORKERS):
            return list(dask.compute(*[task(item) for item in items]))

    yield side


@contextmanager
def _distributed() -> Iterator[Side]:
    from distributed import Client, LocalCluster  # noqa: PLC0415 - optional

    def reading(held: Any, value: Any) -> Any:
        del held
        return value

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it tells of its own closing
    with ExitStack() as stack:
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=2, threads_per_worker=WORKERS // 2, host="127.0.0.1",
                dashboard_address="127.0.0.1:0", silence_logs=logging.ERROR,
            )
        )  # fmt: skip
        client = stack.enter_context(Client(cluster))

        def side(items: Sequence[Any], held: Any) -> list[Any]:
            # A key of its own each time: one made from the content is that of the turn before,
            # whose late release takes the data away from this one.
            placed = client.scatter([held], broadcast=True, hash=False)[0]
            futures = client.map(lambda item, held: reading(held, item), items, held=placed,
                                 pure=False)  # fmt: skip
            return list(client.gather(futures))

        yield side


_QUIET = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


@contextmanager
def _prefect() -> Iterator[Side]:
    # a line for each item would be measured along, and hide what the table says
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from prefect import flow, task  # noqa: PLC0415 - optional
    from prefect.task_runners import ThreadPoolTaskRunner  # noqa: PLC0415
    from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

    def side(items: Sequence[Any], held: Any) -> list[Any]:
        @task
        def one(value: Any, _held: Any = held) -> Any:
            return value

        @flow(task_runner=ThreadPoolTaskRunner(WORKERS))
        def every() -> list[Any]:  # the parameters of a flow may take half a megabyte at most
            return [each.result() for each in one.map(list(items))]

        found: list[Any] = every()
        return found

    with prefect_test_harness():
        yield side


PEERS: dict[str, tuple[Any, str]] = {
    "attune_nb": (_attune, ""),
    "naive context": (lambda: _attune(NaiveThreads), ""),
    "for loop": (_loop, ""),
    "concurrent.futures": (_executor, ""),
    "joblib": (_joblib, "joblib"),
    "tqdm": (_tqdm, "tqdm"),
    "dask.delayed": (_dask_delayed, "dask"),
    "distributed": (_distributed, "distributed"),
    "prefect": (_prefect, "prefect"),
}
"""What opens each peer, and the module that it needs.

`attune_nb` records each item's result, status, start and duration, and can retry; of the
others, prefect does, and the rest give results. `naive context` is attune_nb with a copy of the
context for each item. Sources: the user guides of joblib ("thread-based parallelism"), tqdm
(`tqdm.contrib.concurrent`), dask ("best practices" of `dask.delayed`), distributed
("scatter data"), prefect ("run tasks concurrently").
"""


SERVICES = ("distributed", "prefect")
"""Peers that keep processes or threads of their own busy while they are open."""


@contextmanager
def opened(name: str) -> Iterator[Side | None]:
    """Open a peer, or give None where what it needs is not installed.

    Raises:
        BackendError: There is no such peer.
    """
    if name not in PEERS:
        raise BackendError(f"there is no peer `{name}`{nearest(name, PEERS)}")
    opener, module = PEERS[name]
    if module and importlib.util.find_spec(module) is None:
        yield None
        return
    with opener() as side:
        yield side

"""The resources that tasks require and Dask workers offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.backends.dask.worker_state import DaskWorker, _meets
from attune_nb.backends.dask.worker_wait import WorkerWait
from attune_nb.errors import NotSendable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


__all__ = ["ResourceOffers", "required_resources"]


class ResourceOffers:
    """What workers have offered so far: resources, each so many of it."""

    def __init__(self) -> None:
        self._so_far: set[frozenset[tuple[str, float]]] = set()
        self._lacking = WorkerWait()

    def add(self, offering: DaskWorker) -> None:
        """Take in what a worker offers."""
        self._so_far.add(frozenset(offering.resources.items()))

    def refuse_unmet(self, wanted: Mapping[str, float], workers: Collection[DaskWorker]) -> None:
        """Refuse a need that no worker has ever met: Dask would wait for ever.

        Raises:
            NotSendable: There is no such worker.
        """
        if not wanted or not workers:
            return
        if any(each.has_resources(wanted) for each in workers):
            self._lacking.end()
            return
        if any(_meets(dict(each), wanted) for each in self._so_far):
            self._lacking.wait_for(f"one with {', '.join(wanted)}, as there was before")
            return
        most: dict[str, float] = {}
        for key, many in (pair for each in workers for pair in each.resources.items()):
            most[key] = max(many, most.get(key, 0))
        raise NotSendable(
            f"no worker has what `worker_selector` asks for ({_told(wanted)}); the most that one "
            f"of this cluster offers: {_told(most) or 'nothing'}. Start workers with `--resources` "
            "(a cluster of the run's own offers nothing)"
        )


def _told(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{key}: {many:g}" for key, many in sorted(resources.items()))


def required_resources(selector: Mapping[str, Any]) -> dict[str, float]:
    """Give what a task needs of a worker: a number of each of its resources, one if not told."""
    told = {key: value for key, value in selector.items() if isinstance(value, int | float)}
    return {key: float(told.get(key, 1)) or 1.0 for key in selector}

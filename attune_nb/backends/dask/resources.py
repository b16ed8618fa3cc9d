"""The resources that tasks require and Dask workers offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.backends.dask.worker_state import are_enough
from attune_nb.backends.dask.worker_wait import WorkerWait
from attune_nb.errors import NotSendable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from attune_nb.backends.dask.worker_state import DaskWorker

__all__ = ["ResourceOffers", "required_resources"]


class ResourceOffers:
    """The resources that workers have offered since the cluster was first seen."""

    def __init__(self) -> None:
        self._seen: set[frozenset[tuple[str, float]]] = set()
        self._wait = WorkerWait()

    def add(self, worker: DaskWorker) -> None:
        """Record the resources of a worker."""
        self._seen.add(frozenset(worker.resources.items()))

    def refuse_unmet(self, required: Mapping[str, float], workers: Collection[DaskWorker]) -> None:
        """Refuse a requirement that no worker has ever met, since Dask would wait for ever.

        Raises:
            NotSendable: There has been no such worker.
        """
        if not required or not workers:
            return

        if any(worker.has_resources(required) for worker in workers):
            self._wait.end()
            return
        if any(are_enough(dict(resources), required) for resources in self._seen):
            self._wait.wait_for(f"one with {', '.join(required)}, as there was before")
            return

        offered = _format_resources(_largest_offers(workers))
        if not offered:
            offered = "nothing"
        raise NotSendable(
            "no worker has the resources that `worker_selector` requires "
            f"({_format_resources(required)}); the most that one worker of this cluster offers: "
            f"{offered}. Start workers with `--resources` "
            "(the workers of a run's own cluster offer nothing)"
        )


def _largest_offers(workers: Collection[DaskWorker]) -> dict[str, float]:
    largest: dict[str, float] = {}
    for worker in workers:
        for name, amount in worker.resources.items():
            largest[name] = max(amount, largest.get(name, 0))
    return largest


def _format_resources(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{name}: {amount:g}" for name, amount in sorted(resources.items()))


def required_resources(selector: Mapping[str, Any]) -> dict[str, float]:
    """Return the amount of each resource that a task requires: 1 if the selector has no number."""
    resources = {}
    for name, value in selector.items():
        amount = 1.0
        # `true` and 0 require one, too
        if isinstance(value, int | float) and value:
            amount = float(value)
        resources[name] = amount
    return resources

"""The spans of a run, made from its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.errors import ParameterError
from attune_nb.running.followers import FollowedRun
from attune_nb.running.history import open_run
from attune_nb.running.store_paths import store_path
from attune_nb.store.reading import run_of

if TYPE_CHECKING:
    from os import PathLike

    from attune_nb.otel.follower import SpanFollower
    from attune_nb.running.run import BaseRun

__all__ = ["send_record"]


def send_record(
    follower: SpanFollower, run_id: str, store: str | PathLike[str] | None = None
) -> None:
    """Send the spans of a run that has ended, and of its child runs.

    Args:
        follower: Makes the spans.
        run_id: The run's id, or the beginning of it.
        store: The store.

    Raises:
        ParameterError: The run has not ended.
        StoreError: There is no such run, or its record is damaged.
    """
    run = open_run(run_id, store)
    if not run.has_ended:
        raise ParameterError(
            f"run {run.run_id} has not ended ({run.status}): its spans can be sent when it has"
        )

    backend = run_of(store_path(store), run.run_id).options["backend"]
    followed = FollowedRun(run_id=run.run_id, root_id=run.run_id, backend=backend)
    _send(follower, run, followed)


def _send(follower: SpanFollower, run: BaseRun, followed: FollowedRun) -> None:
    spans = follower.follow(followed)
    # a record holds no secrets
    spans.read(run.events)
    for row, child in run.open_children(lambda _: True):
        place = FollowedRun(
            run_id=child.run_id,
            root_id=followed.root_id,
            parent_id=run.run_id,
            parent_attempt=(row.task, row.visit, row.index, row.attempt),
            backend=followed.backend,
        )
        _send(follower, child, place)

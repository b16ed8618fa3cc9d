"""Results that stay on the cluster where they were computed (`keep_results: cluster`)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attune_nb.backends.chunks import messages
from attune_nb.backends.chunks.serialize import require_sent, unpack
from attune_nb.errors import BackendError, NotSendable
from attune_nb.values.remote import RemoteReference, remote_references

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distributed import Future

    from attune_nb.backends.chunks.in_flight import InFlightChunk
    from attune_nb.backends.chunks.task_spec import TaskSpec

__all__ = ["ClusterResult", "check_context_results", "describe_missing_result", "input_futures"]

_LOST = (
    "a result that was kept on the cluster, {!r}, is lost; run its task again, or leave out "
    "`keep_results`"
)


class ClusterResult(RemoteReference):
    """A reference to the result of an item that stays on the cluster; `get` fetches it.

    The result exists as long as its worker, and as long as something refers to it. It is not
    computed again after a loss, since an item may have side effects.

    Args:
        chunk: The future of the results of a chunk.
        row: The row of this result in the chunk.
        about: The kind and the size of the result, or a short value itself.
    """

    description = "result that `keep_results` left on the cluster"
    # of this class alone: a value on the disk concerns no cluster
    in_use = False

    def __init__(self, chunk: Future, row: int, about: str) -> None:
        RemoteReference.in_use = True
        ClusterResult.in_use = True
        self._chunk: Any = chunk
        self._key = chunk.key
        self._row = row
        self._about = about

    def __repr__(self) -> str:
        return f"<{self._about}, on the cluster>"

    def __getstate__(self) -> dict[str, Any]:
        # a future is of use to its client only
        return {**self.__dict__, "_chunk": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        RemoteReference.in_use = True
        ClusterResult.in_use = True
        self.__dict__ |= state

    def future(self) -> Future:
        """Return the future of the chunk that has the result."""
        return self._chunk

    @property
    def is_lost(self) -> bool:
        """Whether the result is known to be lost."""
        return self._chunk is None or self._chunk.status != "finished"

    @classmethod
    def gather(cls, references: Iterable[RemoteReference]) -> dict[str, Any]:
        """Fetch the chunks that references are of, by key; an empty dict if that fails."""
        futures = {}
        for reference in references:
            if isinstance(reference, cls) and not reference.is_lost:
                future = reference.future()
                futures[future.key] = future
        if not futures:
            return {}

        try:
            client = next(iter(futures.values())).client
            chunks = client.gather([*futures.values()])
        except Exception:  # noqa: BLE001 - `get` raises for each reference by itself
            return {}
        return dict(zip(futures, chunks, strict=True))

    def get(self, gathered: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Return the result: from chunks that were gathered, by their keys, or fetched.

        Raises:
            BackendError: It is lost.
            NotSendable: It cannot be pickled, or not be unpickled here.
        """
        try:
            return self._fetch(gathered)
        except NotSendable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong, it cannot be fetched
            raise BackendError(f"{_LOST.format(self)} ({error})") from None

    def _fetch(self, gathered: Mapping[str, Any]) -> Any:
        if self._key in gathered:
            return gathered[self._key][self._row]
        if self.is_lost:
            raise LookupError("its worker was lost")

        submit = self._chunk.client.submit
        packed = submit(messages.KeptResults.pack_row, self._chunk, self._row, pure=False).result()
        return require_sent(unpack(packed)[0])


def describe_missing_result(item: Any) -> str | None:
    """Return a message if an item refers to a kept result that the cluster has lost."""
    return _describe_lost(remote_references(item)) if ClusterResult.in_use else None


def input_futures(task_spec: TaskSpec, chunk: InFlightChunk) -> dict[str, Future]:
    """Return the futures of the kept results that a chunk and its task spec refer to, by key."""
    if not ClusterResult.in_use:
        return {}

    items = [entry.item for entry in chunk.attempts]
    futures = {}
    for reference in [*remote_references(items), *task_spec.find_references()]:
        if isinstance(reference, ClusterResult):
            future = reference.future()
            futures[future.key] = future
    return futures


def check_context_results(task_spec: TaskSpec) -> None:
    """Check that the cluster still has the kept results that a task's context refers to.

    Raises:
        NotSendable: One of them is lost.
    """
    if not ClusterResult.in_use:
        return

    message = _describe_lost(task_spec.find_references())
    if message is not None:
        raise NotSendable(message)


def _describe_lost(references: Iterable[RemoteReference]) -> str | None:
    """Return a message about the first reference whose result is lost."""
    for reference in references:
        if isinstance(reference, ClusterResult) and reference.is_lost:
            return _LOST.format(reference)
    return None

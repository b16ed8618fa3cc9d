"""A result that stays on the cluster where it was made."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attune_nb.backends.chunks import messages
from attune_nb.backends.chunks.serialize import taken, unpack
from attune_nb.errors import BackendError, NotSendable
from attune_nb.values.remote import RemoteReference, remote_references

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distributed import Future

    from attune_nb.backends.chunks.in_flight import Sent
    from attune_nb.backends.chunks.task_spec import Definition

__all__ = ["ClusterResult", "check_context_results", "describe_missing_result", "input_futures"]

_GONE = (
    "a result that was kept on the cluster, {!r}, is not there any more; run its task again, or "
    "leave out `keep_results`"
)


class ClusterResult(RemoteReference):
    """What an item gave, where it was left: on the cluster. `get` fetches it.

    It is there as long as its worker, and somebody who refers to it. It is not made again: what
    an item does is done once.
    """

    description = "result that `keep_results` left on the cluster"

    def __init__(self, chunk: Future, row: int, about: str) -> None:
        RemoteReference.in_use = True
        self._chunk: Any = chunk
        self._key, self._row, self._about = chunk.key, row, about

    def __repr__(self) -> str:
        return f"<{self._about}, on the cluster>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_chunk": None}  # a future is its client's

    def future(self) -> Future:
        """Give the chunk that it is of."""
        return self._chunk

    @property
    def is_lost(self) -> bool:
        """Whether it is known to be gone."""
        return self._chunk is None or self._chunk.status != "finished"

    @classmethod
    def gather(cls, needed: Iterable[RemoteReference]) -> dict[str, Any]:
        """Fetch the chunks that some results are of; without any, where that fails."""
        found = [each for each in needed if isinstance(each, cls) and not each.is_lost]
        chunks = {each._key: each._chunk for each in found}  # noqa: SLF001 - its own
        if not chunks:
            return {}
        try:
            came = next(iter(chunks.values())).client.gather([*chunks.values()])
        except Exception:  # noqa: BLE001 - each will say so for itself
            return {}
        return dict(zip(chunks, came, strict=True))

    def get(self, near: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Fetch the value; from chunks that are near, by their keys, where there are any.

        Raises:
            BackendError: It is not there any more.
            NotSendable: It cannot be sent, or not be made again here.
        """
        try:
            return self._picked(near)
        except NotSendable:
            raise
        except Exception as error:  # noqa: BLE001 - of whatever kind, it cannot be had
            raise BackendError(f"{_GONE.format(self)} ({error})") from None

    def _picked(self, near: Mapping[str, Any]) -> Any:
        if self._key in near:
            return near[self._key][self._row]
        if self.is_lost:
            raise LookupError("its worker was lost")
        ask = self._chunk.client.submit
        packed = ask(messages.Kept.packed, self._chunk, self._row, pure=False).result()
        return taken(unpack(packed)[0])


def describe_missing_result(item: Any) -> str | None:
    """Say which result an item needs that was left on the cluster, and is there no more."""
    return _lost(remote_references(item)) if RemoteReference.in_use else None


def input_futures(definition: Definition, sent: Sent) -> dict[str, Future]:
    """Give the chunks that hold what was left on the cluster, and is an argument now."""
    if not RemoteReference.in_use:
        return {}
    found = [*remote_references([each.item for each in sent.entries]), *definition.elsewhere()]
    chunks = [each.future() for each in found if isinstance(each, ClusterResult)]
    return {each.key: each for each in chunks}


def check_context_results(definition: Definition) -> None:
    """Refuse a context that needs a result which was left on the cluster, and is there no more.

    Raises:
        NotSendable: One of them is not.
    """
    told = _lost(definition.elsewhere()) if RemoteReference.in_use else None
    if told is not None:
        raise NotSendable(told)


def _lost(of: Iterable[RemoteReference]) -> str | None:
    kept = (each for each in of if isinstance(each, ClusterResult))
    return next((_GONE.format(each) for each in kept if each.is_lost), None)

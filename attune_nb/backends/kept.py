"""A result that stays on the cluster where it was made."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attune_nb.backends import messages
from attune_nb.errors import BackendError
from attune_nb.frozen import Elsewhere

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Future

__all__ = ["ClusterResult"]


class ClusterResult(Elsewhere):
    """What an item gave, where it was left: on the cluster. `get` fetches it.

    It is there as long as its cluster, and somebody who refers to it. Where its worker is lost,
    Dask makes its chunk again.
    """

    def __init__(self, chunk: Future, row: int, about: str) -> None:
        self._chunk: Any = chunk
        self._key, self._row, self._about = chunk.key, row, about

    def __repr__(self) -> str:
        return f"<{self._about}, on the cluster>"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_chunk": None}  # a future is its client's

    def future(self) -> Future:
        """Give the chunk that it is of."""
        return self._chunk

    def get(self, near: Mapping[str, Any] = MappingProxyType({})) -> Any:
        """Fetch the value; from chunks that are near, by their keys, where there are any.

        Raises:
            BackendError: It is not there any more.
        """
        if self._key in near:
            return near[self._key][self._row]
        if self._chunk is None:
            raise BackendError(f"a result that was kept on the cluster ({self!r}) is out of reach")
        pick = messages.Kept.__getitem__
        try:
            return self._chunk.client.submit(pick, self._chunk, self._row, pure=False).result()
        except Exception as error:  # noqa: BLE001 - of whatever kind, it cannot be had
            raise BackendError(
                f"a result that was kept on the cluster is not there any more ({error}); run its "
                "task again, or leave out `keep_results`"
            ) from None

"""A request of an attempt to the API of its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from attune_nb.packs.api.replies import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.packs.attempt_token import AttemptIdentity

__all__ = ["Call"]

_MAX_PAGE_SIZE = 1_000
_PAGE_SIZE = 50
_MAX_DIGITS = 9


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request with the token of an attempt of this run.

    Attributes:
        attempt: The attempt that sent it.
        names: The variable parts of its path.
        query: Its query.
        body: Its body.
    """

    attempt: AttemptIdentity
    names: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    @property
    def ref(self) -> str:
        """The `{ref}` of its path."""
        return self.names["ref"]

    @property
    def id(self) -> int:
        """The `{id}` of its path."""
        return int(self.names["id"])

    @property
    def body_or_empty(self) -> bytes:
        """Its body; an empty object if it has none."""
        if not self.body:
            return b"{}"
        return self.body

    def page(self) -> tuple[int, int]:
        """Return the number of the requested page, from 1, and its size.

        Raises:
            ApiError: The query has another value than a number for one of them.
        """
        number = self._read_number("page", 1)
        size = self._read_number("per_page", self._read_number("page_size", _PAGE_SIZE))
        return number, min(size, _MAX_PAGE_SIZE)

    def _read_number(self, name: str, default: int) -> int:
        text = self.query.get(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS or int(text) < 1:
            raise ApiError(400, "BAD_REQUEST", f"`{name}` must be an integer of 1 or more")
        return int(text)

"""References to values that were left on a cluster."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["RemoteReference", "fetch", "gather", "remote_references"]


class RemoteReference(abc.ABC):
    """Stands for a value that was left where it was made, and is fetched when it is asked for.

    `words` name such a value to a person. `there` tells whether this process ever left any.
    """

    description = "result that is elsewhere"
    in_use = False

    @abc.abstractmethod
    def get(self, near: Mapping[str, Any] = ...) -> Any:
        """Fetch the value, perhaps from what is near."""

    @classmethod
    @abc.abstractmethod
    def gather(cls, needed: Iterable[RemoteReference]) -> dict[str, Any]:
        """Fetch what many refer to at once, as `get` finds it near."""


def remote_references(value: Any) -> Iterator[RemoteReference]:
    """Give all in a value that was left elsewhere."""
    if isinstance(value, RemoteReference):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from remote_references(each)


def gather(needed: Iterable[RemoteReference]) -> dict[str, Any]:
    """Fetch at once what many refer to, as `get` finds it near."""
    left = list(needed)
    near: dict[str, Any] = {}
    for kind in {type(each) for each in left}:
        near |= kind.gather(each for each in left if type(each) is kind)
    return near


def fetch(value: Any, near: Mapping[str, Any] | None = None) -> Any:
    """Give a value with all that was left elsewhere in it fetched; the very object without.

    Args:
        value: The value.
        near: What was fetched already; by default all that the value refers to is, at once.
    """
    if not RemoteReference.__subclasses__():
        return value  # nothing of the kind has come to this process
    if near is None:
        needed = [*remote_references(value)]
        if not needed:
            return value
        near = gather(needed)
    if isinstance(value, RemoteReference):
        return value.get(near)
    if isinstance(value, dict):
        found = {key: fetch(each, near) for key, each in value.items()}
        return freeze(found) if any(found[key] is not value[key] for key in found) else value
    if isinstance(value, list | tuple):
        parts = [fetch(each, near) for each in value]
        changed = any(one is not other for one, other in zip(parts, value, strict=True))
        return freeze(parts) if changed else value
    return value

"""References to values that were kept on a cluster."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["RemoteReference", "fetch", "fetch_readable", "gather", "remote_references"]


class RemoteReference(abc.ABC):
    """A reference to a value that stays where it was made, and can be fetched from there.

    Attributes:
        description: The noun by which messages call such a value.
        in_use: Whether this process has ever made or received a reference.
        is_readable: Whether any process of this machine can read the value, at any time.
    """

    description = "result that is kept elsewhere"
    in_use = False
    is_readable = False

    @property
    def type_name(self) -> str:
        """The name of the value's type in expressions."""
        return self.description

    @abc.abstractmethod
    def get(self, gathered: Mapping[str, Any] = ...) -> Any:
        """Return the value: from `gathered` if it is in there, else fetched."""

    @classmethod
    @abc.abstractmethod
    def gather(cls, references: Iterable[RemoteReference]) -> dict[str, Any]:
        """Fetch the values of several references at once, in the form that `get` accepts."""


def remote_references(value: Any) -> Iterator[RemoteReference]:
    """Yield the remote references in a value."""
    if isinstance(value, RemoteReference):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from remote_references(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from remote_references(part)


def gather(references: Iterable[RemoteReference]) -> dict[str, Any]:
    """Fetch the values of several references at once, in the form that `get` accepts."""
    by_type: dict[type[RemoteReference], list[RemoteReference]] = {}
    for reference in references:
        by_type.setdefault(type(reference), []).append(reference)

    gathered: dict[str, Any] = {}
    for kind, of_kind in by_type.items():
        gathered |= kind.gather(of_kind)
    return gathered


def fetch(value: Any, gathered: Mapping[str, Any] | None = None) -> Any:
    """Return a value with its remote references replaced by the values that they refer to.

    A value without references is returned as the same object.

    Args:
        value: The value.
        gathered: Values that were fetched before. Without it, all values that are referred to
            are fetched at once.
    """
    # Without a subclass, no reference has come to this process.
    if not RemoteReference.__subclasses__():
        return value

    if gathered is None:
        references = list(remote_references(value))
        if not references:
            return value
        gathered = gather(references)

    if isinstance(value, RemoteReference):
        return value.get(gathered)
    if isinstance(value, dict):
        return _fetch_object(value, gathered)
    if isinstance(value, list | tuple):
        return _fetch_array(value, gathered)
    return value


def fetch_readable(value: Any) -> Any:
    """Return a value with those remote references replaced that any process can read.

    A value without such references is returned as the same object.
    """
    if not RemoteReference.in_use or not any(ref.is_readable for ref in remote_references(value)):
        return value

    if isinstance(value, RemoteReference):
        return value.get()
    if isinstance(value, dict):
        return freeze({key: fetch_readable(part) for key, part in value.items()})
    if isinstance(value, list):
        return freeze([fetch_readable(part) for part in value])
    return freeze(tuple(fetch_readable(part) for part in value))


def _fetch_object(value: dict[Any, Any], gathered: Mapping[str, Any]) -> Any:
    fetched = {key: fetch(part, gathered) for key, part in value.items()}
    if all(fetched[key] is value[key] for key in fetched):
        return value
    return freeze(fetched)


def _fetch_array(value: list[Any] | tuple[Any, ...], gathered: Mapping[str, Any]) -> Any:
    fetched = [fetch(part, gathered) for part in value]
    if all(new is old for new, old in zip(fetched, value, strict=True)):
        return value
    return freeze(fetched)

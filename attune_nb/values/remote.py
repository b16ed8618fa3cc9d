"""References to values that were kept on a cluster."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any

from attune_nb.values.frozen import freeze

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["RemoteReference", "fetch", "gather", "read_stored", "remote_references"]


class RemoteReference(abc.ABC):
    """A reference to a value that stays where it was made, and can be fetched from there.

    Attributes:
        description: The noun by which messages call such a value.
        in_use: Whether this process has ever made or received a reference.
        is_readable: Whether the value is on the disk, and can be read at any time.
        is_lazy: Whether the value is to stay there, as it may be large or one of very many.
        is_opaque: Whether expressions cannot look into the value, so that it need not be read.
    """

    __slots__ = ()

    description = "result that is kept elsewhere"
    in_use = False
    is_readable = False
    is_lazy = False
    is_opaque = False

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


def fetch(value: Any, gathered: Mapping[str, Any] | None = None, *, stored: bool = True) -> Any:
    """Return a value with its remote references replaced by the values that they refer to.

    A value without references is returned as the same object.

    Args:
        value: The value.
        gathered: Values that were fetched before. Without it, all values that are referred to
            are fetched at once.
        stored: Whether to read values on the disk, too.
    """
    if not RemoteReference.in_use:
        return value

    if gathered is None:
        references = list(remote_references(value))
        if not references:
            return value
        gathered = gather(references)

    if isinstance(value, RemoteReference):
        if value.is_readable and not stored:
            return value
        return value.get(gathered)
    if isinstance(value, dict):
        return _fetch_object(value, gathered, stored=stored)
    if isinstance(value, list | tuple):
        return _fetch_array(value, gathered, stored=stored)
    return value


def read_stored(value: Any, *, lazy: bool = False) -> Any:
    """Return a value with references to the disk replaced by the values there.

    A value without such references is returned as the same object.

    Args:
        value: The value.
        lazy: Which ones to replace: those to values that stay on the disk and that expressions
            can look into, or all those that need not stay there.
    """

    def is_wanted(reference: RemoteReference) -> bool:
        if lazy:
            return reference.is_readable and not reference.is_opaque
        return reference.is_readable and not reference.is_lazy

    if not RemoteReference.in_use or not any(map(is_wanted, remote_references(value))):
        return value
    return _read_stored(value, is_wanted)


def _read_stored(value: Any, is_wanted: Callable[[RemoteReference], bool]) -> Any:
    if isinstance(value, RemoteReference):
        return value.get() if is_wanted(value) else value
    if isinstance(value, dict):
        return freeze({key: _read_stored(part, is_wanted) for key, part in value.items()})
    if isinstance(value, list):
        return freeze([_read_stored(part, is_wanted) for part in value])
    if isinstance(value, tuple):
        return freeze(tuple(_read_stored(part, is_wanted) for part in value))
    return value


def _fetch_object(value: dict[Any, Any], gathered: Mapping[str, Any], *, stored: bool) -> Any:
    fetched = {key: fetch(part, gathered, stored=stored) for key, part in value.items()}
    if all(fetched[key] is value[key] for key in fetched):
        return value
    return freeze(fetched)


def _fetch_array(
    value: list[Any] | tuple[Any, ...], gathered: Mapping[str, Any], *, stored: bool
) -> Any:
    fetched = [fetch(part, gathered, stored=stored) for part in value]
    if all(new is old for new, old in zip(fetched, value, strict=True)):
        return value
    return freeze(fetched)

"""Read objects of names and values that a user passes into plain ones."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from attune_nb.values.frozen import own_pairs
from attune_nb.values.guard import ask, type_name

__all__ = ["is_mapping", "plain_text", "read_pairs"]


def is_mapping(value: Any) -> bool:
    """Return whether a value is an object of names and values, by its type.

    `isinstance` would believe the value's own `__class__`, which may lie or raise.
    """
    kind = type(value)
    return issubclass(kind, dict) or ask(lambda: issubclass(kind, Mapping), default=False)


def plain_text(value: Any) -> Any:
    """Return a string without the methods of its subclass; any other value as it is."""
    if type(value) is not str and issubclass(type(value), str):
        return str.__str__(value)
    return value


def read_pairs(value: Any) -> dict[Any, Any]:
    """Return the names and values of a mapping in a plain `dict`; strings as names are plain.

    Of a subclass of `dict` no method is called. Another mapping is read up to its own length.

    Raises:
        ValueError: It cannot be read; the message says why.
    """
    kind = type(value)
    try:
        pairs = own_pairs(value, kind) if issubclass(kind, dict) else _read_mapping(value)
        return {plain_text(name): part for name, part in pairs.items()}
    except ValueError:
        raise
    except Exception as error:  # noqa: BLE001 - code of the user's own
        raise ValueError(f"reading it raises {type_name(type(error))}") from None


def _read_mapping(value: Mapping[Any, Any]) -> dict[Any, Any]:
    count = len(value)
    names = list(islice(value, count + 1))
    if len(names) > count:
        raise ValueError(
            f"a value of type `{type_name(type(value))}` has more names than its length says, "
            "perhaps without end; pass `dict(value)`"
        )
    return {name: value[name] for name in names}

"""The tables in the values of an event."""

from __future__ import annotations

import operator
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.events import VALUE_FIELDS, AttemptsEnded, ErrorInfo
from attune_nb.values.frozen import are_json_data, may_hold_tables
from attune_nb.values.remote import remote_references
from attune_nb.values.stored import StoredValue
from attune_nb.values.tables.files import is_like_table_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from attune_nb.events import Event

__all__ = ["replace_in_value", "replace_tables", "shows_tables", "stored_files", "tables_in"]

# levels of the values of an event at which a table is noticed at once
_LEVELS = 3


def shows_tables(event: Event) -> bool:
    """Return whether a table is among the values of an event, or near the top of one.

    The types are looked at in loops of C, and not at all for values of JSON's types.
    """
    values = _values_in(event)
    for _ in range(_LEVELS):
        if are_json_data(values):
            return False
        if any(is_like_table_type(kind) for kind in set(map(type, values))):
            return True

        values = [value for value in values if may_hold_tables(value)]
        objects = [value for value in values if isinstance(value, dict)]
        arrays = [value for value in values if isinstance(value, list | tuple)]
        values = [*chain.from_iterable(map(dict.values, objects))]
        values += chain.from_iterable(map(_elements_of, arrays))
    return False


def _elements_of(array: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
    """Return the elements of an array without a call of its own code."""
    if isinstance(array, list):
        return list.__iter__(array)
    return tuple.__iter__(array)


def _values_in(event: Event) -> list[Any]:
    """Return the values of an event, those of a batch one by one."""
    values = [getattr(event, name) for name in VALUE_FIELDS.intersection(event.__struct_fields__)]
    error = getattr(event, "error", None)
    if isinstance(error, ErrorInfo):
        values.append(error.data)
    if isinstance(event, AttemptsEnded):
        batch = event.batch
        values += batch.results
        if batch.items is not None:
            values += batch.items
        values += [error.data for error in batch.errors.values()]
    return values


def tables_in(event: Event) -> list[Any]:
    """Return the tables in the values of an event."""
    tables: list[Any] = []

    def add(table: Any) -> Any:
        tables.append(table)
        return table

    replace_tables(event, add)
    return tables


def replace_tables(event: Event, replace: Callable[[Any], Any]) -> Event:
    """Return an event with its tables replaced by the results of a function.

    Tables are found in arrays and objects, at any depth.
    """
    changes: dict[str, Any] = {}
    for name in VALUE_FIELDS.intersection(event.__struct_fields__):
        changes[name] = replace_in_value(getattr(event, name), replace)

    error = getattr(event, "error", None)
    if isinstance(error, ErrorInfo):
        changes["error"] = _replace_in_error(error, replace)
    if isinstance(event, AttemptsEnded):
        batch = event.batch
        errors = {row: _replace_in_error(error, replace) for row, error in batch.errors.items()}
        items = batch.items
        if items is not None:
            items = [replace_in_value(item, replace) for item in items]
        changes["batch"] = msgspec.structs.replace(
            batch,
            results=[replace_in_value(result, replace) for result in batch.results],
            items=items,
            errors=errors,
        )
    return msgspec.structs.replace(event, **changes)


def _replace_in_error(error: ErrorInfo, replace: Callable[[Any], Any]) -> ErrorInfo:
    return msgspec.structs.replace(error, data=replace_in_value(error.data, replace))


def replace_in_value(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Return a value with the tables in it replaced; containers around them are new ones.

    They are not frozen: that would make plain strings of texts which name their secrets.
    """
    kind = type(value)
    if issubclass(kind, dict):
        pairs = {key: replace_in_value(part, replace) for key, part in dict.items(value)}
        is_same = all(part is value[key] for key, part in pairs.items())
        return value if is_same else pairs

    if issubclass(kind, list):
        elements = list(list.__iter__(value))
        parts = [replace_in_value(element, replace) for element in elements]
        return value if _is_same(parts, elements) else parts

    if issubclass(kind, tuple):
        elements = list(tuple.__iter__(value))
        parts = [replace_in_value(element, replace) for element in elements]
        if _is_same(parts, elements):
            return value
        # a named tuple keeps its type
        return tuple.__new__(kind, parts) if hasattr(kind, "_fields") else tuple(parts)

    if is_like_table_type(kind):
        return replace(value)
    return value


def _is_same(parts: list[Any], elements: list[Any]) -> bool:
    return all(map(operator.is_, parts, elements))


def stored_files(event: Event) -> Iterator[StoredValue]:
    """Yield the references to files in an event."""
    for reference in remote_references(_values_in(event)):
        if isinstance(reference, StoredValue):
            yield reference

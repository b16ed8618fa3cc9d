"""Values to JSON and back. Values that JSON lacks are tagged, and code is never stored.

Plain data (strings, finite numbers, booleans, null, arrays, objects) is stored as it is. Other
pure data (a tuple, a date, a path, NaN) becomes an object with the single key `$TYPE`. A secret is
stored by its name. A table is a file beside the store, and the store holds its name. Any other
result of an action (an open file, a client) stays in memory; the store holds a marker with its
type, and never a pickle.
"""

from __future__ import annotations

import base64
import math
import re
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.store.data_types import READERS, write_data
from attune_nb.values.frozen import FrozenDict, FrozenList, NotStored, are_json_data, freeze
from attune_nb.values.guard import MANY_BITS, count_rows, is_table, module_name
from attune_nb.values.remote import RemoteReference
from attune_nb.values.secrets import MASKED, Mask, SecretBytes, SecretText, SecretValue
from attune_nb.values.stored import StoredResult, StoredTable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NO_SECRETS", "from_plain", "has_tag", "to_json", "to_plain"]

NO_SECRETS = Mask()
"""A mask without secrets."""

# types that JSON holds exactly, whatever the value
_EXACT = frozenset({str, int, bool, type(None)})

_OBJECTS = frozenset({dict, FrozenDict})
_ARRAYS = frozenset({list, FrozenList})
_SCALARS = _EXACT | {float}
_PLAIN = _SCALARS | _OBJECTS | _ARRAYS

# elements from which on they are looked at together, and the levels of nesting of which this is
# worth it: an array of records with arrays has three
_MANY = 16
_BATCH_LEVELS = 3

# levels of nesting around a value in an event: the parameters, the results of a batch
_LEVELS_AROUND = 10

# of the file of a table: its SHA-256 and its format
_TABLE_FILE = re.compile("[0-9a-f]{64}[.][a-z]{1,10}")

# in the JSON of a value with null, or with a number that is not finite; it is found in half the
# time that `in` takes
_NULL = re.compile(b"null")

# in the JSON of a value that has tags
_TAG = b'"$'

# a Python string may hold surrogates, which UTF-8 cannot encode
_SURROGATES = "surrogatepass"


def to_json(value: Any) -> Any:
    """Return the JSON of a value of JSON's types; another value as `to_plain` returns it.

    A frozen container knows whether it holds nothing else. So a million records are encoded
    without a look at each of them. Values that would be read back differently show in the text.

    Args:
        value: A frozen value, or an array or object of frozen values.

    Returns:
        The JSON as `msgspec.Raw`, or plain data.

    Raises:
        ValueError: UTF-8 cannot encode a string, or an integer has very many digits.
    """
    if not _is_json_data(value):
        return to_plain(value)

    text = msgspec.json.encode(value)
    has_odd_numbers = _NULL.search(text) and not _are_all_finite([value])
    if has_odd_numbers or has_tag(text):
        plain = to_plain(value)
        if plain is not value:
            return plain
    return msgspec.Raw(text)


def has_tag(text: bytes, *tags: bytes) -> bool:
    """Return whether a JSON text may have a tag.

    Args:
        text: The text.
        tags: Only these tags count, with the quote before each.
    """
    # one byte is found much faster than several, and most texts have none
    if b"$" not in text:
        return False
    if not tags:
        return _TAG in text
    return any(tag in text for tag in tags)


def _is_json_data(value: Any) -> bool:
    """Return whether a container holds nothing but values of JSON's types."""
    kind = type(value)
    if kind is list:
        return are_json_data(value)
    if kind is dict:
        return all(type(key) is str for key in value) and are_json_data([*value.values()])
    return kind in (FrozenList, FrozenDict) and are_json_data([value])


def _are_all_finite(values: list[Any]) -> bool:
    """Return whether all numbers in values of JSON's types are finite, level by level."""
    while not _SCALARS.issuperset(map(type, values)):
        if not _are_finite(values):
            return False
        objects = [value for value in values if type(value) in _OBJECTS]
        arrays = [value for value in values if type(value) in _ARRAYS]
        values = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(arrays)]
    return _are_finite(values)


def to_plain(value: Any, *, check_strings: bool = False) -> Any:
    """Return a value as JSON can hold it; plain data is returned as the same object.

    Args:
        value: A frozen value.
        check_strings: Tag strings that UTF-8 cannot encode, and integers of very many digits.
            Without this, encoding them raises a ValueError; then call again with it.
    """
    kind = type(value)
    if kind is str:
        if check_strings:
            return _string(value)
        return value
    if check_strings and kind is int and value.bit_length() > MANY_BITS:
        return {"$int": hex(value)}
    if kind in _EXACT:
        return value
    if kind is float:
        if math.isfinite(value):
            return value
        return {"$float": repr(value)}
    # exact types: in a value that is not frozen, a subclass may iterate without end
    if kind in _OBJECTS:
        return _object(value, check_strings=check_strings)
    if kind in _ARRAYS:
        return _array(value, check_strings=check_strings)
    return _tagged(value, check_strings=check_strings)


def _object(value: dict[Any, Any], *, check_strings: bool) -> Any:
    # a million items may have a million such objects: the same object is returned if it is plain
    if len(value) != 1 and not check_strings and _is_plain_object(value):
        return value

    if not _has_plain_keys(value, check_strings=check_strings):
        # keys of other types are written, but not looked up: their code may raise
        pairs = []
        for key, element in value.items():
            plain_key = to_plain(key, check_strings=check_strings)
            pairs.append([plain_key, to_plain(element, check_strings=check_strings)])
        return {"$map": pairs}

    plain = {key: to_plain(element, check_strings=check_strings) for key, element in value.items()}
    if _is_tag(plain):
        return {"$map": [list(pair) for pair in plain.items()]}
    if all(plain[key] is value[key] for key in plain):
        return value
    return plain


def _is_plain_object(value: dict[Any, Any]) -> bool:
    """Return whether all keys are strings and all values are plain scalars."""
    for key, element in value.items():
        if type(key) is not str:
            return False
        kind = type(element)
        # the difference of NaN or an infinity with itself is NaN, which is true
        if kind not in _EXACT and (kind is not float or element - element):
            return False
    return True


def _has_plain_keys(value: dict[Any, Any], *, check_strings: bool) -> bool:
    """Return whether all keys are strings that UTF-8 can encode."""
    for key in value:
        if type(key) is not str:
            return False
        if check_strings and _string(key) is not key:
            return False
    return True


def _array(value: list[Any], *, check_strings: bool) -> list[Any]:
    if not check_strings:
        if _EXACT.issuperset(map(type, value)):
            return value
        if len(value) >= _MANY and _are_plain(value, _BATCH_LEVELS):
            return value

    plain = [to_plain(element, check_strings=check_strings) for element in value]
    if all(new is old for new, old in zip(plain, value, strict=True)):
        return value
    return plain


def _are_plain(values: list[Any], levels: int) -> bool:
    """Return whether many values are surely plain data, as loops of C can tell.

    Args:
        values: The values.
        levels: How many levels of objects and arrays are looked at.
    """
    kinds = set(map(type, values))
    if kinds <= _SCALARS:
        return float not in kinds or _are_finite(values)
    if not levels or not kinds <= _PLAIN:
        return False
    if kinds <= _OBJECTS:
        return _are_plain_objects(values, levels - 1)
    if kinds <= _ARRAYS:
        return _are_plain([*chain.from_iterable(values)], levels - 1)

    objects = [value for value in values if type(value) in _OBJECTS]
    arrays = [value for value in values if type(value) in _ARRAYS]
    scalars = [value for value in values if type(value) in _SCALARS]
    return all(_are_plain(group, levels) for group in (objects, arrays, scalars))


def _are_plain_objects(values: list[dict[Any, Any]], levels: int) -> bool:
    shapes = set(map(tuple, values))
    if set(map(type, chain.from_iterable(shapes))) - {str} or any(map(_is_tag, shapes)):
        return False
    if len(shapes) > 1:
        return _are_plain([*chain.from_iterable(map(dict.values, values))], levels)

    (names,) = shapes
    # the values of a key are mostly of one type, which takes no list for each type
    return all(_are_plain([*map(itemgetter(name), values)], levels) for name in names)


def _are_finite(values: list[Any]) -> bool:
    """Return whether the numbers among scalars are finite."""
    numbers = [value for value in values if type(value) is float]
    # the sum is finite only if all are; a sum that is too large is found by a slower look
    return math.isfinite(sum(numbers))


def _is_tag(value: dict[Any, Any] | tuple[Any, ...]) -> bool:
    """Return whether an object, or the keys of one, are a tag."""
    return len(value) == 1 and str(next(iter(value))).startswith("$")


def _string(value: str) -> Any:
    """Return a string, or its tagged bytes if UTF-8 cannot encode it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"$text": _base64(value.encode("utf-8", _SURROGATES))}
    return value


def _tagged(value: Any, *, check_strings: bool) -> dict[str, Any]:
    kind = type(value)
    if kind is SecretText:
        return {"$secret": value.parts}
    if kind is SecretBytes:
        tag = "$latin1_array" if value.is_array else "$latin1"
        return {"$hidden": {tag: to_plain(value.text)}}
    if kind is SecretValue:
        return _hidden(value, check_strings=check_strings)
    if kind in (StoredTable, StoredResult):
        return _file_reference(value)
    if isinstance(value, tuple) and not hasattr(kind, "_fields"):
        elements = tuple.__iter__(value)
        return {"$tuple": [to_plain(element, check_strings=check_strings) for element in elements]}
    if kind in (set, frozenset):
        return {"$set": [to_plain(element, check_strings=check_strings) for element in value]}

    try:
        data = write_data(value)
    except Exception:  # noqa: BLE001 - the time zone of a date, say, may raise anything
        data = None
    if data is None:
        return {"$object": to_plain(_marker(value), check_strings=check_strings)}
    tag, content = data
    return {tag: to_plain(content, check_strings=check_strings)}


def _file_reference(reference: StoredTable | StoredResult) -> dict[str, Any]:
    """Return the tagged fields of a reference to a file beside the store."""
    if isinstance(reference, StoredResult):
        return {"$stored": [reference.file, reference.start, reference.size]}

    fields = [reference.file, reference.kind, reference.rows, reference.size, reference.is_lazy]
    if reference.start is not None:
        fields += [reference.start, reference.file_format]
    return {"$table": fields}


def _hidden(secret: SecretValue, *, check_strings: bool) -> dict[str, Any]:
    """Return a tagged value with its secrets masked in the content of the tag."""
    plain = to_plain(secret.value, check_strings=check_strings)
    if not isinstance(plain, dict) or "$object" in plain:
        marker = secret.mask.value(_marker(secret.value))
        return {"$object": to_plain(marker, check_strings=check_strings)}

    ((tag, content),) = plain.items()
    masked = secret.mask.named_value(content)
    if masked is content:
        # it equals a secret, which is written in another way
        return {"$secret": [MASKED]}
    return {"$hidden": {tag: to_plain(masked, check_strings=check_strings)}}


def _marker(value: Any) -> Any:
    """Return the type of a value that is not stored, for a table with its number of rows."""
    if isinstance(value, NotStored):
        name = value.kind
        rows = value.rows
    elif isinstance(value, RemoteReference):
        name = value.description
        rows = None
    else:
        kind = type(value)
        name = module_name(kind)
        rows = count_rows(value) if is_table(kind) else None

    if rows is None:
        return name
    return [name, rows]


def from_plain(value: Any, mask: Mask = NO_SECRETS, *, has_tags: bool = True) -> Any:
    """Return the frozen value from the result of `to_plain`.

    Args:
        value: The result of `to_plain`.
        mask: The secrets by their names; one that it does not hold becomes `***`.
        has_tags: Whether there may be tags in it. They take time to look for.

    Raises:
        ValueError: A tag is unknown, or its content is invalid.
    """
    if has_tags:
        value = _read(value, mask)
    return freeze(value, more_levels=_LEVELS_AROUND)


def _read(value: Any, mask: Mask) -> Any:
    if isinstance(value, list):
        if _EXACT.issuperset(map(type, value)):
            return value
        return [_read(element, mask) for element in value]
    if not isinstance(value, dict):
        return value
    if not _is_tag(value):
        return {key: _read(element, mask) for key, element in value.items()}

    ((tag, content),) = value.items()
    try:
        if tag in READERS:
            return READERS[tag](_read(content, mask))
        return _READERS[tag](content, mask)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise ValueError(f"the store holds `{tag}` in a way that cannot be read") from error


def _read_hidden(content: Any, mask: Mask) -> Any:
    """Return a value of which a secret is a part, or its masked text if the secret is unknown."""
    if not isinstance(content, dict) or len(content) != 1:
        return _read(content, mask)

    ((tag, hidden),) = content.items()
    text = _read(hidden, mask)
    try:
        return _read({tag: text}, mask)
    except ValueError:
        return text if isinstance(text, str) else MASKED


def _read_member(content: Any, mask: Mask) -> Any:
    """Return an element of a set; arrays and objects are frozen, since only then they hash."""
    value = _read(content, mask)
    if isinstance(value, dict | list):
        return freeze(value)
    return value


def _read_object(content: Any, _: Mask) -> NotStored:
    """Return the marker of a value that is not stored."""
    content = _read(content, NO_SECRETS)
    if isinstance(content, str):
        return NotStored(content)
    name, rows = content
    return NotStored(name, rows)


def _read_table(content: Any, _: Mask) -> StoredTable:
    """Return the reference to a table; the reader of its event says where the file is."""
    file, kind, rows, size, is_lazy, *place = content
    start, file_format = None, ""
    if place:
        start, file_format = place
    return StoredTable(
        _check_file(file),
        str(kind),
        rows,
        int(size),
        is_lazy=bool(is_lazy),
        start=start,
        file_format=file_format,
    )


def _read_stored(content: Any, _: Mask) -> StoredResult:
    """Return the reference to a result in a file with many."""
    file, start, size = content
    return StoredResult(_check_file(file), int(start), int(size))


def _check_file(name: Any) -> str:
    """Return the name of a file in the folder of tables.

    Raises:
        ValueError: It is no such name: it may lead anywhere.
    """
    if type(name) is not str or not _TABLE_FILE.fullmatch(name):
        raise ValueError("no name of a file of a table")
    return name


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_READERS: dict[str, Callable[[Any, Mask], Any]] = {
    "$text": lambda content, _: base64.b64decode(content).decode("utf-8", _SURROGATES),
    "$float": lambda content, _: float(content),
    "$int": lambda content, _: int(content, 16),
    "$tuple": lambda content, mask: tuple(_read(element, mask) for element in content),
    "$set": lambda content, mask: frozenset(_read_member(element, mask) for element in content),
    "$map": lambda content, mask: {
        from_plain(key, mask): _read(element, mask) for key, element in content
    },
    "$object": _read_object,
    "$table": _read_table,
    "$stored": _read_stored,
    "$secret": lambda content, mask: mask.resolve(content),
    "$hidden": _read_hidden,
    "$latin1": lambda content, _: content.encode("latin-1"),
    "$latin1_array": lambda content, _: bytearray(content.encode("latin-1")),
}

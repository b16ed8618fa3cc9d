"""Masking of secrets, so that their texts are never shown.

A secret is found as it is and as other programs write it: in JSON, in a URL, in HTML, in base64
(also within longer text, as in a Basic header), in hexadecimal digits, in bytes. A secret that
was changed in another way (in upper case, cut, reversed, hashed) is not recognised.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from attune_nb.values.guard import ask, repr_of
from attune_nb.values.object_parts import (
    ITERATORS,
    is_pandas_table,
    iterate,
    mask_table,
    shown_texts,
    walk_object,
)
from attune_nb.values.remote import RemoteReference
from attune_nb.values.secret_forms import FLOAT_FORM, INTEGER_FORM, NUMBER_FORM
from attune_nb.values.secret_search import SHORTEST, SecretSearch, read_any_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from attune_nb.values.secret_search import SecretName, Span

__all__ = [
    "MASKED",
    "NOT_SHOWN",
    "HiddenObject",
    "Mask",
    "SecretBytes",
    "SecretText",
    "SecretValue",
    "is_secret_schema",
]

MASKED = "***"
NOT_SHOWN = "it is not shown, since it may be a secret"
"""The words of a message in place of a text from a line."""

# Levels of nesting of a value.
_DEEPEST = 100

_ARRAYS = tuple(ITERATORS)

_PLAIN = frozenset({str, int, float, bool, type(None)})

_PANDAS_SCALARS = ("Timestamp", "Timedelta", "Period", "Interval", "NaTType")

# Values of these modules are plain data with a text of their own.
_PLAIN_MODULES = frozenset(
    {
        "builtins",
        "datetime",
        "decimal",
        "fractions",
        "ipaddress",
        "pathlib",
        "pathlib._local",
        "uuid",
        "zoneinfo",
        "numpy",
    }
)

# The parts of the name of a text of a secret; one that has more is the rest of an overlapping text.
_NAME_PARTS = 3


class SecretText(str):
    """A string with `***` in place of its secrets, which keeps the names of these secrets.

    Attributes:
        parts: The parts of the text, in order.
    """

    __slots__ = ("parts",)
    parts: tuple[Any, ...]

    # Two different secrets are two keys of an object, although both read `***`.
    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and other.parts == self.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    @classmethod
    def from_parts(cls, parts: Iterable[Any]) -> SecretText:
        """Return the text that consists of some parts: strings, and names of secrets."""
        parts = tuple(parts)
        text = cls("".join(map(_shown_part, parts)))
        text.parts = parts
        return text


class SecretBytes(bytes):
    """Bytes with `***` in place of their secrets, which keep the names of these secrets.

    Attributes:
        text: The same as text in Latin-1.
        is_array: Whether they stand for a `bytearray`.
    """

    text: SecretText
    is_array: bool


class SecretValue:
    """A plain value, such as a path or a date, whose text holds a secret.

    Attributes:
        value: The value.
        mask: The secrets.
    """

    __slots__ = ("mask", "value")

    def __init__(self, value: Any, mask: Mask) -> None:
        self.value = value
        self.mask = mask

    def __repr__(self) -> str:
        return MASKED

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and bool(other.value == self.value)

    def __hash__(self) -> int:
        return hash(self.value)


class HiddenObject:
    """Stands for an object that holds a secret, and is shown by its type alone.

    Attributes:
        kind: The type of the object, as `module.Name`.
    """

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind}, which holds a secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HiddenObject) and other.kind == self.kind

    def __hash__(self) -> int:
        return hash(self.kind)


class Mask:
    """Replaces the texts of secrets by `***`.

    A secret of three characters is found in a text only as a word of its own, and a shorter one
    only as a whole value.

    Args:
        secrets: Values that must not be shown; the strings, bytes and numbers in them are masked.
        names: The names of these values.
    """

    __slots__ = ("_numbers", "_search", "_values")

    def __init__(self, *secrets: Any, names: Sequence[str] = ("keystore", "parameters")) -> None:
        leaves: dict[str, Any] = {}
        for name, secret in zip(names, secrets, strict=False):
            _collect_leaves(leaves, name, secret, _DEEPEST)
        self._set_values(leaves)

    def _set_values(self, values: dict[str, Any]) -> None:
        self._values = values
        self._search = SecretSearch()
        self._numbers: dict[Any, SecretName] = {}
        for name, leaf in values.items():
            for number, piece in enumerate(_pieces(leaf)):
                self._search.add(name, number, piece)
            for number_value in _number_forms(leaf):
                self._numbers.setdefault(number_value, (name, 0, NUMBER_FORM))
        self._search.close()

    def with_secret(self, name: str, secret: Any) -> Mask:
        """Return a mask that hides one more secret, also if another one has this name."""
        leaves = dict(self._values)
        _collect_leaves(leaves, name, secret, _DEEPEST)
        mask = Mask()
        mask._set_values(leaves)
        return mask

    def with_secrets_of(self, other: Mask) -> Mask:
        """Return a mask that also hides the secrets of another one."""
        leaves = dict(self._values)
        for name, leaf in other._values.items():
            leaves[_unique_name(leaves, name, leaf)] = leaf
        if len(leaves) == len(self._values):
            return self

        mask = Mask()
        mask._set_values(leaves)
        return mask

    def __bool__(self) -> bool:
        return bool(self._search.names)

    def __reduce__(self) -> tuple[Any, ...]:
        # the search is made again: a worker gets a mask without secrets with each task
        if not self._values:
            return Mask, ()
        return _restore_mask, (self._values,)

    def __repr__(self) -> str:
        return f"Mask({len(self._values)} secrets)"

    @property
    def short_names(self) -> list[str]:
        """The names of secrets that are too short to be found in every text."""
        names = []
        for name, leaf in self._values.items():
            text = _text_of(leaf)
            # a run that was read from a record has no secrets
            if text and len(text) < SHORTEST and text != MASKED:
                names.append(name)
        return names

    def text(self, text: str) -> str:
        """Return a text with every secret replaced by `***`."""
        parts = self._text_parts(text)
        if parts is None:
            return text
        return "".join(map(_shown_part, parts))

    def value(self, value: Any) -> Any:
        """Return a value with every text masked; the same object if it holds no secret.

        An object that is not plain data and holds a secret becomes a `HiddenObject`.
        """
        if not self:
            return value
        if _contains_itself(value):
            return MASKED
        if self._is_clean(value):
            return value
        return self._mask_value(value, _DEEPEST, named=False)

    def named_value(self, value: Any) -> Any:
        """Return a value with a `SecretText` for each text that was masked, for the store.

        A `SecretBytes` or a `SecretValue` stands for other plain values. Objects that are not
        plain data are returned as they are.
        """
        if not self:
            return value
        if _contains_itself(value):
            return MASKED
        if self._is_clean(value):
            return value
        return self._mask_value(value, _DEEPEST, named=True)

    def _is_clean(self, value: Any) -> bool:
        """Return whether a value is plain data without a secret.

        All its texts are searched as one: a million short texts are as quick as a long one.
        """
        leaves: list[Any] = []
        if not _add_plain_leaves(leaves, value, _DEEPEST):
            return False
        return not self._may_hold(leaves)

    def resolve(self, parts: Sequence[Any]) -> Any:
        """Return the value that a `SecretText` stands for, with `***` for unknown secrets."""
        if len(parts) == 1 and not isinstance(parts[0], str) and parts[0][-1] in _NUMBERS:
            return self._resolve_number(parts[0][0], _NUMBERS[parts[0][-1]])

        texts = []
        for part in parts:
            if isinstance(part, str):
                texts.append(part)
            else:
                texts.append(self._form(*part))
        return "".join(texts)

    def _resolve_number(self, name: str, convert: Callable[[Any], Any]) -> Any:
        leaf = self._leaf(name)
        if leaf is None:
            return MASKED
        try:
            return convert(json.loads(_text_of(leaf)))
        except (ValueError, OverflowError):
            return MASKED

    def _leaf(self, name: str) -> Any:
        """Return a secret by its name; of answers to one question the only one that is known."""
        if name in self._values:
            return self._values[name]
        return self._values.get(name.partition("#")[0])

    def _form(self, name: str, piece_number: int, form_number: int, start: int = 0) -> str:
        pieces = _pieces(self._leaf(name))
        form = None
        if piece_number < len(pieces):
            form = read_any_form(pieces[piece_number], form_number)
        if form is None:
            return "" if start else MASKED
        return form[start:]

    def _text_parts(self, text: str) -> list[Any] | None:
        """Return the parts of a text; None if it holds no secret."""
        name = self._search.names.get(text)
        if name is not None:
            return [name]
        spans = self._search.find(text)
        if not spans:
            return None
        return _cut_at(text, spans)

    def _mask_value(self, value: Any, depth: int, *, named: bool) -> Any:
        kind = type(value)
        if kind is str:
            return self._mask_text(value, named=named)
        if kind is bool or value is None:
            return value
        if kind is int or kind is float:
            return self._mask_number(value, named=named)
        return self._mask_other(value, kind, depth, named=named)

    def _mask_other(self, value: Any, kind: type, depth: int, *, named: bool) -> Any:
        """Mask a value that is none of the plain scalars."""
        if issubclass(kind, str) and not issubclass(kind, Enum):
            return self._mask_text(str.__str__(value), named=named, original=value)
        if issubclass(kind, int | float) and not issubclass(kind, Enum):
            return self._mask_number(value, named=named)
        if depth == 0:
            return MASKED
        if issubclass(kind, dict):
            return self._mask_dict(value, depth - 1, named=named)
        if issubclass(kind, _ARRAYS):
            return self._mask_array(value, kind, depth - 1, named=named)
        if issubclass(kind, bytes | bytearray):
            return self._mask_bytes(value, named=named)
        if issubclass(kind, Enum):
            return self._mask_plain(value, [str(value._value_), value._name_], named=named)
        is_error = issubclass(kind, BaseException)
        if not is_error and (kind.__module__ in _PLAIN_MODULES or _is_pandas_scalar(kind)):
            return self._mask_scalar(value, named=named)
        is_on_disk = issubclass(kind, RemoteReference) and kind.is_readable
        if named or is_on_disk:
            # what is on the disk is masked there
            return value
        return self._mask_object(value, kind)

    def _mask_text(self, text: str, *, named: bool, original: Any = None) -> Any:
        parts = self._text_parts(text)
        if parts is None:
            return text if original is None else original
        if named:
            return SecretText.from_parts(parts)
        return "".join(map(_shown_part, parts))

    def _mask_number(self, value: Any, *, named: bool) -> Any:
        name = self._numbers.get(value)
        if name is None:
            return value
        if not named:
            return MASKED
        form = FLOAT_FORM if type(value) is float else INTEGER_FORM
        return SecretText.from_parts([(name[0], 0, form)])

    def _mask_dict(self, value: dict[Any, Any], depth: int, *, named: bool) -> Any:
        masked = {}
        is_same = True
        for key, part in dict.items(value):
            masked_key = self._mask_value(key, depth, named=named)
            masked_part = self._mask_value(part, depth, named=named)
            is_same = is_same and masked_key is key and masked_part is part
            masked[masked_key] = masked_part
        return value if is_same else masked

    def _mask_array(self, value: Any, kind: type, depth: int, *, named: bool) -> Any:
        elements = list(iterate(value, kind))
        masked = [self._mask_value(element, depth, named=named) for element in elements]
        if all(new is old for new, old in zip(masked, elements, strict=True)):
            return value
        if issubclass(kind, list):
            return masked
        if issubclass(kind, tuple):
            if hasattr(kind, "_fields"):
                return tuple.__new__(kind, masked)
            return tuple(masked)
        if issubclass(kind, deque):
            return deque(masked)
        return frozenset(masked)

    def _may_hold(self, elements: list[Any]) -> bool:
        """Return whether one of some plain scalars may be or hold a secret."""
        if not self._numbers.keys().isdisjoint(elements):
            return True
        texts = [element for element in elements if type(element) is str]
        if not texts:
            return False
        if not self._search.names.keys().isdisjoint(texts):
            return True
        return self._search.may_hold("\0".join(texts))

    def _mask_bytes(self, value: Any, *, named: bool) -> Any:
        data = bytes(value).decode("latin-1")
        spans = self._search.find_in_bytes(data)
        if not spans:
            return value

        is_array = isinstance(value, bytearray)
        text = SecretText.from_parts(_cut_at(data, spans))
        shown = str.__str__(text).encode("latin-1")
        if not named:
            return bytearray(shown) if is_array else shown
        masked = SecretBytes(shown)
        masked.text = text
        masked.is_array = is_array
        return masked

    def _mask_scalar(self, value: Any, *, named: bool) -> Any:
        """Mask a path, a date, a decimal number, an array of NumPy, a function ..."""
        if hasattr(type(value), "tobytes"):
            return self._mask_object(value, type(value)) if not named else value
        try:
            is_number = value in self._numbers
        except Exception:  # noqa: BLE001 - a signalling NaN has no hash, an array neither
            is_number = False
        texts = [str(value), *_other_texts(value)]
        if is_number and not named:
            return MASKED
        return self._mask_plain(value, texts, named=named, is_secret=is_number)

    def _mask_plain(
        self, value: Any, texts: list[str], *, named: bool, is_secret: bool = False
    ) -> Any:
        """Mask a plain value by its texts."""
        masked_texts = [self._text_parts(text) for text in texts]
        if not is_secret and not any(masked_texts):
            return value
        if named:
            return SecretValue(value, self)
        if masked_texts[0] is None:
            return MASKED
        return "".join(map(_shown_part, masked_texts[0]))

    def _mask_object(self, value: Any, kind: type) -> Any:
        """Return an object as it is, or a `HiddenObject` if it holds a secret.

        In a table of pandas only the cells with a secret are hidden.
        """
        if is_pandas_table(kind):
            table = mask_table(value, self.value, self._numbers)
            if table is not value:
                value = table
        for part in walk_object(value):
            if self._is_secret_part(part):
                return self._hide(kind)
        for text in shown_texts(value):
            if self._text_parts(text) is not None:
                return self._hide(kind)
        return value

    def _is_secret_part(self, part: Any) -> bool:
        """Return whether a string, bytes or a number in an object are or hold a secret."""
        kind = type(part)
        if issubclass(kind, str):
            return self._text_parts(str.__str__(part)) is not None
        if issubclass(kind, bytes | bytearray):
            return bool(self._search.find_in_bytes(bytes(part).decode("latin-1")))
        return kind is not bool and part in self._numbers

    def _hide(self, kind: type) -> HiddenObject:
        return HiddenObject(self.text(f"{kind.__module__}.{kind.__qualname__}"))


def _restore_mask(values: dict[str, Any]) -> Mask:
    """Return the mask of a pickle."""
    mask = Mask()
    mask._set_values(values)  # noqa: SLF001 - its own method
    return mask


def _add_plain_leaves(leaves: list[Any], value: Any, depth: int) -> bool:
    """Add the scalars of a value to a list; return False if there is anything else in it."""
    kind = type(value)
    if kind in _PLAIN:
        leaves.append(value)
        return True
    if depth == 0:
        return False

    if issubclass(kind, dict):
        parts = list(dict.values(value))
        leaves += dict.keys(value)
        if not _PLAIN.issuperset(map(type, dict.keys(value))):
            return False
    elif issubclass(kind, list | tuple):
        parts = list(iterate(value, kind))
    else:
        return False

    if _PLAIN.issuperset(map(type, parts)):
        leaves += parts
        return True
    for part in parts:  # noqa: SIM110 - a generator costs more
        if not _add_plain_leaves(leaves, part, depth - 1):
            return False
    return True


def _contains_itself(value: Any, around: frozenset[int] = frozenset()) -> bool:
    """Return whether a dict, list or tuple contains itself, or is nested too deep."""
    kind = type(value)
    if issubclass(kind, dict):
        parts = list(dict.values(value))
    elif issubclass(kind, list | tuple):
        parts = list(iterate(value, kind))
    else:
        return False

    if _PLAIN.issuperset(map(type, parts)):
        return False
    if id(value) in around or len(around) > 2 * _DEEPEST:
        return True
    inner = around | {id(value)}
    return any(_contains_itself(part, inner) for part in parts)


def _is_pandas_scalar(kind: type) -> bool:
    """Return whether a type is that of pandas' dates and durations."""
    return kind.__module__.partition(".")[0] == "pandas" and kind.__name__ in _PANDAS_SCALARS


def _other_texts(value: Any) -> list[str]:
    """Return other texts of a value that are as usual: of a UUID its digits, of a date ISO's."""
    texts = []
    for name in ("hex", "isoformat", "as_posix"):
        if isinstance(getattr(type(value), name, None), property):
            texts.append(str(getattr(value, name)))
        elif hasattr(type(value), name):
            try:
                texts.append(str(getattr(value, name)()))
            except Exception:  # noqa: BLE001, S112 - not of this value
                continue
    return [*texts, *[text.upper() for text in texts[:1]]]


def is_secret_schema(schema: Mapping[str, Any]) -> bool:
    """Return whether values of a JSON Schema must not be shown."""
    return (
        schema.get("format") == "password"
        or schema.get("writeOnly") is True
        or schema.get("secret") is True
    )


def _shown_part(part: Any) -> str:
    if isinstance(part, str):
        return part
    # the rest of a secret that overlaps with the one before it
    return MASKED if len(part) == _NAME_PARTS else ""


def _cut_at(text: str, spans: list[Span]) -> list[Any]:
    """Return the parts of a text that holds secrets."""
    parts: list[Any] = []
    end = 0
    for span in spans:
        if not span.is_rest:
            parts.append(text[end : span.start])
        parts.append(span.name)
        end = span.end
    parts.append(text[end:])
    return parts


def _collect_leaves(leaves: dict[str, Any], name: str, secret: Any, depth: int) -> None:
    """Add the strings, bytes and numbers in a secret, by their dotted names."""
    kind = type(secret)
    if depth and issubclass(kind, dict):
        for key, part in dict.items(secret):
            key_text = ask(partial(str, key), "?")
            _collect_leaves(leaves, f"{name}.{key_text}", part, depth - 1)
    elif depth and issubclass(kind, set | frozenset):
        for index, part in enumerate(sorted(iterate(secret, kind), key=repr_of)):
            _collect_leaves(leaves, f"{name}.{index}", part, depth - 1)
    elif depth and issubclass(kind, list | tuple | deque):
        for index, part in enumerate(iterate(secret, kind)):
            _collect_leaves(leaves, f"{name}.{index}", part, depth - 1)
    elif kind is not bool and secret is not None:
        for leaf in _leaves_of(secret, kind):
            leaves[_unique_name(leaves, name, leaf)] = leaf


def _unique_name(leaves: dict[str, Any], name: str, leaf: Any) -> str:
    """Return a name for a secret; two paths, or two answers to a question, may have one name."""
    unique = name
    number = 2
    while unique in leaves and repr_of(leaves[unique]) != repr_of(leaf):
        unique = f"{name}#{number}"
        number += 1
    return unique


def _leaves_of(secret: Any, kind: type) -> list[Any]:
    """Return the texts, bytes and numbers of a secret that is no array and no object."""
    if issubclass(kind, Enum):
        return [secret._value_] if isinstance(secret._value_, str | int | float) else []
    if issubclass(kind, str):
        return [str.__str__(secret)]
    if issubclass(kind, bytes | bytearray | memoryview):
        return [bytes(secret)]
    if issubclass(kind, int | float):
        return [secret]
    if kind.__module__ in _PLAIN_MODULES and not hasattr(kind, "tobytes"):
        if kind.__module__ == "builtins":
            return []
        texts = ask(lambda: [str(secret), *_other_texts(secret)], [])
        return list(texts)
    # an object: its attributes are the secrets
    return [part for part in walk_object(secret) if type(part) is not bool]


def _text_of(leaf: Any) -> str:
    if isinstance(leaf, bytes | bytearray):
        return bytes(leaf).decode("utf-8", "surrogateescape")
    if isinstance(leaf, int) and leaf.bit_length() > _MOST_BITS:
        return hex(leaf)
    return str(leaf)


def _as_it_is(number: Any) -> Any:
    return number


# The functions that make a number of a secret's text, by the number of the form.
_NUMBERS: dict[int, Callable[[Any], Any]] = {
    NUMBER_FORM: _as_it_is,
    FLOAT_FORM: float,
    INTEGER_FORM: int,
}

# Python writes no integer of more decimal digits than it is set to.
_MOST_BITS = 2_000


def _pieces(leaf: Any) -> list[str]:
    """Return the texts by which a secret is recognised: the whole secret, and each line."""
    if leaf is None:
        return []

    text = _text_of(leaf)
    lines = [line.strip() for line in text.splitlines()]
    distinct = dict.fromkeys([text, text.strip(), *lines])
    return [piece for piece in distinct if piece]


def _number_forms(leaf: Any) -> list[Any]:
    """Return the numbers that a secret equals, also one that is written as a text."""
    if isinstance(leaf, int | float):
        return [leaf]
    text = _text_of(leaf)
    if len(text) > sys.float_info.dig * 20:
        return []
    try:
        number = json.loads(text)
    except ValueError:
        return []
    if isinstance(number, int | float) and not isinstance(number, bool):
        return [number]
    return []

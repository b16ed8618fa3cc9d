"""Read the fields of a pack's YAML files: strings, flags, older spellings, unread keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from attune_nb.errors import Problem, nearest
from attune_nb.language.reading.field_reader import FieldReader
from attune_nb.values.describe import describe, describe_with_value, is_different

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.language.reading.yaml_source import Document

__all__ = ["PackReader"]

_Word = TypeVar("_Word", bound=str)

# characters of a word in a message
_MAX_WORD_LENGTH = 80


class PackReader:
    """Reads the fields of one file of a pack, and collects its problems and hints.

    Args:
        document: The file.
        owner: The thing that the file describes, as a message calls it: "an action".
    """

    def __init__(self, document: Document, owner: str) -> None:
        self.reader = FieldReader(document)
        self.owner = owner
        self.fields: dict[str, Any] = {}
        self.notes: list[Problem] = []

    @property
    def problems(self) -> list[Problem]:
        """The problems, warnings and hints of the file so far, in no order."""
        return [*self.reader.problems, *self.notes]

    @property
    def has_errors(self) -> bool:
        """Whether the file has problems that are no hints."""
        return bool(self.reader.problems)

    def read_keys(
        self,
        known_keys: Sequence[str],
        *,
        rare_keys: Sequence[str],
        older_keys: Mapping[str, str],
        unread_keys: Mapping[str, str],
    ) -> bool:
        """Read the keys of the file into `fields`; return whether it is an object.

        Args:
            known_keys: The keys that it may have.
            rare_keys: Further keys that it may have, which a message does not list.
            older_keys: Older spellings, and the key that each stands for.
            unread_keys: Keys that nothing reads, and the advice about each.
        """
        data = self.reader.document.data
        if not isinstance(data, dict):
            message = f"{self.owner} must be an object of names and values, not {describe(data)}"
            self.reader.add_problem(message, ())
            return False

        written = {}
        for key, value in data.items():
            if key in unread_keys:
                self.add_hint(f"nothing reads `{key}`{unread_keys[key]}", key)
            else:
                written[key] = value

        fields = self.reader.read_object(
            written, (), known_keys, self.owner, rare_keys=(*rare_keys, *older_keys)
        )
        self.fields = {} if fields is None else fields
        for older_key, key in older_keys.items():
            self._replace_older_key(older_key, key)
        return True

    def _replace_older_key(self, older_key: str, key: str) -> None:
        if older_key not in self.fields:
            return

        value = self.fields.pop(older_key)
        if key not in self.fields:
            self.fields[key] = value
            self.reader.written[key,] = self.reader.written.get((older_key,), (older_key,))
        elif is_different(self.fields[key], value):
            message = f"`{older_key}` is an older spelling of `{key}`, and their values differ"
            self.reader.add_problem(f"{message}; keep `{key}`", (older_key,), key=True)

    def add_hint(self, message: str, *path: str | int) -> None:
        """Note something that does no harm, at a key."""
        self.notes.append(Problem(message, self.reader.key_position(path), "hint"))

    def add_problem(self, message: str, key: str) -> None:
        """Note a problem with the value of a key."""
        self.reader.add_problem(message, (key,))

    def read_string(self, key: str) -> str | None:
        """Return a string, or None if there is none."""
        return self.reader.read_string(self.fields, key, ())

    def read_version_text(self, key: str) -> str | None:
        """Return a string, or a number as it is written: 1.10 keeps its zero."""
        value = self.fields.get(key)
        if value is None or isinstance(value, str):
            return value

        if isinstance(value, int | float) and not isinstance(value, bool):
            path = self.reader.written.get((key,), (key,))
            return self.reader.document.raw_text(path)

        message = f"`{key}` must be a string such as 1.0.0, not {describe_with_value(value)}"
        self.add_problem(message, key)
        return None

    def read_flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.fields.get(key)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        self.add_problem(f"`{key}` must be true or false, not {describe_with_value(value)}", key)
        return default

    def read_names(self, key: str) -> tuple[str, ...]:
        """Return an array of names; a string is an array of one name."""
        return self.reader.read_names(self.fields.get(key), (key,), key)

    def read_mapping(self, key: str) -> dict[str, Any] | None:
        """Return an object of names and values, or None if there is none."""
        value = self.fields.get(key)
        if value is None or isinstance(value, dict):
            return value
        message = f"`{key}` must be an object of names and values"
        self.add_problem(f"{message}, not {describe_with_value(value)}", key)
        return None

    def read_word(self, key: str, words: Mapping[str, _Word], default: _Word) -> _Word:
        """Return the meaning of one of several words, or the default if there is none.

        Args:
            key: The key.
            words: The words, and the meaning of each.
            default: The meaning if the file has no such key.
        """
        value = self.fields.get(key)
        if value is None:
            return default

        meaning = words.get(value.lower()) if isinstance(value, str) else None
        if meaning is not None:
            return meaning

        hint = nearest(str(value)[:_MAX_WORD_LENGTH], words)
        if not hint:
            hint = f", not {describe_with_value(value)}"
        self.add_problem(f"`{key}` must be one of {', '.join(words)}{hint}", key)
        return default

    def require(self, key: str, advice: str) -> None:
        """Note a key that is missing.

        Args:
            key: The key.
            advice: The words to write, such as "`ref: pack.name`".
        """
        if self.fields.get(key) is None:
            message = f"{self.owner} needs `{key}`: write {advice}"
            self.reader.add_missing_key(message, (), key)

"""Read the fields of an object one by one, and note every problem without stopping."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

from attune_nb.errors import Position, Problem, TemplateError, WorkflowError, nearest
from attune_nb.language.describe import (
    MAX_PROBLEMS,
    describe_instead_of_number,
    is_positive_integer,
    to_integer_if_whole,
)
from attune_nb.language.reading.foreign_keys import explain_foreign_key
from attune_nb.language.reading.yaml_source import sort_by_position
from attune_nb.templates.template import Template
from attune_nb.values.describe import describe, describe_with_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.language.reading.yaml_source import Document, KeyPath

__all__ = ["FieldReader"]

_Word = TypeVar("_Word", bound=str)

# Characters of a key that a message shows.
_MAX_KEY_LENGTH = 80
# Keys of a workflow that are for catalogues of workflows.
_SELDOM_MEANT = ("ref", "label", "description", "tags", "version", "output")
# How much a key must resemble a rare one to be taken for it; see `nearest`.
_RARE_KEY_CUTOFF = 0.85

# By key: the part of the workflow that is unclear if the key's value has a problem.
_UNCLEAR_PARTS = {
    "tasks": "tasks",
    "vars": "names",
    "publish": "names",
    "parameters": "parameters",
    "with_items": "items",
    "wait_for": "inquiries",
    "inquiry": "inquiries",
    **dict.fromkeys(
        ("next", "do", "on_success", "on_failure", "on_complete", "on_timeout", "decision"), "ways"
    ),
}


class FieldReader:
    """Reads values from a document and collects the problems found so far.

    Paths are canonical: `written` maps the path of a key that the text spells in another way
    (`with-items`, or an older form) to its path in the text.

    `unclear` names the parts that problems have left unknown: all `tasks`, all `ways` between
    them, the `names` of variables, the `parameters`, which tasks have `items`, and which wait for
    `inquiries`. Checks leave out the problems that would follow from these parts.
    `named_by_key` holds the paths of names that are keys of an object of tasks.
    `derived` holds transitions whose `when` repeats conditions that stand elsewhere.
    `misspelt` holds the canonical paths of keys that were reported as misspelt.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.written: dict[KeyPath, KeyPath] = {}
        self.unclear: set[str] = set()
        self.named_by_key: set[KeyPath] = set()
        self.derived: set[KeyPath] = set()
        self.misspelt: set[KeyPath] = set()

    def add_problem(self, message: str, path: KeyPath, *, key: bool = False) -> None:
        """Note a problem with the value at a path, or with the key itself."""
        for part in path[:-3:-1]:
            if isinstance(part, str):
                self._mark_unclear(part)
                break

        if key:
            self.add_problem_at(message, self.key_position(path))
        else:
            self.add_problem_at(message, self.value_position(path))

    def add_missing_key(self, message: str, path: KeyPath, key: str) -> None:
        """Note that a key is missing, unless it was already reported as misspelt."""
        if (*path, key) not in self.misspelt:
            self.add_problem_at(message, self.value_position(path))

    def add_problem_at(self, message: str, position: Position | None) -> None:
        """Note a problem at a position.

        Raises:
            WorkflowError: There are too many problems to go on.
        """
        self.problems.append(Problem(message, position))

        if len(self.problems) >= MAX_PROBLEMS:
            raise WorkflowError(sort_by_position(self.problems), unfinished=True)

    def _mark_unclear(self, key: str) -> None:
        if key in _UNCLEAR_PARTS:
            self.unclear.add(_UNCLEAR_PARTS[key])

    def written_key(self, path: KeyPath) -> str:
        """Return the last key of a path as the text spells it."""
        return next(part for part in reversed(self._written_path(path)) if isinstance(part, str))

    def value_position(self, path: KeyPath) -> Position:
        """Return the position of a value."""
        if path in self.named_by_key:
            return self.document.key_position(self._written_path(path[:-1]))
        return self.document.value_position(self._written_path(path))

    def key_position(self, path: KeyPath) -> Position:
        """Return the position of a key."""
        return self.document.key_position(self._written_path(path))

    def _written_path(self, path: KeyPath) -> KeyPath:
        for length in range(len(path), 0, -1):
            start = path[:length]
            if start in self.written:
                return (*self._written_path(self.written[start]), *path[length:])
        return path

    def read_object(
        self,
        data: Any,
        path: KeyPath,
        known_keys: Sequence[str],
        owner: str,
        rare_keys: Sequence[str] = (),
    ) -> dict[str, Any] | None:
        """Return an object's fields by their canonical names, and note unknown ones.

        Args:
            data: The value.
            path: Its path.
            known_keys: The canonical names of the keys that it may have, the usual ones first.
            owner: The thing that has these keys, as a message calls it: "a task".
            rare_keys: Further keys that it may have, which a person hardly means: a message
                suggests one only if it differs in a letter or two, and lists none of them.
        """
        if not isinstance(data, dict):
            self.add_problem(f"{owner} must be an object, not {describe_with_value(data)}", path)
            return None

        fields: dict[str, Any] = {}
        allowed_keys = (*known_keys, *rare_keys)
        for key, value in data.items():
            name = key if key in allowed_keys else key.replace("-", "_")

            if name not in allowed_keys:
                meant, advice = self._explain_unknown_key(key, data, known_keys, rare_keys, owner)
                self._add_unknown_key(key, path, owner, meant, advice)
            elif name in fields:
                message = f"`{key}` is given twice, with `_` and with `-`"
                self.add_problem(message, (*path, key), key=True)
            else:
                fields[name] = value
                if name != key:
                    self.written[(*path, name)] = (*path, key)
        return fields

    def _explain_unknown_key(
        self,
        key: str,
        data: dict[str, Any],
        known_keys: Sequence[str],
        rare_keys: Sequence[str],
        owner: str,
    ) -> tuple[str, str]:
        """Return the key that is meant by an unknown one, or none, and the end of the message."""
        foreign_key = explain_foreign_key(owner, key, data)
        if foreign_key is not None:
            return foreign_key.meant, f"; {foreign_key.advice}"

        word = key.replace("-", "_")[:_MAX_KEY_LENGTH]
        hint = nearest(word, rare_keys, cutoff=_RARE_KEY_CUTOFF)
        if not hint:
            hint = nearest(word, known_keys)
        if hint:
            return hint.split("`")[1], hint
        return "", f"; known keys: {', '.join(sorted(known_keys, key=_rank_key))}"

    def _add_unknown_key(
        self, key: str, path: KeyPath, owner: str, meant: str, advice: str
    ) -> None:
        if meant:
            self.misspelt.add((*path, meant))
            self._mark_unclear("tasks" if meant == "name" else meant)
        elif "tasks" not in path[-2:] and path:
            # an unknown key of a transition may have been meant as `do`
            self._mark_unclear(str(path[-2:][0]))

        message = f"unknown key `{key[:_MAX_KEY_LENGTH]}` in {owner}{advice}"
        self.add_problem(message, (*path, key), key=True)

    def read_string(self, fields: dict[str, Any], key: str, path: KeyPath) -> str | None:
        """Return a string, or None if there is none."""
        value = fields.get(key)
        if value is None or isinstance(value, str):
            return value

        message = f"`{key}` must be a string, not {describe_with_value(value)}"
        if not isinstance(value, dict | list):
            message += "; quote it"
        self.add_problem(message, (*path, key))
        return None

    def read_choice(
        self, fields: dict[str, Any], key: str, path: KeyPath, allowed: Sequence[_Word]
    ) -> _Word:
        """Return one of the allowed words; the first one is the default."""
        value = fields.get(key)
        if value is None:
            return allowed[0]

        for word in allowed:
            if value == word:
                return word

        hint = nearest(str(value)[:_MAX_KEY_LENGTH], allowed)
        if not hint:
            hint = f", not {describe_instead_of_number(value)}"
        self.add_problem(f"`{key}` must be one of {', '.join(allowed)}{hint}", (*path, key))
        return allowed[0]

    def read_names(
        self, value: Any, path: KeyPath, key: str, noun: str = "name"
    ) -> tuple[str, ...]:
        """Return a name or an array of names as a tuple.

        Args:
            value: The value.
            path: Its path.
            key: Its key, as the text spells it.
            noun: The word for one entry in messages.
        """
        if value is None:
            return ()

        entries = [value] if isinstance(value, str) else value
        if not isinstance(entries, list):
            description = describe_with_value(value)
            message = f"`{key}` must be a {noun} or an array of {noun}s, not {description}"
            self.add_problem(message, path)
            return ()

        names = []
        for index, entry in enumerate(entries):
            if isinstance(entry, str):
                names.append(entry)
            else:
                description = describe_with_value(entry)
                message = f"an entry of `{key}` must be a {noun}, not {description}"
                self.add_problem(message, (*path, index))
        return tuple(names)

    def read_seconds(
        self, fields: dict[str, Any], key: str, path: KeyPath, *, above_zero: bool
    ) -> float | None:
        """Return a number of seconds, or None if there is none."""
        value = fields.get(key)
        if value is None:
            return None
        if _is_duration(value) and not (above_zero and value == 0):
            return float(value)

        limit = "more than 0" if above_zero else "0 or more"
        description = describe_instead_of_number(value)
        message = f"`{key}` must be a number of seconds, {limit}, not {description}"
        self.add_problem(message, (*path, key))
        return None

    def read_positive_integer(self, fields: dict[str, Any], key: str, path: KeyPath) -> int | None:
        """Return an integer of 1 or more, or None if there is none."""
        value = to_integer_if_whole(fields.get(key))
        if value is None or is_positive_integer(value):
            return value

        description = describe_instead_of_number(value)
        message = f"`{key}` must be an integer of 1 or more, not {description}"
        self.add_problem(message, (*path, key))
        return None

    def read_condition(self, fields: dict[str, Any], path: KeyPath) -> Any:
        """Return `when`: a string, true or false; or None if there is none."""
        value = fields.get("when")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip():
            return value

        message = "`when` must be a condition such as `result() > 3`"
        if isinstance(value, str):
            message += "; it is empty"
        else:
            message += f", not {describe_with_value(value)}"
        self.add_problem(message, (*path, "when"))
        return None

    def read_template(self, fields: dict[str, Any], key: str, path: KeyPath) -> Template | None:
        """Return a field's compiled templates, or None if there is no such field."""
        if fields.get(key) is None:
            return None
        return self.compile_value(fields[key], (*path, key))

    def compile_when(self, fields: dict[str, Any], path: KeyPath) -> Template | None:
        """Return the compiled condition, or None if there is none."""
        value = self.read_condition(fields, path)
        if value is None:
            return None
        return self.compile_value(value, (*path, "when"), condition=True)

    def compile_value(self, value: Any, path: KeyPath, *, condition: bool = False) -> Template:
        """Return a value with its templates compiled."""

        def locate(inner_path: KeyPath) -> Position:
            return self.value_position((*path, *inner_path))

        try:
            return Template(value, locate, condition=condition)
        except TemplateError as error:
            message = error.message
            if error.expression:
                message += f" in {error.expression}"

            position = error.position
            if position is None:
                position = self.value_position(path)

            self.add_problem_at(message, position)
            return Template(None)

    def read_pairs(
        self, value: Any, path: KeyPath, key: str, *, allow_names: bool = False
    ) -> list[tuple[str, Template | None, KeyPath]]:
        """Return the names and values of an object, or of an array of objects with one key.

        Args:
            value: The value.
            path: Its path.
            key: Its key.
            allow_names: A name without a value is allowed too: alone, or in the array. Its
                template is None.
        """
        if value is None:
            return []
        if isinstance(value, dict):
            return [self._read_pair(name, inner, path) for name, inner in value.items()]
        if allow_names and isinstance(value, str):
            value = [value]

        if not isinstance(value, list):
            names = ", or an array of names" if allow_names else ""
            message = f"`{key}` must be an object, or an array of objects with one key{names}"
            self.add_problem(f"{message}, not {describe_with_value(value)}", path)
            return []

        pairs: list[tuple[str, Template | None, KeyPath]] = []
        for index, entry in enumerate(value):
            entry_path = (*path, index)
            if allow_names and isinstance(entry, str):
                pairs.append((entry, None, entry_path))
            elif isinstance(entry, dict) and len(entry) == 1:
                ((name, inner),) = entry.items()
                pairs.append(self._read_pair(name, inner, entry_path))
            else:
                names = " (or a name)" if allow_names else ""
                message = f"an entry of `{key}` must be one key and its value{names}"
                self.add_problem(f"{message}, not {_describe_entry(entry)}", entry_path)
        return pairs

    def _read_pair(
        self, name: str, value: Any, path: KeyPath
    ) -> tuple[str, Template | None, KeyPath]:
        value_path = (*path, name)
        return name, self.compile_value(value, value_path), value_path


def _rank_key(key: str) -> bool:
    """Return whether a key is one that few people mean, so that a list ends with it."""
    return key in _SELDOM_MEANT


def _is_duration(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value >= 0


def _describe_entry(entry: Any) -> str:
    if isinstance(entry, dict):
        return f"{describe(entry)} of {len(entry)} keys"
    return describe_with_value(entry)

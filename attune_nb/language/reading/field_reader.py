"""Reading a map's fields one by one, noting every problem and going on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attune_nb.errors import Position, Problem, TemplateError, WorkflowError, nearest
from attune_nb.language.describe import (
    MAX_PROBLEMS,
    found,
    is_positive_integer,
    kind_of,
    to_integer_if_whole,
)
from attune_nb.language.reading.yaml_source import sort_by_position
from attune_nb.templates.template import Template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.language.reading.yaml_source import Document

    Path = tuple[str | int, ...]

__all__ = ["FieldReader"]

_UNCLEAR = {
    "tasks": "tasks",
    "vars": "names",
    "publish": "names",
    "parameters": "parameters",
    "with_items": "items",
    **dict.fromkeys(
        ("next", "do", "on_success", "on_failure", "on_complete", "on_timeout", "decision"), "ways"
    ),
}


class FieldReader:
    """A document, and the problems found in it so far.

    Paths are canonical: a key that the text spells otherwise (`with-items`, or an older form)
    is looked up in `written` when its place is wanted.

    `unclear` says what a problem has left unknown (all `tasks`, all `ways` between them, the
    `read_names` of variables, the `parameters`, which tasks have `items`), so that nobody complains
    of what follows from it.
    `derived` are transitions whose `compile_when` repeats conditions that stand elsewhere.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.written: dict[Path, Path] = {}
        self.unclear: set[str] = set()
        self.named_by_key: set[Path] = set()
        self.derived: set[Path] = set()
        self.misspelt: set[Path] = set()

    def add_problem(self, message: str, path: Path, *, key: bool = False) -> None:
        """Note a problem with a value, or with the key itself."""
        self._forget(next((part for part in path[:-3:-1] if isinstance(part, str)), ""))
        self.add_problem_at(message, self.key_position(path) if key else self.value_position(path))

    def add_missing_key(self, message: str, path: Path, key: str) -> None:
        """Note that a key is missing, unless it has been told that it is misspelt."""
        if (*path, key) not in self.misspelt:
            self.add_problem_at(message, self.value_position(path))

    def add_problem_at(self, message: str, position: Position | None) -> None:
        """Note a problem at a place; too many of them end the reading."""
        self.problems.append(Problem(message, position))
        if len(self.problems) >= MAX_PROBLEMS:
            raise WorkflowError(sort_by_position(self.problems), unfinished=True)

    def _forget(self, key: str) -> None:
        if key in _UNCLEAR:
            self.unclear.add(_UNCLEAR[key])

    def written_key(self, path: Path) -> str:
        """Give the key under which the text has what stands at a path."""
        return next(part for part in reversed(self._spelt(path)) if isinstance(part, str))

    def value_position(self, path: Path) -> Position:
        """Give the place of a value."""
        if path in self.named_by_key:
            return self.document.key_position(self._spelt(path[:-1]))
        return self.document.value_position(self._spelt(path))

    def key_position(self, path: Path) -> Position:
        """Give the place of a key."""
        return self.document.key_position(self._spelt(path))

    def _spelt(self, path: Path) -> Path:
        for length in range(len(path), 0, -1):
            if path[:length] in self.written:
                return (*self._spelt(self.written[path[:length]]), *path[length:])
        return path

    def read_object(
        self, data: Any, path: Path, known: Sequence[str], what: str
    ) -> dict[str, Any] | None:
        """Give a map's fields under their canonical names, each unknown one noted."""
        if not isinstance(data, dict):
            self.add_problem(f"{what} is a map of keys and values, not {kind_of(data)}", path)
            return None
        found: dict[str, Any] = {}
        for key, value in data.items():
            name = key if key in known else key.replace("-", "_")
            if name not in known:
                hint = nearest(name[:80], known)
                if hint:
                    meant = hint.split("`")[1]
                    self.misspelt.add((*path, meant))
                    self._forget("tasks" if meant == "name" else meant)
                elif "tasks" not in path[-2:]:  # one that may have been `do`
                    self._forget(str(path[-2:][0]) if path else "")
                told = hint or f"; known keys: {', '.join(known)}"
                self.add_problem(
                    f"unknown key `{key[:80]}` in {what}{told}", (*path, key), key=True
                )
            elif name in found:
                self.add_problem(
                    f"`{key}` is given twice, with `_` and with `-`", (*path, key), key=True
                )
            else:
                found[name] = value
                if name != key:
                    self.written[(*path, name)] = (*path, key)
        return found

    def read_string(self, fields: dict[str, Any], key: str, path: Path) -> str | None:
        """Give a text, or None."""
        value = fields.get(key)
        if value is not None and not isinstance(value, str):
            hint = "" if isinstance(value, dict | list) else "; quote it"
            self.add_problem(f"`{key}` is a text, not {kind_of(value)}{hint}", (*path, key))
            return None
        return value

    def read_choice(
        self, fields: dict[str, Any], key: str, path: Path, allowed: Sequence[str]
    ) -> str:
        """Give one of the allowed words, by default the first."""
        value = fields.get(key)
        if value is None:
            return allowed[0]
        if value not in allowed:
            hint = nearest(str(value)[:80], allowed) or f", not {found(value)}"
            self.add_problem(f"`{key}` is one of {', '.join(allowed)}{hint}", (*path, key))
            return allowed[0]
        return str(value)

    def read_names(self, value: Any, path: Path, what: str, kind: str = "name") -> tuple[str, ...]:
        """Give a name or a list of names as a tuple."""
        if value is None:
            return ()
        many = [value] if isinstance(value, str) else value
        if not isinstance(many, list):
            self.add_problem(
                f"`{what}` is a {kind} or a list of {kind}s, not {kind_of(value)}", path
            )
            return ()
        for at, each in enumerate(many):
            if not isinstance(each, str):
                message = f"an entry of `{what}` is a {kind}, not {kind_of(each)}"
                self.add_problem(message, (*path, at))
        return tuple(each for each in many if isinstance(each, str))

    def read_seconds(
        self, fields: dict[str, Any], key: str, path: Path, *, above_zero: bool
    ) -> float | None:
        """Give a number of seconds, or None."""
        value = fields.get(key)
        if value is None:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < 0 or (above_zero and value == 0):
            least = "more than 0" if above_zero else "0 or more"
            self.add_problem(
                f"`{key}` is a number of seconds, {least}, not {found(value)}", (*path, key)
            )
            return None
        return float(value)

    def read_positive_integer(self, fields: dict[str, Any], key: str, path: Path) -> int | None:
        """Give a whole number of 1 or more, or None."""
        value = to_integer_if_whole(fields.get(key))
        if value is None or is_positive_integer(value):
            return value  # type: ignore[no-any-return]
        self.add_problem(
            f"`{key}` is a whole number of 1 or more, not {found(value)}", (*path, key)
        )
        return None

    def read_condition(self, fields: dict[str, Any], path: Path) -> Any:
        """Give `when`, which is a text, true or false; or None."""
        value = fields.get("when")
        if value is None or isinstance(value, bool) or (isinstance(value, str) and value.strip()):
            return value
        told = "it is empty" if isinstance(value, str) else f"not {kind_of(value)}"
        self.add_problem(f"`when` is a condition such as `result() > 3`; {told}", (*path, "when"))
        return None

    def read_template(self, fields: dict[str, Any], key: str, path: Path) -> Template | None:
        """Compile a field's templates, or give None where there is no such field."""
        return None if fields.get(key) is None else self.compile_value(fields[key], (*path, key))

    def compile_when(self, fields: dict[str, Any], path: Path) -> Template | None:
        """Compile a condition, or give None where there is none."""
        value = self.read_condition(fields, path)
        return None if value is None else self.compile_value(value, (*path, "when"), condition=True)

    def compile_value(self, value: Any, path: Path, *, condition: bool = False) -> Template:
        """Compile the templates of a value."""
        try:
            return Template(
                value, lambda inner: self.value_position((*path, *inner)), condition=condition
            )
        except TemplateError as error:
            within = f" in {error.expression}" if error.expression else ""
            place = error.position or self.value_position(path)
            self.add_problem_at(f"{error.message}{within}", place)
            return Template(None)

    def read_pairs(
        self, value: Any, path: Path, what: str, *, bare: bool = False
    ) -> list[tuple[str, Template | None, Path]]:
        """Read a map, or a list of single-key maps (and, where `bare` says so, of names)."""
        if isinstance(value, dict):
            return [
                (key, self.compile_value(each, (*path, key)), (*path, key))
                for key, each in value.items()
            ]
        if bare and isinstance(value, str):
            value = [value]
        if value is None:
            return []
        if not isinstance(value, list):
            names = ", or a list of names" * bare
            message = f"`{what}` is a map, or a list of single-key maps{names}"
            self.add_problem(f"{message}, not {kind_of(value)}", path)
            return []
        found: list[tuple[str, Template | None, Path]] = []
        for at, each in enumerate(value):
            if bare and isinstance(each, str):
                found.append((each, None, (*path, at)))
            elif isinstance(each, dict) and len(each) == 1:
                ((key, inner),) = each.items()
                here = (*path, at, key)
                found.append((key, self.compile_value(inner, here), here))
            else:
                told = f"a map of {len(each)} keys" if isinstance(each, dict) else kind_of(each)
                names = " (or a name)" * bare
                message = f"an entry of `{what}` is one key and its value{names}, not {told}"
                self.add_problem(message, (*path, at))
        return found

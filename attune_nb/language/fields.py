"""Reading a map's fields one by one, noting every problem and going on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from attune_nb.errors import Position, Problem, TemplateError, nearest
from attune_nb.templates.template import Template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.language.source import Document

    Path = tuple[str | int, ...]

__all__ = ["Reader", "is_template", "is_whole", "kind_of"]


class Reader:
    """A document, and the problems found in it so far.

    Paths are canonical: a key that the text spells otherwise (`with-items`, or an older form)
    is looked up in `written` when its place is wanted.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.written: dict[Path, Path] = {}

    def wrong(self, message: str, path: Path, *, key: bool = False) -> None:
        """Note a problem with a value, or with the key itself."""
        position = self.document.at_key(self._spelt(path)) if key else self.at(path)
        self.problems.append(Problem(message, position))

    def at(self, path: Path) -> Position:
        """Give the place of a value."""
        return self.document.at(self._spelt(path))

    def at_key(self, path: Path) -> Position:
        """Give the place of a key."""
        return self.document.at_key(self._spelt(path))

    def _spelt(self, path: Path) -> Path:
        for length in range(len(path), 0, -1):
            if path[:length] in self.written:
                return (*self._spelt(self.written[path[:length]]), *path[length:])
        return path

    def fields(
        self, data: Any, path: Path, known: Sequence[str], what: str
    ) -> dict[str, Any] | None:
        """Give a map's fields under their canonical names, each unknown one noted."""
        if not isinstance(data, dict):
            self.wrong(f"{what} is a map of keys and values, not {kind_of(data)}", path)
            return None
        found: dict[str, Any] = {}
        for key, value in data.items():
            name = key if key in known else key.replace("-", "_")
            if name not in known:
                hint = nearest(name, known) or f"; known keys: {', '.join(known)}"
                self.wrong(f"unknown key `{key[:80]}` in {what}{hint}", (*path, key), key=True)
            elif name in found:
                self.wrong(f"`{key}` is given twice, with `_` and with `-`", (*path, key), key=True)
            else:
                found[name] = value
                if name != key:
                    self.written[(*path, name)] = (*path, key)
        return found

    def text(self, fields: dict[str, Any], key: str, path: Path) -> str | None:
        """Give a text, or None."""
        value = fields.get(key)
        if value is not None and not isinstance(value, str):
            self.wrong(f"`{key}` is a text, not {kind_of(value)}; quote it", (*path, key))
            return None
        return value

    def choice(self, fields: dict[str, Any], key: str, path: Path, allowed: Sequence[str]) -> str:
        """Give one of the allowed words, by default the first."""
        value = fields.get(key)
        if value is None:
            return allowed[0]
        if value not in allowed:
            hint = nearest(str(value), allowed)
            self.wrong(f"`{key}` is one of {', '.join(allowed)}{hint}", (*path, key))
            return allowed[0]
        return str(value)

    def names(self, value: Any, path: Path, what: str) -> tuple[str, ...]:
        """Give a name or a list of names as a tuple."""
        if value is None:
            return ()
        many = [value] if isinstance(value, str) else value
        if not isinstance(many, list) or not all(isinstance(each, str) for each in many):
            self.wrong(f"`{what}` is a name or a list of names, not {kind_of(value)}", path)
            return ()
        return tuple(many)

    def seconds(
        self, fields: dict[str, Any], key: str, path: Path, *, above_zero: bool
    ) -> float | None:
        """Give a number of seconds, or None."""
        value = fields.get(key)
        if value is None:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < 0 or (above_zero and value == 0):
            least = "more than 0" if above_zero else "0 or more"
            self.wrong(f"`{key}` is a number of seconds, {least}", (*path, key))
            return None
        return float(value)

    def whole(self, fields: dict[str, Any], key: str, path: Path) -> int | None:
        """Give a whole number of 1 or more, or None."""
        value = fields.get(key)
        if value is None or is_whole(value):
            return value
        self.wrong(f"`{key}` is a whole number of 1 or more", (*path, key))
        return None

    def template(
        self, fields: dict[str, Any], key: str, path: Path, *, condition: bool = False
    ) -> Template | None:
        """Compile a field's templates, or give None where there is no such field."""
        if fields.get(key) is None:
            return None
        return self.compiled(fields[key], (*path, key), condition=condition)

    def compiled(self, value: Any, path: Path, *, condition: bool = False) -> Template:
        """Compile the templates of a value."""
        try:
            return Template(value, lambda inner: self.at((*path, *inner)), condition=condition)
        except TemplateError as error:
            within = f" in {error.expression}" if error.expression else ""
            place = error.position or self.at(path)
            self.problems.append(Problem(f"{error.message}{within}", place))
            return Template(None)

    def pairs(
        self, value: Any, path: Path, what: str, *, bare: bool = False
    ) -> list[tuple[str, Template | None, Path]]:
        """Read a map, or a list of single-key maps (and, where `bare` says so, of names)."""
        if isinstance(value, dict):
            return [
                (key, self.compiled(each, (*path, key)), (*path, key))
                for key, each in value.items()
            ]
        if bare and isinstance(value, str):
            value = [value]
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(f"`{what}` is a map, or a list of single-key maps", path)
            return []
        found: list[tuple[str, Template | None, Path]] = []
        for at, each in enumerate(value):
            if bare and isinstance(each, str):
                found.append((each, None, (*path, at)))
            elif isinstance(each, dict) and len(each) == 1:
                ((key, inner),) = each.items()
                here = (*path, at, key)
                found.append((key, self.compiled(inner, here), here))
            else:
                self.wrong(f"an entry of `{what}` is one key and its value", (*path, at))
        return found


def is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number of 1 or more (`true` is none)."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_template(value: Any) -> bool:
    """Tell whether a value is a text with an expression in it."""
    return isinstance(value, str) and "{{" in value


def kind_of(value: Any) -> str:
    """Say what a value is, for an error message."""
    names = {dict: "a map", list: "a list", str: "a text", type(None): "nothing"}
    return names.get(type(value), f"`{value}`")

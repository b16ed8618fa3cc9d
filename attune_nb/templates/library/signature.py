"""What a function, a filter, a test or a method takes: counted when an expression is compiled,
typed when it is evaluated.

A signature is written as text: `values: array|string, start: integer, end: integer?`. A `?`
ends a parameter that may be left out, `...` one that may be repeated.
"""  # noqa: D205 - two lines read better than one that is too long

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError, nearest
from attune_nb.templates.sandbox import ARRAYS, MAPS, NUMBERS, type_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Callee", "table"]

_KINDS: dict[str, tuple[frozenset[type], str]] = {
    "null": (frozenset({type(None)}), "null"),
    "bool": (frozenset({bool}), "a bool"),
    "integer": (frozenset({int}), "a whole number"),
    "number": (NUMBERS, "a number"),
    "string": (frozenset({str}), "a string"),
    "array": (ARRAYS, "an array"),
    "object": (MAPS, "an object"),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `kinds` is None where any value will do."""

    name: str
    kinds: frozenset[type] | None
    words: str
    optional: bool
    repeated: bool

    @classmethod
    def parse(cls, text: str) -> Parameter:
        """Read `name: kind|kind?`."""
        name, _, kinds = text.strip().partition(": ")
        optional, repeated = kinds.endswith("?"), kinds.endswith("...")
        names = kinds.rstrip("?.").split("|")
        known = [_KINDS[each] for each in names if each != "any"]
        allowed = frozenset[type]().union(*(each for each, _ in known)) if known else None
        words = " or ".join(words for _, words in known)
        return cls(name, allowed, words, optional, repeated)

    def refuse(self, callee: str, value: Any) -> TemplateError:
        """Say what the parameter takes, and what came instead."""
        return TemplateError(f"`{callee}` takes {self.words} as `{self.name}`, not {_what(value)}")


def _what(value: Any) -> str:
    if type(value) in NUMBERS:
        return f"number {str(value)[:20]}" if abs(value) < 10**15 else "number"
    return type_of(value)


@dataclass(frozen=True, slots=True)
class Callee:
    """Something that an expression can call: its name, what it takes, what it does."""

    name: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., Any]

    def bind(self, count: int, named: Iterable[str], *, skip: int = 0) -> None:
        """Check the count and the names of the arguments.

        Args:
            count: How many are given by position, the first `skip` parameters included.
            named: The names of those given by name.
            skip: How many first parameters are not written within the brackets.

        Raises:
            TemplateError: They are too few, too many, or unknown.
        """
        given = set(named)
        known = [each.name for each in self.parameters]
        for name in given:
            if name not in known[count:]:
                twice = name in known
                what = "twice" if twice else f"no `{name}`{nearest(name, known[skip:])}"
                verb = "is given" if twice else "takes"
                said = f"`{name}` {what}" if twice else what
                raise TemplateError(f"`{self.shown(skip)}` {verb} {said}")
        missing = [each for each in self.parameters[count:] if not each.optional]
        missing = [each for each in missing if each.name not in given and not each.repeated]
        repeated = bool(self.parameters) and self.parameters[-1].repeated
        if missing or (count > len(self.parameters) and not repeated):
            got = count - skip + len(given)
            raise TemplateError(f"`{self.shown(skip)}` takes {self._counts(skip)}, not {got}")

    def _counts(self, skip: int) -> str:
        counted = self.parameters[skip:]
        least = sum(not each.optional and not each.repeated for each in counted)
        most = len(counted)
        if counted and counted[-1].repeated:
            return f"{least} arguments or more"
        if most == 0:
            return "no arguments"
        count = str(most) if least == most else f"{least} to {most}"
        return f"{count} argument{'s' if most > 1 else ''}"

    def shown(self, skip: int = 0) -> str:
        """Give the call as a person would write it: `slice(values, start[, end])`."""
        text = ""
        for each in self.parameters[skip:]:
            name = f"{each.name}..." if each.repeated else each.name
            name = f", {name}" if text else name
            text += f"[{name}]" if each.optional or each.repeated else name
        return f"{self.name}({text})"

    @property
    def typed(self) -> bool:
        """Whether there is anything to check."""
        return any(each.kinds is not None for each in self.parameters)

    def check(self, given: Sequence[Any], named: dict[str, Any]) -> None:
        """Check the types of the arguments.

        Raises:
            TemplateError: One is of a type that is not taken.
        """
        last = len(self.parameters) - 1
        for at, value in enumerate(given):
            each = self.parameters[min(at, last)]
            if each.kinds is not None and type(value) not in each.kinds:
                raise each.refuse(self.name, value)
        if named:
            for each in self.parameters:
                if each.name in named and each.kinds is not None:
                    value = named[each.name]
                    if type(value) not in each.kinds:
                        raise each.refuse(self.name, value)


def table(rows: dict[str, tuple[str, Callable[..., Any]]]) -> dict[str, Callee]:
    """Make callables of rows `name: (what it takes, what it does)`."""
    return {
        name: Callee(
            name,
            tuple(Parameter.parse(each) for each in takes.split(", ") if takes),
            function,
        )
        for name, (takes, function) in rows.items()
    }

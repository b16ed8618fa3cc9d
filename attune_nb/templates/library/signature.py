"""Signatures of functions, filters, tests and methods.

The number of arguments is checked when an expression is compiled, their types when it is evaluated.
A signature is written as text: `values: array|string, start: integer, end: integer?`. A `?` ends a
parameter that may be left out, `...` one that may be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from attune_nb.errors import TemplateError, nearest
from attune_nb.templates.sandbox import ARRAYS, NUMBERS, OBJECTS, check_integer, describe_kind
from attune_nb.values.describe import describe, describe_with_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Callee", "Parameter", "make_callees"]

# The types of each kind, and an example of it.
_KINDS: dict[str, tuple[frozenset[type], Any]] = {
    "null": (frozenset({type(None)}), None),
    "boolean": (frozenset({bool}), True),
    "integer": (frozenset({int}), 0),
    "number": (NUMBERS, 0.0),
    "string": (frozenset({str}), ""),
    "array": (ARRAYS, []),
    "object": (OBJECTS, {}),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Its name, which a call may use.
        types: The types of values that it takes; None for all.
        description: The kinds of values that it takes, for messages.
        is_optional: Whether it may be left out.
        is_repeated: Whether it may be repeated.
    """

    name: str
    types: frozenset[type] | None
    description: str
    is_optional: bool
    is_repeated: bool

    @classmethod
    def parse(cls, text: str) -> Parameter:
        """Return the parameter that a text such as `name: kind|kind?` describes."""
        name, _, kinds = text.strip().partition(": ")
        is_optional = kinds.endswith("?")
        is_repeated = kinds.endswith("...")
        names = kinds.rstrip("?.").split("|")
        if names == ["any"]:
            return cls(name, None, "", is_optional, is_repeated)

        types: set[type] = set()
        descriptions: list[str] = []
        for kind in names:
            kind_types, example = _KINDS[kind]
            types |= kind_types
            descriptions.append(describe(example))
        return cls(name, frozenset(types), _join_or(descriptions), is_optional, is_repeated)

    def refuse(self, callee: str, value: Any) -> TemplateError:
        """Return the error for a value of the wrong type."""
        described = describe_kind(value)
        if type(value) in NUMBERS:
            described = describe_with_value(value)
        return TemplateError(
            f"`{callee}` takes {self.description} as `{self.name}`, not {described}"
        )


@dataclass(frozen=True, slots=True)
class Callee:
    """A function, filter, test or method that an expression can call."""

    name: str
    parameters: tuple[Parameter, ...]
    function: Callable[..., Any]

    def check_count(self, count: int, named: Iterable[str], *, skip: int = 0) -> None:
        """Check the number and the names of the arguments.

        Args:
            count: The number of arguments by position, with the first `skip` parameters.
            named: The names of the arguments by name.
            skip: The number of first parameters that are not written within the brackets.

        Raises:
            TemplateError: There are too few or too many arguments, or one has an unknown name.
        """
        names = set(named)
        for name in names:
            self._check_name(name, count, skip)

        is_missing = any(
            not parameter.is_optional and not parameter.is_repeated and parameter.name not in names
            for parameter in self.parameters[count:]
        )
        has_surplus = False
        if count > len(self.parameters):
            has_surplus = not any(parameter.is_repeated for parameter in self.parameters)

        if is_missing or has_surplus:
            written = count - skip + len(names)
            raise TemplateError(
                f"`{self.format_call(skip)}` takes {self._format_count(skip)}, not {written}"
            )

    def _check_name(self, name: str, count: int, skip: int) -> None:
        names = [parameter.name for parameter in self.parameters]
        if name in names[count:]:
            return
        if name in names:
            raise TemplateError(f"`{self.format_call(skip)}` is given `{name}` twice")

        hint = nearest(name, names[skip:])
        raise TemplateError(f"`{self.format_call(skip)}` takes no `{name}`{hint}")

    def _format_count(self, skip: int) -> str:
        least = 0
        most = 0
        for parameter in self.parameters[skip:]:
            most += 1
            if parameter.is_repeated:
                return f"{least} arguments or more"
            if not parameter.is_optional:
                least += 1

        if most == 0:
            return "no arguments"
        count = str(most)
        if least < most:
            count = f"{least} to {most}"
        if most == 1:
            return f"{count} argument"
        return f"{count} arguments"

    def format_call(self, skip: int = 0) -> str:
        """Return the call as a reference writes it: `slice(values, start[, end])`.

        Args:
            skip: The number of first parameters that are not written within the brackets.
        """
        text = ""
        for parameter in self.parameters[skip:]:
            name = parameter.name
            if parameter.is_repeated:
                name = f"{name}..."
            if text:
                name = f", {name}"
            if parameter.is_optional or parameter.is_repeated:
                name = f"[{name}]"
            text += name

        return f"{self.name}({text})"

    @property
    def is_typed(self) -> bool:
        """Whether the type of an argument has to be checked."""
        return any(parameter.types is not None for parameter in self.parameters)

    def check(self, positional: Sequence[Any], named: dict[str, Any]) -> None:
        """Check the types of the arguments, and the size of those that are integers.

        Raises:
            TemplateError: An argument has a type that its parameter does not take, or it is an
                integer with too many digits.
        """
        last = len(self.parameters) - 1
        for index, value in enumerate(positional):
            parameter = self.parameters[min(index, last)]
            if parameter.types is not None:
                self._check_value(parameter, value)

        if not named:
            return
        for parameter in self.parameters:
            if parameter.name not in named or parameter.types is None:
                continue
            self._check_value(parameter, named[parameter.name])

    def _check_value(self, parameter: Parameter, value: Any) -> None:
        kind = type(value)
        if parameter.types is not None and kind not in parameter.types:
            raise parameter.refuse(self.name, value)
        if kind is int:
            check_integer(value)


def _join_or(descriptions: list[str]) -> str:
    *first, last = descriptions
    if not first:
        return last
    return f"{', '.join(first)} or {last}"


def make_callees(rows: dict[str, tuple[str, Callable[..., Any]]]) -> dict[str, Callee]:
    """Return the callees by name, from rows of a signature and a Python function."""
    callees = {}
    for name, (signature, function) in rows.items():
        parameters: tuple[Parameter, ...] = ()
        if signature:
            parameters = tuple(map(Parameter.parse, signature.split(", ")))
        callees[name] = Callee(name, parameters, function)
    return callees

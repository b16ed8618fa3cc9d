"""Generated Python functions for plain paths, and for strings and objects with such in them.

Expressions such as `item.url` and `{{ parameters.base }}/{{ item.name }}` are evaluated once for
each item, so each gets a function of its own, which indexes the dictionaries directly, formats one
f-string and calls nothing. The source that is compiled here holds only fixed words and numbers;
every name and every text of the workflow is inserted as a value. If a name does not exist, or a
value is not an object, the function raises `KeyError` within itself, and the general evaluator
starts from the beginning: it can explain the error.
"""

from __future__ import annotations

from functools import lru_cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.context import ABSENT
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.members import ITEM_NAMES
from attune_nb.templates.sandbox import refill_budget
from attune_nb.values.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Evaluate = Callable[[Any], Any]
    Path = tuple[str, tuple[str | int, ...]]

__all__ = ["NAMESPACES", "Member", "object_function", "path_function", "string_function"]

# The field of the context that each namespace reads.
NAMESPACES = {
    "parameters": "parameters",
    "workflow": "variables",
    "vars": "variables",
    "variables": "variables",
    "task": "tasks",
    "tasks": "tasks",
    "config": "config",
    "keystore": "keystore",
    "system": "system",
    "inquiry": "inquiries",
}

# Parts of a string that gets a function: expressions, and as many texts between them.
_MOST_PARTS = 8

# Keys of an object that gets a function.
_MOST_KEYS = 50

# Values that are joined without a look at their lengths: two are never too long together.
_FEW_VALUES = 2

# Characters. A function leaves a longer string to the general evaluator, which counts it.
_SHORT = 1_000_000

# A persistent map is searched once in each version of the context; then a `dict` has the value.
_READ_CACHED = """try: {0} = scope.context.{1}_cache[{2}]
except KeyError: {0} = scope.context.{1}_cache[{2}] = scope.context.{1}[{2}]{3}"""

_CHECK_LENGTH = "if type({0}) is str and len({0}) > SHORT: raise KeyError\n"
_TO_TEXT = "if type({0}) is not str and type({0}) is not int: {0} = write({0})"


def path_function(path: Path, general: Evaluate) -> Evaluate:
    """Return a function for a path's value, or the general evaluator if the path needs it.

    Args:
        path: The root and the keys.
        general: The general evaluator, which is used if the function fails.
    """
    builder = _FunctionBuilder(general)
    lines = builder.read_path(path, "value")
    if lines is None:
        return general

    *lines, last = lines
    if last.startswith("value = "):
        lines.append(last.replace("value = ", "return ", 1))
    else:
        lines += [last, "return value"]
    return builder.define(lines, "KeyError")


def string_function(parts: Sequence[str | Path | None], general: Evaluate) -> Evaluate | None:
    """Return a function for a string with plain paths, or None if it needs the general evaluator.

    Args:
        parts: Plain texts and paths; None stands for any other expression.
        general: The general evaluator, which is used if the function fails.
    """
    if len(parts) > 2 * _MOST_PARTS:
        return None

    to_text_lines = _TO_TEXT
    if sum(not isinstance(part, str) for part in parts) > _FEW_VALUES:
        to_text_lines = _CHECK_LENGTH + _TO_TEXT

    builder = _FunctionBuilder(general)
    body: list[str] = []
    written = ""
    for number, part in enumerate(parts):
        if isinstance(part, str):
            written += builder.insert(part)
            continue

        if part is None:
            return None
        variable = f"part{number}"
        lines = builder.read_path(part, variable)
        if lines is None:
            return None

        body += lines
        body += to_text_lines.format(variable).splitlines()
        written += f"{{{variable}}}"

    body += [f'text = f"{written}"', "if len(text) > SHORT: raise KeyError", "return text"]
    return builder.define(body, "Exception")


class Member(NamedTuple):
    """The value of one key of an object.

    Attributes:
        evaluate: Its evaluation.
        path: Its path, if it is a plain one.
        is_constant: Whether it reads nothing.
    """

    evaluate: Evaluate
    path: Path | None
    is_constant: bool


def object_function(members: dict[Any, Member], general: Evaluate) -> Evaluate:
    """Return a function for an object, or the general evaluator if the object has many keys.

    Args:
        members: The values by their keys.
        general: The general evaluator, which is used if the function fails.
    """
    if len(members) > _MOST_KEYS:
        return general

    builder = _FunctionBuilder(general)
    body: list[str] = []
    pairs = []
    for number, (key, member) in enumerate(members.items()):
        variable = f"value{number}"
        lines = None
        if member.is_constant:
            lines = [f"{variable} = {builder.insert_quoted(member.evaluate(None))}"]
        elif member.path is not None:
            lines = builder.read_path(member.path, variable)
        if lines is None:
            lines = [f"{variable} = {builder.insert_function(member.evaluate)}(scope)"]
        body += lines
        pairs.append(f"{builder.insert_quoted(key)}: {variable}")

    body.append(f"return {{{', '.join(pairs)}}}")
    return builder.define(body, "KeyError")


def _write(value: Any) -> str:
    # A plain path computes nothing, so the string has no other budget.
    refill_budget()
    return to_text(value)


class _FunctionBuilder:
    """The source of one function, with the values to insert into it.

    Args:
        general: The general evaluator, which is used if the function fails.
    """

    def __init__(self, general: Evaluate) -> None:
        self._globals: dict[str, Any] = {
            "ABSENT": ABSENT,
            "Frozen": FrozenDict,
            "SHORT": _SHORT,
            "write": _write,
        }
        self._general = general

        # The variables that were read from the scope, and those that are known to be objects.
        self._read: set[str] = set()
        self._objects: set[str] = set()

    def read_path(self, path: Path, target: str) -> list[str] | None:
        """Return the lines that read a path into a variable, or None if none can do that."""
        root, keys = path
        if root == "null" or not all(type(key) is str for key in keys):
            return None
        if root in ITEM_NAMES:
            return self._read_item(root, keys, target)

        field = "variables"
        if root in NAMESPACES:
            field = NAMESPACES[root]
        else:
            keys = (root, *keys)
        if field not in ("variables", "tasks"):
            lines = self._read_once(field, f"scope.context.{field}")
            return lines + self._read_keys(field, keys, target)

        # A whole namespace, or the record of a task, becomes an object in the general evaluator.
        if not keys or (field == "tasks" and len(keys) == 1):
            return None

        attribute = ""
        if field == "tasks":
            attribute = ".result"
        first_key = self.insert_quoted(keys[0])
        lines = _READ_CACHED.format(target, field, first_key, attribute).splitlines()
        return lines + self._read_keys(target, keys[1:], target)

    def insert(self, value: Any) -> str:
        """Return the place of a constant in the source; the constant is put there later."""
        place = f"<{len(self._globals)}>"
        self._globals[place] = value
        return place

    def insert_quoted(self, value: Any) -> str:
        """Return an expression for a constant."""
        return f'"{self.insert(value)}"'

    def insert_function(self, function: Evaluate) -> str:
        """Return the name of a function in the source."""
        name = f"function{len(self._globals)}"
        self._globals[name] = function
        return name

    def define(self, body: list[str], caught: str) -> Evaluate:
        """Return the function with some lines as its body.

        Args:
            body: The lines.
            caught: The exceptions after which the general evaluator is used.
        """
        self._globals["otherwise"] = self._general
        lines = ["def generated(scope):", "    try:"]
        lines += [f"        {line}" for line in body]
        lines += [f"    except {caught}:", "        return otherwise(scope)"]
        code = _compile("\n".join(lines))

        constants = []
        for constant in code.co_consts:
            if isinstance(constant, tuple):
                # the keys of an object
                constants.append(tuple(map(self._inserted, constant)))
            else:
                constants.append(self._inserted(constant))
        function: Evaluate = FunctionType(code.replace(co_consts=tuple(constants)), self._globals)
        return function

    def _inserted(self, constant: Any) -> Any:
        """Return the value that belongs in the place of a constant of the source."""
        if isinstance(constant, str):
            return self._globals.get(constant, constant)
        return constant

    def _read_item(self, root: str, keys: Sequence[str | int], target: str) -> list[str]:
        lines = self._read_once(root, f"scope.{root}")
        if keys:
            return lines + self._read_keys(root, keys, target)
        return [*lines, f"if {root} is ABSENT: raise KeyError", f"{target} = {root}"]

    def _read_once(self, variable: str, source: str) -> list[str]:
        """Return the line that reads a part of the scope, unless an earlier line has read it."""
        if variable in self._read:
            return []
        self._read.add(variable)
        return [f"{variable} = {source}"]

    def _read_keys(self, start: str, keys: Sequence[str | int], target: str) -> list[str]:
        """Return the lines that read key after key, from one variable into another."""
        if not keys:
            return [f"{target} = {start}"]

        lines = []
        for key in keys:
            if start not in self._objects:
                lines.append(
                    f"if type({start}) is not Frozen and type({start}) is not dict: raise KeyError"
                )
            if start != target:
                self._objects.add(start)
            lines.append(f"{target} = {start}[{self.insert_quoted(key)}]")
            start = target
        return lines


@lru_cache(maxsize=512)
def _compile(source: str) -> CodeType:
    """Return the code of the function that a source defines.

    Strings of one shape have the same source, because their names are inserted later.
    """
    module = compile(source, "<template>", "exec")
    for constant in module.co_consts:
        if isinstance(constant, CodeType):
            return constant
    raise AssertionError(source)

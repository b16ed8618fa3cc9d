"""Plain paths, and texts made of them, as generated Python.

`item.url` and `{{ parameters.base }}/{{ item.name }}` are evaluated once for each item, so
they are worth a function of their own: straight through the maps, one f-string, no calls. The
source that is compiled here holds only fixed words and numbers; every name and every text of
the workflow is handed over as a value. Whatever is not a map, or not there, raises `KeyError`
within it, and the general way is taken from the start: it knows how to say what is wrong.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attune_nb.context import ABSENT
from attune_nb.frozen import FrozenDict
from attune_nb.templates.sandbox import refuel
from attune_nb.templates.text import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    Evaluate = Callable[[Any], Any]
    Path = tuple[str, tuple[str | int, ...]]

__all__ = ["FIELDS", "path_function", "text_function"]

FIELDS = {
    "parameters": "parameters",
    "workflow": "variables",
    "vars": "variables",
    "variables": "variables",
    "task": "tasks",
    "tasks": "tasks",
    "config": "config",
    "keystore": "keystore",
    "system": "system",
}
"""The field of the context that each namespace reads."""

_MOST_PARTS = 8  # that are worth, or allowed, a function of their own
_SHORT = 1_000_000  # characters; longer texts are counted before they are joined
_ITEM = ("item", "index")


def path_function(path: Path, otherwise: Evaluate) -> Evaluate | None:
    """Make the short way to a path's value, or give None where there is none."""
    names = _names()
    lines = _lines(path, "value", names, set())
    if lines is None:
        return None
    body = [*lines, "return value"]
    return _define(body, names, otherwise, "KeyError")


def text_function(parts: Sequence[str | Path | None], otherwise: Evaluate) -> Evaluate | None:
    """Make the short way to a text with plain paths in it, or give None.

    Args:
        parts: Texts that stay, and paths; None stands for any other expression.
        otherwise: Gives the text the general way, and any error its place.
    """
    if len(parts) > 2 * _MOST_PARTS:
        return None
    names, body, known = _names(), [], set[str]()
    for at, part in enumerate(parts):
        if isinstance(part, str):
            continue
        lines = _lines(part, f"part{at}", names, known) if part else None
        if lines is None:
            return None
        body += [*lines, *_TO_TEXT.format(f"part{at}").splitlines()]
    written = "".join(f"{{part{at}}}" for at in range(len(parts)))
    fixed = {f"part{at}": part for at, part in enumerate(parts) if isinstance(part, str)}
    return _define([*body, f'return f"{written}"'], names, otherwise, "Exception", fixed)


_TO_TEXT = """\
if type({0}) is str:
    if len({0}) > SHORT: raise KeyError
elif type({0}) is not int: {0} = write({0})"""


def _names() -> dict[str, Any]:
    return {
        "ABSENT": ABSENT,
        "Frozen": FrozenDict,
        "SHORT": _SHORT,
        "write": _write,
    }


def _write(value: Any) -> str:
    refuel()  # nothing is computed here, so the text has no budget but this
    return text_of(value)


def _lines(path: Path, target: str, names: dict[str, Any], known: set[str]) -> list[str] | None:
    root, keys = path
    if root == "null" or not all(type(key) is str for key in keys):
        return None
    if root in _ITEM:
        lines = _once(root, f"scope.{root}", known)
        absent = f"if {root} is ABSENT: raise KeyError"
        return [
            *lines,
            *(_steps(root, keys, target, names, known) if keys else [absent, f"{target} = {root}"]),
        ]
    field = FIELDS.get(root, "variables")
    keys = keys if root in FIELDS else (root, *keys)
    lines = _once(field, f"scope.context.{field}", known)
    if field not in ("variables", "tasks"):
        return [*lines, *_steps(field, keys, target, names, known)]
    if not keys or (field == "tasks" and len(keys) == 1):
        return None  # a namespace or a record as a whole becomes a map elsewhere
    lines.append(f"{target} = {field}[{_named(keys[0], names)}]")
    if field == "tasks":
        lines[-1] += ".result"
    return [*lines, *_steps(target, keys[1:], target, names, set())]


_NO_MAP = "if type({0}) is not Frozen and type({0}) is not dict: raise KeyError"


def _once(name: str, source: str, known: set[str]) -> list[str]:
    """Read something of the scope into a variable, if it is not there yet."""
    if name in known:
        return []
    known.add(name)
    return [f"{name} = {source}"]


def _steps(
    start: str, keys: Sequence[str | int], target: str, names: dict[str, Any], known: set[str]
) -> list[str]:
    lines = []
    for key in keys:
        if f"{start} is a map" not in known:
            lines.append(
                f"if type({start}) is not Frozen and type({start}) is not dict: raise KeyError"
            )
        if start != target:
            known.add(f"{start} is a map")
        lines.append(f"{target} = {start}[{_named(key, names)}]")
        start = target
    return lines if keys else [f"{target} = {start}"]


def _named(value: Any, names: dict[str, Any]) -> str:
    name = f"key{len(names)}"
    names[name] = value
    return name


def _define(
    body: list[str],
    names: dict[str, Any],
    otherwise: Evaluate,
    caught: str,
    fixed: dict[str, str] | None = None,
) -> Evaluate:
    names["otherwise"] = otherwise
    lines = ["def generated(scope):", "    try:", *(f"        {line}" for line in body)]
    lines += [f"    except {caught}:", "        return otherwise(scope)"]
    source = "\n".join(lines)
    code = _with_fixed(source, fixed) if fixed else _code(source)
    exec(code, names)  # noqa: S102 - fixed words only, see above
    function: Evaluate = names["generated"]
    return function


@lru_cache(maxsize=512)
def _code(source: str) -> CodeType:
    # paths of one shape have the same source: what they name is handed over beside it
    return compile(source, "<template>", "exec")


def _with_fixed(source: str, fixed: dict[str, str]) -> CodeType:
    return compile(_Fixed(fixed).visit(ast.parse(source)), "<template>", "exec")


class _Fixed(ast.NodeTransformer):
    """Puts the texts that stay where the f-string names them, as constants."""

    def __init__(self, fixed: dict[str, str]) -> None:
        self._fixed = fixed

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.expr:
        name = getattr(node.value, "id", None)
        if name in self._fixed:
            return ast.copy_location(ast.Constant(self._fixed[name]), node)
        return node

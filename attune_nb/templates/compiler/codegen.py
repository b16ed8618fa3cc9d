"""Plain paths, and texts made of them, as generated Python.

`item.url` and `{{ parameters.base }}/{{ item.name }}` are evaluated once for each item, so
they are worth a function of their own: straight through the maps, one f-string, no calls. The
source that is compiled here holds only fixed words and numbers; every name and every text of
the workflow is handed over as a value. Whatever is not a map, or not there, raises `KeyError`
within it, and the general way is taken from the start: it knows how to say what is wrong.
"""

from __future__ import annotations

from functools import lru_cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from attune_nb.context import ABSENT
from attune_nb.templates.library.to_text import to_text
from attune_nb.templates.sandbox import refuel
from attune_nb.values.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Evaluate = Callable[[Any], Any]
    Path = tuple[str, tuple[str | int, ...]]

__all__ = ["NAMESPACES", "path_function", "text_function"]

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
}
"""The field of the context that each namespace reads."""

_MOST_PARTS = 8  # that are worth, or allowed, a function of their own
_FEW = 2  # values that may be joined before their length is asked: two are never too much
_SHORT = 1_000_000  # characters; longer texts are counted before they are joined
_ITEM = ("item", "index")


def path_function(path: Path, otherwise: Evaluate) -> Evaluate | None:
    """Make the short way to a path's value, or give None where there is none."""
    names = _names()
    lines = _lines(path, "value", names, set())
    if lines is None:
        return None
    *lines, last = lines
    body = [*lines, last.replace("value = ", "return ", 1)]
    if not last.startswith("value = "):
        body = [*lines, last, "return value"]
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
    values = sum(not isinstance(part, str) for part in parts)
    to_text = _TO_TEXT if values <= _FEW else _BOUNDED + _TO_TEXT
    for at, part in enumerate(parts):
        if isinstance(part, str):
            continue
        lines = _lines(part, f"part{at}", names, known) if part else None
        if lines is None:
            return None
        body += [*lines, *to_text.format(f"part{at}").splitlines()]
    written = "".join(
        _placed(part, names) if isinstance(part, str) else f"{{part{at}}}"
        for at, part in enumerate(parts)
    )
    body += [f'text = f"{written}"', "if len(text) > SHORT: raise KeyError", "return text"]
    return _define(body, names, otherwise, "Exception")


_BOUNDED = "if type({0}) is str and len({0}) > SHORT: raise KeyError\n"
_TO_TEXT = "if type({0}) is not str and type({0}) is not int: {0} = write({0})"


def _names() -> dict[str, Any]:
    return {
        "ABSENT": ABSENT,
        "Frozen": FrozenDict,
        "SHORT": _SHORT,
        "write": _write,
    }


def _write(value: Any) -> str:
    refuel()  # nothing is computed here, so the text has no budget but this
    return to_text(value)


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
    field = NAMESPACES.get(root, "variables")
    keys = keys if root in NAMESPACES else (root, *keys)
    if field not in ("variables", "tasks"):
        lines = _once(field, f"scope.context.{field}", known)
        return [*lines, *_steps(field, keys, target, names, known)]
    if not keys or (field == "tasks" and len(keys) == 1):
        return None  # a namespace or a record as a whole becomes a map elsewhere
    part = ".result" if field == "tasks" else ""
    lines = _MET.format(target, field, _named(keys[0], names), part).splitlines()
    return [*lines, *_steps(target, keys[1:], target, names, set())]


_MET = """try: {0} = scope.context.{1}_cache[{2}]
except KeyError: {0} = scope.context.{1}_cache[{2}] = scope.context.{1}[{2}]{3}"""
"""A persistent map is asked once in each version of the context; then a dictionary knows."""


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
    return f'"{_placed(value, names)}"'


def _placed(value: Any, names: dict[str, Any]) -> str:
    """Give what stands in the source for a constant; the constant itself is put in later."""
    place = f"<{len(names)}>"
    names[place] = value
    return place


def _define(body: list[str], names: dict[str, Any], otherwise: Evaluate, caught: str) -> Evaluate:
    names["otherwise"] = otherwise
    lines = ["def generated(scope):", "    try:", *(f"        {line}" for line in body)]
    lines += [f"    except {caught}:", "        return otherwise(scope)"]
    code = _code("\n".join(lines))
    constants = tuple(
        names.get(each, each) if isinstance(each, str) else each for each in code.co_consts
    )
    function: Evaluate = FunctionType(code.replace(co_consts=constants), names)
    return function


@lru_cache(maxsize=512)
def _code(source: str) -> CodeType:
    # texts of one shape have the same source: what they name is put among its constants
    module = compile(source, "<template>", "exec")
    return next(each for each in module.co_consts if isinstance(each, CodeType))

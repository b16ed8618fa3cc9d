"""Names and dotted paths: looked up when they are reached, never gathered.

This is the general way, which knows everything that can be wrong; `generated.py` has the short
way for what is there.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from pyrsistent import PMap

from attune_nb.context import ABSENT, Outcome
from attune_nb.errors import nearest
from attune_nb.templates.compiler.codegen import FIELDS
from attune_nb.templates.library.functions import no_variable
from attune_nb.templates.sandbox import (
    ARRAYS,
    KEYS,
    MAPS,
    PLAIN,
    RECORD_FIELDS,
    charge,
    refuse_elsewhere,
    type_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Evaluate = Callable[[Any], Any]
    Keys = Sequence[str | int]

__all__ = ["NAMESPACES", "Missing", "look_up", "member", "path_of", "said"]

NAMESPACES = FIELDS
_LONGEST_NAME = 60  # characters of a name that a message shows, and that may have a near one
_MOST_NAMES = 1_000  # among which a near one is looked for
_ITEM = ("item", "index")
_NOT_ENDED = ": no task of this name has ended yet"
_WHY = {
    "`parameters`": ": it was not given and has no default",
    "`task`": _NOT_ENDED,
    "`tasks`": _NOT_ENDED,
}
"""Why a namespace may lack what the workflow knows: loading has refused all other names."""


class Missing:
    """What an undefined name gives where the expression may ask whether it is defined.

    The message is made only if somebody is to read it: finding the nearest name takes long.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Callable[[], str]) -> None:
        self._text = text

    @property
    def message(self) -> str:
        """What is undefined, and the nearest name."""
        return self._text if isinstance(self._text, str) else self._text()


def path_of(node: nodes.Node) -> tuple[str, tuple[str | int, ...]] | None:
    """Give the root and the keys of a plain dotted path, or None."""
    keys: list[str | int] = []
    while isinstance(node, nodes.Getattr | nodes.Getitem):
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
        elif isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int):
            keys.append(node.arg.value)
        else:
            return None
        node = node.node
    return (node.name, tuple(reversed(keys))) if isinstance(node, nodes.Name) else None


def said(node: nodes.Node) -> str:
    """Name a node as a message would: its path, or `the value`."""
    if isinstance(node, nodes.Call):
        return f"`{getattr(node.node, 'name', None) or getattr(node.node, 'attr', 'the call')}()`"
    path = path_of(node)
    return _written(*path) if path else "the value"


def _written(root: str, keys: Keys) -> str:
    rest = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return f"`{root}{''.join(rest)}`"


def look_up(root: str, keys: Keys) -> Evaluate:
    """Give a path's value, a record, or `Missing`: the general way."""
    base = _root(root)
    steps = [(key, _written(root, keys[:at])) for at, key in enumerate(keys)]

    def walk(scope: Any) -> Any:
        value = base(scope)
        for key, whose in steps:
            if type(value) is Missing:
                break
            value = member(value, key, whose)
        return value

    return walk


def _root(name: str) -> Evaluate:
    if name in _ITEM:
        return lambda scope: _of_item(getattr(scope, name), name)
    if name in NAMESPACES:
        field = NAMESPACES[name]
        return lambda scope: getattr(scope.context, field)
    if name == "null":
        return lambda _: None

    def variable(scope: Any) -> Any:
        variables = scope.context.variables
        if name in variables:
            return variables[name]
        return Missing(lambda: _undefined(name, variables))

    return variable


def _of_item(value: Any, name: str) -> Any:
    if value is ABSENT:
        return Missing(f"`{name}` exists only in a task with `with_items`")
    return value


def _undefined(name: str, variables: Any) -> str:
    if told := no_variable(name):
        return told
    known = [*NAMESPACES, *_ITEM, "true", "false", "null", *variables]
    return f"`{name[:_LONGEST_NAME]}` is undefined{_close(name, known)}"


def member(value: Any, key: Any, whose: str) -> Any:
    """Give `value.key` or `value[key]` as the language defines it, or `Missing`."""
    kind = type(value)
    if kind in MAPS or kind is PMap:
        return _of_map(value, key, whose)
    if kind is Outcome:
        return _of_outcome(value, key, whose)
    if kind is Missing:
        return value
    if (kind in ARRAYS or kind is str) and type(key) in (int, slice):
        return _of_sequence(value, key, whose)
    if kind not in PLAIN:
        refuse_elsewhere(value)
        what = f"{whose} is a {kind.__name__}, which passes only as a whole"
        return Missing(f"{what}; have an action give what is needed of it")
    if value is None:
        return Missing(f"{whose} is null, so it has no {_shown(key)}")
    return Missing(f"{whose} is of type {type_of(value)} and has no {_shown(key)}")


def _shown(key: Any) -> str:
    if type(key) in (str, int):
        return (
            f"`{str(key)[:_LONGEST_NAME]}`"
            if type(key) is str or abs(key) < 10**15
            else "such place"
        )
    return f"key of type {'slice' if type(key) is slice else type_of(key)}"


def _of_map(value: Any, key: Any, whose: str) -> Any:
    if type(key) not in KEYS:
        return Missing(f"{whose} has no key of type {type_of(key)}")
    if key in value:
        return value[key]
    why = _WHY.get(whose, "")
    return Missing(lambda: f"{whose} has no {_shown(key)}{why}{_close(key, value)}")


def _close(key: Any, known: Any) -> str:
    # finding the nearest of a million keys would take longer than the whole evaluation may
    if type(key) is not str or len(key) > _LONGEST_NAME:
        return ""
    some = (each for each in islice(known, _MOST_NAMES) if type(each) is str)
    return nearest(key, some)


def _of_outcome(outcome: Outcome, key: Any, whose: str) -> Any:
    result = outcome.result
    if type(result) in MAPS:
        found = _of_map(result, key, whose)
        if type(found) is not Missing:
            return found
    if type(key) is str and key in RECORD_FIELDS:  # an object as key is not even compared
        return getattr(outcome, key)
    known = [*RECORD_FIELDS, *(result if type(result) in MAPS else ())]
    kind = type_of(result)
    why = "" if type(result) in MAPS else f" (its result is {kind}, not an object)"
    return Missing(lambda: f"{whose} has no {_shown(key)}{why}{_close(key, known)}")


def _of_sequence(value: Any, key: Any, whose: str) -> Any:
    try:
        part = value[key]
    except IndexError:
        count = len(value)
        return Missing(f"{whose} has {count} part{'s' * (count != 1)}, so none at {_shown(key)}")
    if type(key) is slice:
        charge(1 + len(part))
    return part

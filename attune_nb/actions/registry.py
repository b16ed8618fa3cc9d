"""Names to functions."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any, overload

import msgspec

from attune_nb.actions import core, http, shell
from attune_nb.actions.arguments import Judge
from attune_nb.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from attune_nb.actions.arguments import Misfit

__all__ = ["CORE", "Action", "action", "find", "known", "misfits"]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A function under a name.

    `cancellable` ones take a `cancel` token. With `whole_input` the input comes as one map, in
    place of its keys as arguments. `local` ones run in the engine's process on every backend.
    `version` tells what its code does not, such as the workflow that it runs.
    """

    name: str
    function: Callable[..., Any]
    mutable_input: bool = False
    idempotent: bool = True
    cancellable: bool = False
    whole_input: bool = False
    local: bool = False
    version: str = ""


CORE: dict[str, Action] = {
    each.name: each
    for each in (
        Action(name="core.noop", function=core.noop),
        Action(name="core.echo", function=core.echo),
        Action(name="core.fail", function=core.fail),
        Action(name="core.ask", function=core.ask),
        Action(name="core.sleep", function=core.sleep, cancellable=True),
        Action(name="core.shell", function=shell.shell, cancellable=True),
        Action(name="core.http_request", function=http.http_request),
    )
}
_registered: dict[str, Action] = {}


@overload
def action(name: Callable[..., Any], /) -> Callable[..., Any]: ...
@overload
def action(
    name: str | None = None, /, *, mutable_input: bool = False, idempotent: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
def action(name: Any = None, /, *, mutable_input: bool = False, idempotent: bool = True) -> Any:
    """Register a function as an action, under its own name or the one given.

    Args:
        name: `pack.name`; without it, the function's name.
        mutable_input: Give the function its own copy of its input, free to be changed.
        idempotent: Whether running it twice does no harm. Where it does, an attempt that was
            under way when its kernel was killed is not made again by itself: see `Run.in_doubt`.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        called = name if isinstance(name, str) else function.__name__
        made = Action(
            name=called, function=function, mutable_input=mutable_input, idempotent=idempotent
        )
        _registered[called] = made
        function.__attune_action__ = made  # type: ignore[attr-defined]
        return function

    return register(name) if callable(name) else register


def known() -> dict[str, Callable[..., Any]]:
    """Give the functions that any workflow can name, by name: those registered, and core's."""
    return {name: each.function for name, each in sorted({**CORE, **_registered}.items())}


def find(
    name: str,
    given: Mapping[str, Callable[..., Any]],
    *,
    allow_imports: bool = False,
    others: Iterable[str] = (),
) -> Action:
    """Find an action: first among those given to the run, then the registered, then core's.

    `module:function` is imported, where that is allowed: a text that can name any function of
    any module is code.

    Args:
        name: The name.
        given: The functions given to the run.
        allow_imports: Whether `module:function` may import.
        others: What else the name may be a misspelling of.

    Raises:
        KeyError: There is none; the text offers the nearest name.
    """
    if name in given:
        return _made(name, given[name])
    if ":" in name:
        return _imported(name, allowed=allow_imports)
    found = _registered.get(name) or CORE.get(name)
    if found is None:
        hint = nearest(name, [*given, *others, *_registered, *CORE])
        raise KeyError(f"there is no action `{name}`{hint or '; define it, or pass actions='}")
    return found


def _imported(name: str, *, allowed: bool) -> Action:
    if not allowed:
        raise KeyError(
            f"`{name}` would be imported; allow that with `allow_imports=True` "
            "(in a notebook `%config AttuneMagics.allow_imports = True`; in a shell "
            "`--allow-imports`)"
        )
    module, _, attribute = name.partition(":")
    try:
        function: Any = importlib.import_module(module)
        for part in attribute.split("."):
            function = getattr(function, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise KeyError(f"cannot import `{name}`: {error}") from None
    return _made(name, function)


def _made(name: str, function: Any) -> Action:
    if not callable(function):
        raise KeyError(f"`{name}` is no function: it is of type {type(function).__name__}")
    made = getattr(function, "__attune_action__", None)
    return made if isinstance(made, Action) else Action(name=name, function=function)


def misfits(found: Action, given: Mapping[str, Any]) -> list[Misfit]:
    """Say which arguments the function does not take, and which it misses.

    `given` is as written: of core's actions the values are judged too, but for templates.

    Gives pairs of the argument (None for a missing one) and the message.
    """
    try:
        signature = inspect.signature(found.function)
    except (TypeError, ValueError):
        return []
    parameters = dict(signature.parameters)
    if found.cancellable:
        parameters.pop("cancel", None)
    kinds = {each.kind for each in parameters.values()}
    named = [
        n for n, p in parameters.items() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    wrong: list[Misfit] = []
    hints = [(each, nearest(each, named)) for each in given if each not in named]
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        wrong += [(each, f"action `{found.name}` takes no `{each}`{hint}") for each, hint in hints]
    missing = [
        each
        for each in named
        if parameters[each].default is inspect.Parameter.empty
        and each not in given
        and not any(f"`{each}`" in hint for _, hint in hints)  # misspelt, and told as such
    ]
    if missing:
        wrong.append((None, f"action `{found.name}` needs `{'`, `'.join(missing)}` in `input`"))
    judge = getattr(found.function, "__attune_judge__", None)
    if isinstance(judge, Judge):
        wrong += judge.sure_misfits(given, names_fit=not wrong)
    return wrong

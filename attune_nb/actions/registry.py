"""The registry of actions: names and their functions."""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import TYPE_CHECKING, Any, overload

import msgspec

from attune_nb.actions import core, http, shell
from attune_nb.actions.arguments import ArgumentChecker
from attune_nb.errors import nearest
from attune_nb.values.describe import describe
from attune_nb.values.guard import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from attune_nb.actions.arguments import Mismatch

__all__ = [
    "CORE",
    "Action",
    "action",
    "find_action",
    "find_mismatches",
    "is_core",
    "is_registered",
    "registered_functions",
]


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """A function with a name.

    Attributes:
        name: The name in workflows.
        function: The function.
        mutable_input: Whether it gets its own copy of its input.
        idempotent: Whether it may run twice for the same item.
        cancellable: Whether it takes a `cancel` token.
        whole_input: Whether it takes the input as one object, not its keys as arguments.
        can_ask: Whether it may ask a question while it runs.
        local: Whether it runs in the engine's process on every backend.
        version: Distinguishes actions with the same code, such as two workflows.
        timeout: Seconds for one attempt of a task without `timeout`; None for no limit.
        grace: Seconds that a cancelled attempt has to end; None for the usual ones.
        secret_fields: The names of the parts of a result's `data` that are secrets.
        secret_parameters: The names of the parameters that are secrets.
        uses: Changes with the code of the actions that a workflow uses.
        runs_workflow: Whether each attempt is a run of a workflow, which the engine makes itself.
    """

    name: str
    function: Callable[..., Any]
    mutable_input: bool = False
    idempotent: bool = True
    cancellable: bool = False
    whole_input: bool = False
    can_ask: bool = False
    local: bool = False
    version: str = ""
    timeout: float | None = None
    grace: float | None = None
    secret_fields: tuple[str, ...] = ()
    secret_parameters: tuple[str, ...] = ()
    uses: str = ""
    runs_workflow: bool = False


_CORE_ACTIONS = (
    Action(name="core.noop", function=core.noop),
    Action(name="core.echo", function=core.echo),
    Action(name="core.fail", function=core.fail),
    Action(name="core.ask", function=core.ask),
    Action(name="core.sleep", function=core.sleep, cancellable=True),
    Action(name="core.shell", function=shell.shell, cancellable=True),
    Action(name="core.http_request", function=http.http_request),
)
CORE: dict[str, Action] = {core_action.name: core_action for core_action in _CORE_ACTIONS}
_registered: dict[str, Action] = {}


@overload
def action(name: Callable[..., Any], /) -> Callable[..., Any]: ...
@overload
def action(
    name: str | None = None, /, *, mutable_input: bool = False, idempotent: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]: ...
def action(name: Any = None, /, *, mutable_input: bool = False, idempotent: bool = True) -> Any:
    """Register a function as an action.

    Args:
        name: `pack.name`; by default the function's name.
        mutable_input: Pass the function its own copy of its input, which it may change.
        idempotent: Whether the function may run twice for the same item. If not, an attempt
            that was in progress when its kernel was killed is not repeated automatically: see
            `Run.in_doubt`.

    Example:
        >>> import attune_nb as attune
        >>> @attune.action("billing.charge", idempotent=False)
        ... def charge(customer):
        ...     return f"charged {customer}"
        >>> text = "tasks: [{name: bill, action: billing.charge, input: {customer: ann}}]"
        >>> attune.loads(text).run().result("bill")
        'charged ann'
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        action_name = function.__name__
        if isinstance(name, str):
            action_name = name

        registered = Action(
            name=action_name,
            function=function,
            mutable_input=mutable_input,
            idempotent=idempotent,
        )
        _registered[action_name] = registered
        function.__attune_action__ = registered  # type: ignore[attr-defined]
        return function

    if callable(name):
        return register(name)
    return register


def is_core(action: Action) -> bool:
    """Return whether an action is one of the core actions."""
    return CORE.get(action.name) == action


def registered_functions() -> dict[str, Callable[..., Any]]:
    """Return the functions that any workflow can name: registered ones and core actions."""
    actions = {**CORE, **_registered}
    return {name: actions[name].function for name in sorted(actions)}


def is_registered(name: str) -> bool:
    """Return whether a function was registered under a name, or a core action has it."""
    return name in _registered or name in CORE


def find_action(
    name: str,
    functions: Mapping[str, Callable[..., Any]],
    *,
    allow_imports: bool = False,
    alternatives: Iterable[str] = (),
) -> Action:
    """Return the action of a name: a function of the run, a registered one, or a core action.

    `module:function` is imported if imports are allowed: a text that can name any function of
    any module is code.

    Args:
        name: The name.
        functions: The functions passed to the run, by name.
        allow_imports: Whether `module:function` may import.
        alternatives: Further names that the name may be a misspelling of.

    Raises:
        KeyError: There is no such action; the message offers the nearest name.
    """
    if name in functions:
        return _as_action(name, functions[name])
    if ":" in name:
        return _import_action(name, is_allowed=allow_imports)
    if name in _registered:
        return _registered[name]
    if name in CORE:
        return CORE[name]

    hint = nearest(name, [*functions, *alternatives, *_registered, *CORE])
    if not hint:
        hint = "; define it, or pass actions= (in a shell `--actions FILE.py`)"
        if "." in name:
            hint += f"; or name the pack `{name.partition('.')[0]}`: packs= (`--pack FOLDER`)"
    raise KeyError(f"there is no action `{name}`{hint}")


def _import_action(name: str, *, is_allowed: bool) -> Action:
    """Return the action `module:function`.

    Raises:
        KeyError: Imports are not allowed, or there is no such function.
    """
    if not is_allowed:
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
    return _as_action(name, function)


def _as_action(name: str, function: Any) -> Action:
    """Return the action that a function was registered as, or a new one.

    Raises:
        KeyError: The function is not callable.
    """
    if not callable(function):
        raise KeyError(f"the action `{name}` must be a function, not {describe(function)}")
    registered = ask(lambda: getattr(function, "__attune_action__", None))
    if isinstance(registered, Action):
        return registered
    return Action(name=name, function=function)


def find_mismatches(action: Action, written: Mapping[str, Any]) -> list[Mismatch]:
    """Return the arguments that a function does not take, and those that it lacks.

    Of core actions and those of packs, values that are no templates are checked, too.

    Args:
        action: The action.
        written: The arguments as the workflow's text has them.

    Returns:
        Pairs of the argument (None for a missing one) and the message.
    """
    if action.whole_input:
        find = ask(lambda: getattr(action.function, "certain_mismatches", None))
        mismatches: list[Mismatch] = find(written) if callable(find) else []
        return mismatches

    read_signature = inspect.signature
    if CORE.get(action.name) is action:
        # a workflow may have thousands of them
        read_signature = _core_signature
    try:
        signature = read_signature(action.function)
    except Exception:  # noqa: BLE001 - an object that is called as a function may raise anything
        return []
    parameters = dict(signature.parameters)
    if action.cancellable:
        parameters.pop("cancel", None)

    mismatches = _name_mismatches(action, parameters, written)
    checker = ask(lambda: getattr(action.function, "__attune_checker__", None))
    if isinstance(checker, ArgumentChecker):
        mismatches += checker.certain_mismatches(written, names_fit=not mismatches)
    return mismatches


@functools.cache
def _core_signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _name_mismatches(
    action: Action, parameters: Mapping[str, inspect.Parameter], written: Mapping[str, Any]
) -> list[Mismatch]:
    """Return the mismatches between the names of arguments and parameters."""
    takes_any_name = False
    required: dict[str, bool] = {}
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            takes_any_name = True
        elif parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            required[name] = parameter.default is parameter.empty

    mismatches: list[Mismatch] = []
    hints = {name: nearest(name, required) for name in written if name not in required}
    if not takes_any_name:
        for name, hint in hints.items():
            mismatches.append((name, f"action `{action.name}` takes no `{name}`{hint}"))

    missing = []
    for name, is_required in required.items():
        # a misspelled argument is reported as such, and not as missing, too
        is_misspelled = any(f"`{name}`" in hint for hint in hints.values())
        if is_required and name not in written and not is_misspelled:
            missing.append(name)
    if missing:
        names = "`, `".join(missing)
        mismatches.append((None, f"action `{action.name}` needs `{names}` in `input`"))
    return mismatches

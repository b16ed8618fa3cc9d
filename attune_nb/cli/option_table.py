"""The options and arguments of `attune-nb`, as its commands declare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.help.options import Option

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find_commands", "read_options"]


def find_commands(group: Any, name: str = "attune-nb") -> dict[str, Any]:
    """Return the commands of a group by their full names, also those of groups in it."""
    commands: dict[str, Any] = {}
    for short_name, command in group.commands.items():
        full_name = f"{name} {short_name}"
        if hasattr(command, "commands"):
            commands |= find_commands(command, full_name)
        else:
            commands[full_name] = command
    return commands


def read_options(command: Any, owner: str) -> list[Option]:
    """Return the arguments and options of a command.

    Args:
        command: The command.
        owner: Its full name.
    """
    return [_read(parameter, owner) for parameter in command.params if not _is_hidden(parameter)]


def _is_hidden(parameter: Any) -> bool:
    return bool(getattr(parameter, "hidden", False))


def _read(parameter: Any, owner: str) -> Option:
    is_option = parameter.param_type_name == "option"
    names: tuple[str, ...] = (_metavar_of(parameter),)
    if is_option:
        names = tuple(_option_names(parameter))

    value = ""
    if not getattr(parameter, "is_flag", False):
        value = _metavar_of(parameter)
    if not is_option and not parameter.required and not value.startswith("["):
        value = f"[{value}]"
    return Option(owner, names, value, parameter.help or "", _default_of(parameter))


def _option_names(parameter: Any) -> Iterator[str]:
    """Yield the names of an option, the short one first; of a switch those of both positions."""
    yield from sorted(parameter.opts, key=len)
    yield from parameter.secondary_opts


def _metavar_of(parameter: Any) -> str:
    """Return the form of a value: as it is declared, or else the name."""
    if parameter.metavar:
        return str(parameter.metavar)
    return str(parameter.name).upper().strip("_")


def _default_of(parameter: Any) -> str:
    default = parameter.default
    if default in (None, False, "", [], ()) or callable(default):
        return ""
    return str(default)

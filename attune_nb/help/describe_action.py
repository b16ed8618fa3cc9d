"""The arguments of an action: of a function from its signature, of a workflow its parameters."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.actions.arguments import ArgumentChecker
from attune_nb.help.page import Code, Heading, Page, Paragraph, Table
from attune_nb.language.parameter_specs import required_names, specs_by_name
from attune_nb.reference.table import find_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.help.page import Block

__all__ = [
    "ActionDescription",
    "Argument",
    "action_page",
    "describe_function",
    "describe_workflow",
    "split_docstring",
    "summarize_action",
]

# The section of a docstring that describes arguments, in Google's style: `name: text`.
_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Yields|Raises|Attributes):$")
_ARGUMENT = re.compile(r"^(?: {4}|\t)\*{0,2}(\w+)(?: \([^)]*\))?: (.*)$")

# The same in Sphinx's style: `:param name: text`, or another field.
_FIELD = re.compile(r"^:(\w++)([^:]*+):\s*(.*)$")

# An argument that the engine passes itself.
_CANCEL = "cancel"


class Argument(NamedTuple):
    """An argument of an action.

    Attributes:
        name: Its name below `input`.
        kind: The kind of value that it takes; empty if unknown.
        default: Its default as text; None if it must be given.
        description: Its meaning; may be empty.
        choices: Its only values; empty if there are others.
    """

    name: str
    kind: str
    default: str | None
    description: str
    choices: tuple[str, ...] = ()


class ActionDescription(NamedTuple):
    """An action as help shows it.

    Attributes:
        name: Its name.
        text: Its docstring without the part about arguments, or a workflow's description.
        arguments: Its arguments, in their order.
        takes_any: Whether it takes arguments of any other name, too.
    """

    name: str
    text: str
    arguments: tuple[Argument, ...]
    takes_any: bool = False


def describe_function(name: str, function: Callable[..., Any]) -> ActionDescription:
    """Return the description of a function, from its signature and its docstring."""
    docstring = inspect.getdoc(function)
    if docstring is None:
        docstring = ""
    text, descriptions = split_docstring(docstring)

    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        # some functions of C have no signature
        return ActionDescription(name, docstring, (), takes_any=True)

    checker = getattr(function, "__attune_checker__", None)
    arguments = []
    for parameter in parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name == _CANCEL and isinstance(checker, ArgumentChecker):
            continue
        arguments.append(_describe_parameter(parameter, checker, descriptions))

    kinds = {parameter.kind for parameter in parameters.values()}
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds
    return ActionDescription(name, text, tuple(arguments), takes_any)


def _describe_parameter(
    parameter: inspect.Parameter, checker: Any, descriptions: Mapping[str, str]
) -> Argument:
    kind = ""
    choices: tuple[str, ...] = ()
    if isinstance(checker, ArgumentChecker):
        kind, choices = checker.describe_kinds(parameter.name)
    elif parameter.annotation is not parameter.empty:
        kind = inspect.formatannotation(parameter.annotation)
        kind = kind.strip("'\"")
    if kind == "Any":
        kind = "any value"
    if kind == "bool" or isinstance(parameter.default, bool):
        choices = ("true", "false")

    default = None
    if parameter.default is not parameter.empty:
        default = _format_default(parameter.default)
    return Argument(parameter.name, kind, default, descriptions.get(parameter.name, ""), choices)


def _format_default(value: Any) -> str:
    """Return a default as YAML writes it, or as Python does if YAML cannot."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)


def split_docstring(docstring: str) -> tuple[str, dict[str, str]]:
    """Return a docstring without its section about arguments, and their descriptions."""
    lines: list[str] = []
    descriptions: dict[str, str] = {}
    section = ""
    name = ""
    for line in docstring.splitlines():
        heading = _SECTION.match(line)
        field = _FIELD.match(line)
        if field is not None and field[1] == "param":
            section = "Args"
            name = field[2].split()[-1] if field[2].strip() else ""
            descriptions[name] = field[3]
            continue
        if heading is not None:
            section = heading[1]
        elif line and not line.startswith((" ", "\t")):
            section = ""

        if section not in ("Args", "Arguments", "Parameters", "Attributes"):
            lines.append(line)
            continue
        argument = _ARGUMENT.match(line)
        if argument is not None:
            name = argument[1]
            descriptions[name] = argument[2]
        elif heading is None and name:
            descriptions[name] = f"{descriptions[name]} {line.strip()}".rstrip()

    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), descriptions


def describe_workflow(
    name: str, description: str | None, parameters: Mapping[str, Any] | None
) -> ActionDescription:
    """Return the description of a workflow that is called as an action.

    Args:
        name: Its name.
        description: Its purpose, if it has one.
        parameters: The parameters that it declares.
    """
    text = description
    if not text:
        text = "A workflow."
    if not parameters:
        return ActionDescription(name, text, ())

    required = required_names(parameters)
    arguments = []
    for parameter, spec in specs_by_name(parameters).items():
        default = None
        if "default" in spec and spec.get("secret"):
            default = "***"
        elif parameter not in required:
            default = _format_default(spec.get("default"))

        choices = tuple(str(value) for value in spec.get("enum", ()))
        kind = _format_type(spec.get("type", "any"))
        if kind == "boolean":
            choices = ("true", "false")
        elif choices:
            kind = f"one of {', '.join(choices)}"
        arguments.append(Argument(parameter, kind, default, spec.get("description", ""), choices))
    return ActionDescription(name, text, tuple(arguments))


def _format_type(types: Any) -> str:
    if isinstance(types, list):
        return " or ".join(map(str, types))
    return str(types)


def summarize_action(action: ActionDescription) -> str:
    """Return the first sentence or line about an action."""
    for entry in find_entries(action.name):
        if entry.kind == "action":
            return entry.explanation.partition(". ")[0].rstrip(".") + "."
    return action.text.partition("\n")[0]


def action_page(action: ActionDescription) -> Page:
    """Return the page of an action: its text, its arguments, and an example if it has one."""
    entries = [entry for entry in find_entries(action.name) if entry.kind == "action"]
    blocks: list[Block] = [Heading(f"`{action.name}`")]
    if entries:
        blocks.append(Paragraph(entries[0].explanation))
    elif action.text:
        blocks += _text_blocks(action.text)

    blocks += _argument_blocks(action)
    for entry in entries:
        blocks.append(Paragraph("Example:"))
        blocks.append(Code(entry.example))
    return Page(blocks)


def _text_blocks(text: str) -> list[Block]:
    """Return the paragraphs of a docstring; indented ones keep their lines."""
    blocks: list[Block] = []
    for paragraph in text.split("\n\n"):
        if re.search(r"^\s", paragraph, re.MULTILINE):
            blocks.append(Code(paragraph, "text"))
        else:
            blocks.append(Paragraph(" ".join(paragraph.split())))
    return blocks


def _summarize(argument: Argument) -> str:
    """Return the kind, the default and the meaning of an argument."""
    default = f"default {argument.default}"
    if argument.default is None:
        default = "required"
    elif argument.default == "null":
        default = "may be left out"

    parts = [part for part in (argument.kind, default) if part]
    return f"{'; '.join(parts)}. {argument.description}".strip()


def _argument_blocks(action: ActionDescription) -> list[Block]:
    if not action.arguments:
        if action.takes_any:
            return [Paragraph("It takes arguments of any name in `input`.")]
        return [Paragraph("It takes no arguments.")]

    rows = [(f"`{argument.name}`", _summarize(argument)) for argument in action.arguments]
    blocks: list[Block] = [Paragraph("Arguments in `input`:"), Table(tuple(rows))]
    if action.takes_any:
        blocks.append(Paragraph("It takes arguments of any other name, too."))
    return blocks

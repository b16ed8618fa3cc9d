"""The parameters of an action as the text that its process reads."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from attune_nb.actions.to_text import to_text
from attune_nb.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from attune_nb.packs.model import ParameterFormat

__all__ = ["write_document"]

# Strings that one of the readers of YAML 1.1 and 1.2 takes for a number, a date or a time.
_NUMBER_LIKE = re.compile(r"[-+]?\.?[0-9][\w.:+-]*")

# Breaks of lines that YAML 1.2 takes for other characters.
_UNUSUAL_BREAK = re.compile("[\r\x85\u2028\u2029]")


def write_document(
    parameters: Mapping[str, Any], text_format: ParameterFormat
) -> tuple[str, list[str]]:
    """Return the parameters as text that ends with a newline, and warnings about it.

    Raises:
        ActionError: A value cannot be written as text; it is named.
    """
    text = _write_json(parameters)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ActionError(f"the parameters have no text in UTF-8: {error}") from None
    if text_format == "json":
        return f"{text}\n", []

    # the same plain data as in JSON: dates are strings, an enum's member is its value
    plain = json.loads(text)
    if text_format == "yaml":
        return _write_yaml(plain), []
    return _write_dotenv(plain)


def _write_json(parameters: Mapping[str, Any]) -> str:
    try:
        return to_text(dict(parameters), "the parameters")
    except ActionError:
        for name, value in parameters.items():
            to_text([value], f"parameter `{name}`")
        raise


def _write_yaml(parameters: dict[str, Any]) -> str:
    import yaml  # noqa: PLC0415 - few actions read YAML

    class Dumper(yaml.SafeDumper):
        """PyYAML's dumper without aliases, and with quotes around all that looks like a number."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
            return True

    def represent_text(dumper: Dumper, text: str) -> yaml.ScalarNode:
        style = None
        if _UNUSUAL_BREAK.search(text):
            style = '"'
        elif "\n" in text:
            style = "|"
        elif _NUMBER_LIKE.fullmatch(text):
            style = "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent_text)
    text: str = yaml.dump(
        parameters,
        Dumper=Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=2**31,
    )
    return text


def _write_dotenv(parameters: dict[str, Any]) -> tuple[str, list[str]]:
    lines = []
    warnings = []
    for name, value in sorted(_flatten(parameters)):
        if "\n" in value or "\r" in value:
            warnings.append(
                f"the parameter `{name}` holds a line break, which `dotenv` cannot carry; set "
                "`parameter_format: json` in the action's file"
            )

        quoted = value.replace("'", "'\\''")
        lines.append(f"{name}='{quoted}'\n")
    return "".join(lines), warnings


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield a dotted name and a text for each value that is no object."""
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _flatten(value, f"{path}.")
        else:
            # null is an empty text
            yield path, to_text(value, f"parameter `{path}`")

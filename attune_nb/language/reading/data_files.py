"""Read a file of names and values: parameters, answers, a keystore."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import ParameterError, WorkflowError
from attune_nb.language.reading import yaml_source
from attune_nb.language.reading.json_source import parse_json
from attune_nb.values.describe import describe

if TYPE_CHECKING:
    from pathlib import Path

    from attune_nb.language.reading.yaml_source import Document

__all__ = ["parse_object_text", "read_object_document", "read_object_file"]


def read_object_file(path: Path, noun: str, *, is_secret: bool = False) -> dict[str, Any]:
    """Return the object of a file, as `read_object_document` reads it.

    Raises:
        ParameterError: As there.
    """
    values: dict[str, Any] = read_object_document(path, noun, is_secret=is_secret).data
    return values


def read_object_document(path: Path, noun: str, *, is_secret: bool = False) -> Document:
    """Read a YAML file that holds an object, or a JSON file if its name ends in `.json`.

    YAML is read as in a workflow: by the same rules, with the same limits.

    Args:
        path: The file.
        noun: The word for its values in messages: "parameters".
        is_secret: Whether messages must not show lines of the file.

    Raises:
        ParameterError: The file cannot be read, or is not an object; with every problem of its
            text, each with its line and column.
    """
    text = _read_text(path)
    is_json = path.suffix.lower() == ".json"
    return parse_object_text(text, str(path), noun, is_json=is_json, is_secret=is_secret)


def parse_object_text(
    text: str, name: str, noun: str, *, is_json: bool, is_secret: bool = False
) -> Document:
    """Parse a text that holds an object.

    Args:
        text: The text.
        name: Its name in messages.
        noun: The word for its values in messages: "parameters".
        is_json: Whether it is JSON; otherwise it is YAML.
        is_secret: Whether messages must not show lines of the text.

    Raises:
        ParameterError: It is not an object; with every problem, each with its line and column.
    """
    try:
        if is_json:
            document = parse_json(text, name)
        else:
            document = yaml_source.parse(text, name, noun=f"a file of {noun}")
    except WorkflowError as error:
        raise ParameterError(_describe_problems(name, error, is_secret=is_secret)) from None

    if not isinstance(document.data, dict):
        raise ParameterError(
            f"`{name}` must be an object of {noun}, not {describe(document.data)}; "
            "write `NAME: VALUE` in each line"
        )
    return document


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        reason: str | None = "it is not UTF-8 text"
    except (OSError, ValueError) as error:
        # a ValueError is raised for a NUL in the path
        reason = getattr(error, "strerror", None)
        if not reason:
            reason = str(error)
    raise ParameterError(f"cannot read `{path}`: {reason}")


def _describe_problems(name: str, error: WorkflowError, *, is_secret: bool) -> str:
    count = len(error.problems)
    heading = f"`{name}` has {count} problems:"
    if count == 1:
        heading = f"`{name}` has a problem:"

    if is_secret:
        lines = [str(problem) for problem in error.problems]
    else:
        lines = [problem.explain() for problem in error.problems]
    return "\n".join([heading, *lines])

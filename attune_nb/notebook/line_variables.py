"""Variables of the notebook in the words of a line: `{name}` and `$name`, as IPython writes them.

The values of options such as `--set` are Python expressions, so a dict or a set of theirs must
stay one. There `{name}` and `$name` stand for the variable itself, and for its text only within
a longer text.
"""

from __future__ import annotations

import ast
import re
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.running.run import BaseRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["expand_variables"]

_DOLLAR_NAME = re.compile(r"\$([A-Za-z_]\w*)")

# the nodes of `run.run_id` and `names[0]`
_REFERENCE_NODES = (ast.Attribute, ast.Subscript, ast.Name, ast.Constant, ast.Load, ast.Expression)

# values whose text stands for them; of a run it is the id
_TEXT_TYPES = (BaseRun, str, int, float, PathLike, type(None))


class _Variable(NamedTuple):
    """A variable in a word.

    Attributes:
        source: Its expression, such as `run.run_id`.
        value: The value.
        in_brackets: Whether it stands inside brackets, as in `[$name]`.
    """

    source: str
    value: Any
    in_brackets: bool


def expand_variables(pieces: Sequence[str], variables: Mapping[str, Any]) -> str:
    """Return a word with its variables replaced; unknown names stay as they are.

    Args:
        pieces: The quoted strings, the blanks and the single characters of the word.
        variables: The notebook's variables.
    """
    parts = list(_find_variables(list(pieces), variables))
    if not any(isinstance(part, _Variable) for part in parts):
        return "".join(pieces)

    sign = _find_sign(parts)
    if sign is None:
        return _expand_plain(parts)

    name = "".join(_as_text(part) for part in parts[:sign])
    return f"{name}={_expand_expression(parts[sign + 1 :])}"


def _find_variables(pieces: list[str], variables: Mapping[str, Any]) -> Iterator[str | _Variable]:
    """Yield the pieces of a word, with a `_Variable` in place of each that is known."""
    depth = 0
    position = 0
    while position < len(pieces):
        piece = pieces[position]
        length = 0
        source = ""
        if piece == "{" and depth == 0:
            length, source = _read_braces(pieces, position)
        elif piece == "$":
            length, source = _read_dollar(pieces, position)

        values = _evaluate(source, variables)
        if values:
            yield _Variable(source, values[0], in_brackets=depth > 0)
            position += length
            continue

        if piece in "([{":
            depth += 1
        elif piece in ")]}":
            depth -= 1
        yield piece
        position += 1


def _read_braces(pieces: list[str], start: int) -> tuple[int, str]:
    """Return how many pieces `{reference}` has, and the reference; 0 and "" for anything else."""
    if "}" not in pieces[start:]:
        return 0, ""
    end = pieces.index("}", start)
    source = "".join(pieces[start + 1 : end])
    if not _is_reference(source):
        return 0, ""
    return end + 1 - start, source


def _read_dollar(pieces: list[str], start: int) -> tuple[int, str]:
    """Return how many pieces `$name` has, and the name; 0 and "" for anything else."""
    # `$$` is a dollar sign
    if start > 0 and pieces[start - 1] == "$":
        return 0, ""
    match = _DOLLAR_NAME.match("".join(pieces[start:]))
    if match is None:
        return 0, ""
    return len(match[0]), match[1]


def _is_reference(source: str) -> bool:
    """Return whether a text is a name, or an attribute or an element of one."""
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError):
        return False
    has_name = any(isinstance(node, ast.Name) for node in ast.walk(tree))
    return has_name and all(isinstance(node, _REFERENCE_NODES) for node in ast.walk(tree))


def _evaluate(source: str, variables: Mapping[str, Any]) -> list[Any]:
    """Return the value of a reference as the only element; an empty list if it has none."""
    if not source:
        return []
    try:
        return [eval(source, {"__builtins__": {}}, variables)]  # noqa: S307 - the user's own
    except Exception:  # noqa: BLE001 - an attribute of the user's can raise any error
        return []


def _find_sign(parts: list[str | _Variable]) -> int | None:
    """Return the place of the `=` in a word such as `NAME=EXPR`, or None."""
    for position, part in enumerate(parts):
        if part == "=":
            name = "".join(_as_text(before) for before in parts[:position])
            # the `=` of `--set=NAME=EXPR` is not it
            if name in ("--set", "--mock"):
                continue
            return position
        if isinstance(part, str) and part in "([{'\"":
            return None
    return None


def _expand_plain(parts: list[str | _Variable]) -> str:
    """Return a word that is no `NAME=EXPR`."""
    if len(parts) > 1:
        return "".join(_as_text(part) for part in parts)

    (part,) = parts
    if isinstance(part, _Variable) and not isinstance(part.value, _TEXT_TYPES):
        # an option such as `--params` evaluates it
        return part.source
    return _as_text(part)


def _expand_expression(parts: list[str | _Variable]) -> str:
    """Return a Python expression with the value of `NAME=EXPR`."""
    top_variables = [part for part in parts if isinstance(part, _Variable) and not part.in_brackets]
    is_text = bool(top_variables) and len(parts) > 1
    if is_text:
        return repr("".join(_as_text(part) for part in parts))
    return "".join(part if isinstance(part, str) else part.source for part in parts)


def _as_text(part: str | _Variable) -> str:
    """Return a part as it stands in a text: of a run its id."""
    if isinstance(part, str):
        return part
    if isinstance(part.value, BaseRun):
        return part.value.run_id
    if isinstance(part.value, PathLike):
        return str(fspath(part.value))
    return str(part.value)

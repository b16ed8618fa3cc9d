"""A text, taken apart into what stands as it is and the expressions between braces.

The braces are found here and not by Jinja2, so that the text around them stays as it is
written, `{#` is no comment (shells write `${#name}`), and every expression is parsed by itself.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import TemplateSyntaxError
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from attune_nb.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jinja2 import nodes

__all__ = ["Part", "environment", "has_braces", "has_template", "parse", "split", "unbraced"]

_LONGEST_SOURCE = 100_000  # characters
_MOST_BRACKETS = 40  # open at once; Jinja2 parses each with some 13 calls on top of each other
_DEEPEST = 200  # nodes of an expression on top of each other
_OPENING = re.compile(r"\{\{|\{%")
_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|['"]|[\[({\])}]""", re.DOTALL)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_ESCAPE = re.compile(r"""\\([^\\'"abfnrtvxuUN0-7\n])|\\.""", re.DOTALL)
_HINTS = {
    "unexpected char '&'": "write `and`",
    "unexpected char '!'": "write `not`",
    "unexpected char '?'": "write `a if condition else b`",
    "unexpected char '$'": "names stand without `$`",
    "expected token 'name', got '|'": "write `or`",
    "expected token 'end of statement block'": "write one expression",
}


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Give the Jinja2 environment that parses; nothing is ever evaluated in it."""
    return ImmutableSandboxedEnvironment(optimized=False)


class Part(NamedTuple):
    """A piece of a text, as it is written.

    `inner` is what its braces hold, if it has any; `problem` what is wrong with them, up to
    the end of the text.
    """

    text: str
    inner: str | None = None
    problem: str = ""


def has_braces(text: str) -> bool:
    """Tell whether a text is more than itself: an expression, or a statement to be refused."""
    return "{{" in text or "{%" in text


def has_template(value: Any) -> bool:
    """Tell whether there is a template anywhere in a value as it is written."""
    if isinstance(value, dict | list):
        return any(map(has_template, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and has_braces(value)


def split(source: str) -> list[Part]:
    """Take a text apart.

    Raises:
        TemplateError: The text is too long.
    """
    _check_length(source)
    return [part for part in _parts(source) if part.text]


def unbraced(source: str) -> Part:
    """Give a condition that is written without braces; its problem tells of none.

    Raises:
        TemplateError: The text is too long.
    """
    _check_length(source)
    return Part(source, source, _unbalanced(source))


def _check_length(source: str) -> None:
    if len(source) > _LONGEST_SOURCE:
        raise TemplateError(
            f"a text with expressions has at most {_LONGEST_SOURCE:,} characters, "
            f"not {len(source):,}"
        )


def _parts(source: str) -> Iterator[Part]:
    at, trim = 0, False
    while opening := _OPENING.search(source, at):
        start, begin = opening.span()
        text = source[at:start]
        text = text.lstrip() if trim else text
        yield Part(text.rstrip() if source[begin : begin + 1] == "-" else text)
        try:
            end = _end(source, begin, opening.group())
        except TemplateError as error:
            yield Part(source[start:], problem=error.message)
            return
        inner = source[begin:end]
        trim = inner.endswith("-")
        at = end + 2
        yield Part(source[start:at], inner.removeprefix("-").removesuffix("-"))
    yield Part(source[at:].lstrip() if trim else source[at:])


def _end(source: str, begin: int, opening: str) -> int:
    if opening == "{%":
        raise TemplateError(
            "statements (`{% %}`) are not part of the language; use an expression "
            "`{{ a if b else c }}`, or `{{ '{%' }}` for these very characters"
        )
    depth = 0
    for token in _TOKEN.finditer(source, begin):
        sign = token.group()
        if sign in ("'", '"'):
            raise TemplateError(f"a quote ({sign}) is not closed within `{{{{`")
        if sign in "([{":
            depth += 1
            if depth > _MOST_BRACKETS:
                raise TemplateError(f"more than {_MOST_BRACKETS} brackets are open at once")
        elif depth and sign in ")]}":
            depth -= 1
        elif sign == "}" and source.startswith("}}", token.start()):
            return token.start()
    raise TemplateError("`{{` is not closed; write `}}` after the expression")


def _unbalanced(source: str) -> str:
    opened: list[str] = []
    for token in _TOKEN.finditer(source):
        sign = token.group()
        if sign in ("'", '"'):
            return f"a quote ({sign}) is not closed"
        if sign in _PAIRS:
            opened.append(sign)
            if len(opened) > _MOST_BRACKETS:
                return f"more than {_MOST_BRACKETS} brackets are open at once"
        elif sign in _PAIRS.values():
            if not opened and source.startswith("}}", token.start()):
                return "`}}` closes nothing; take it away, or write `{{` before the condition"
            if not opened or _PAIRS[opened.pop()] != sign:
                return f"the bracket `{sign}` closes nothing that is open"
    return f"the bracket `{opened[-1]}` is not closed" if opened else ""


def parse(text: str) -> nodes.Expr:
    """Read one expression.

    Raises:
        TemplateError: It is none.
    """
    if not text.strip():
        raise TemplateError("the braces are empty; write an expression in `{{ }}`")
    try:
        parser = Parser(environment(), _escaped(text), state="variable")
        node = parser.parse_tuple(with_condexpr=True)
        if not parser.stream.eos:
            raise TemplateError(f"`{parser.stream.current.value}` is not expected there")
    except TemplateSyntaxError as error:
        raise TemplateError(_explained(str(error.message))) from None
    except RecursionError:
        raise TemplateError("the expression is nested too deeply") from None
    except (ValueError, MemoryError):
        raise TemplateError("a number in the expression has too many digits") from None
    _check_depth(node)
    return node


def _escaped(text: str) -> str:
    # a backslash that starts no escape of Python's: Python would keep it too, but warn
    return _ESCAPE.sub(lambda found: f"\\\\{found[1]}" if found[1] else found[0], text)


def _explained(message: str) -> str:
    hint = next((each for start, each in _HINTS.items() if message.startswith(start)), "")
    return f"not an expression: {message}{'; ' + hint if hint else ''}"


def _check_depth(node: Any) -> None:
    level = [node]
    for _ in range(_DEEPEST):
        level = [child for each in level for child in each.iter_child_nodes()]
        if not level:
            return
    raise TemplateError(f"the expression is nested more than {_DEEPEST} levels deep")

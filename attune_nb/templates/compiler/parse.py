"""The parts of a template: plain text, and the expressions between braces.

The braces are found here and not by Jinja2. So the text around them stays as it is written, `{#`
starts no comment (shells write `${#name}`), and every expression is parsed by itself.
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

__all__ = [
    "Part",
    "condition_part",
    "has_braces",
    "has_template",
    "parse_expression",
    "parser_environment",
    "split_template",
]

# Characters.
_LONGEST_SOURCE = 100_000

# Brackets that are open at once. Jinja2 parses each with some 13 nested calls.
_MOST_BRACKETS = 40

# Characters of a template that advice repeats.
_LONGEST_SHOWN = 60

# Levels of nodes in an expression.
_DEEPEST = 200

_OPENING = re.compile(r"\{\{|\{%")
# Strings and brackets. A quote that is not closed takes the text after it along: the end of the
# string would be looked for again after each quote within it.
_TOKEN = re.compile(
    r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|(?P<unclosed>['"]).*|[\[({\])}]""", re.DOTALL
)
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_ESCAPE = re.compile(r"""\\([^\\'"abfnrtvxuUN0-7\n])|\\.""", re.DOTALL)

_STATEMENT = re.compile(r"[-+]?\s*(\w{1,20})")

# What to write instead of a statement of Jinja2, by its first word.
_STATEMENT_ADVICE = {
    "if": "use an expression `{{ a if b else c }}`",
    "for": "use `with_items`, or an expression `{{ values | join(', ') }}`",
    "set": "use `vars` or `publish`",
    "raw": "write braces as a string, `{{ '{{.Names}}' }}`",
}
_STATEMENT_ADVICE |= dict.fromkeys(("elif", "else", "endif"), _STATEMENT_ADVICE["if"])
_STATEMENT_ADVICE |= {"endfor": _STATEMENT_ADVICE["for"], "endraw": _STATEMENT_ADVICE["raw"]}

# A field as Go's templates have it: docker, kubectl and helm print such formats.
_GO_FIELD = re.compile(r"(?:^-?|[\s(])\.(?:[A-Za-z_]|\s|$)")

# A function of Go's templates with a field, which Jinja2 would read as one dotted name.
_GO_CALL = re.compile(
    r"-?\s*(?:json|range|index|with|if|len|join|printf|println|upper|lower|title) +\.[A-Za-z_]"
)

# Advice by the beginning of a message of Jinja2.
_ADVICE = {
    "unexpected char '&'": "write `and`",
    "unexpected char '!'": "write `not`",
    "unexpected char '?'": "write `a if condition else b`",
    "unexpected char '$'": "names stand without `$`",
    "expected token 'name', got '|'": "write `or`",
    "expected token 'end of statement block'": "write one expression",
}


@cache
def parser_environment() -> ImmutableSandboxedEnvironment:
    """Return the Jinja2 environment that parses expressions; it evaluates none."""
    return ImmutableSandboxedEnvironment(optimized=False)


class Part(NamedTuple):
    """A part of a template.

    Attributes:
        text: The part as it is written.
        expression: The text between the braces, or None for plain text.
        problem: The fault in the braces, which extends to the end of the template.
    """

    text: str
    expression: str | None = None
    problem: str = ""


def has_braces(text: str) -> bool:
    """Return whether a string holds an expression, or a statement (which is refused later)."""
    return "{{" in text or "{%" in text


def has_template(value: Any) -> bool:
    """Return whether a value of a workflow's text holds a template."""
    if isinstance(value, dict):
        return any(map(has_template, value.values()))
    if isinstance(value, list):
        return any(map(has_template, value))
    return isinstance(value, str) and has_braces(value)


def split_template(source: str) -> list[Part]:
    """Return the parts of a template.

    White space around a single expression is left out: a block string ends with a line break,
    which nobody means to be part of the value.

    Raises:
        TemplateError: The template is too long.
    """
    _check_length(source)
    parts = [part for part in _parts(source) if part.text]
    if len(parts) in (2, 3):
        solid = [part for part in parts if part.problem or not part.text.isspace()]
        if len(solid) == 1 and solid[0].expression is not None:
            return solid
    return parts


def condition_part(source: str) -> Part:
    """Return a condition that is written without braces as a part, perhaps with a problem.

    Raises:
        TemplateError: The condition is too long.
    """
    _check_length(source)
    return Part(source, source, _find_unbalanced(source))


def _check_length(source: str) -> None:
    if len(source) > _LONGEST_SOURCE:
        raise TemplateError(
            f"a template has at most {_LONGEST_SOURCE:,} characters, not {len(source):,}"
        )


def _parts(source: str) -> Iterator[Part]:
    start = 0
    # Whether the expression before ended with `-`, which removes the space after it.
    trims = False
    while opening := _OPENING.search(source, start):
        text = source[start : opening.start()]
        if trims:
            text = text.lstrip()
        inner_start = opening.end()
        if source.startswith("-", inner_start):
            text = text.rstrip()
        yield Part(text)

        try:
            inner_end = _find_end(source, inner_start, opening.group())
        except TemplateError as error:
            yield Part(source[opening.start() :], problem=error.message)
            return

        inner = source[inner_start:inner_end]
        trims = inner.endswith("-")
        start = inner_end + 2
        expression = inner.removeprefix("-").removesuffix("-")
        yield Part(source[opening.start() : start], expression)

    text = source[start:]
    if trims:
        text = text.lstrip()
    yield Part(text)


def _find_end(source: str, start: int, opening: str) -> int:
    """Return the index of the braces that close an expression."""
    if opening == "{%":
        raise TemplateError(_explain_statement(source, start))

    depth = 0
    for token in _TOKEN.finditer(source, start):
        sign = token.group()
        if token["unclosed"]:
            raise TemplateError(f"a quote ({token['unclosed']}) is not closed within `{{{{`")
        if sign in _PAIRS:
            depth += 1
            if depth > _MOST_BRACKETS:
                raise TemplateError(f"more than {_MOST_BRACKETS} brackets are open at once")
        elif depth and sign in ")]}":
            depth -= 1
        elif sign == "}" and source.startswith("}}", token.start()):
            return token.start()

    raise TemplateError("`{{` is not closed; write `}}` after the expression")


def _explain_statement(source: str, start: int) -> str:
    """Return why there is no statement, and what to write instead of the one that begins here."""
    match = _STATEMENT.match(source, start)
    word = match[1] if match else ""
    shown = f"`{{% {word} %}}`" if word else "`{% %}`"

    advice = _STATEMENT_ADVICE.get(word, _STATEMENT_ADVICE["if"])
    return (
        f"statements ({shown}) are not part of the language; {advice}, "
        "or `{{ '{%' }}` for these very characters"
    )


def _find_unbalanced(source: str) -> str:
    """Return a message about the first quote or bracket without its counterpart, if any."""
    opened: list[str] = []
    for token in _TOKEN.finditer(source):
        sign = token.group()
        if token["unclosed"]:
            return f"a quote ({token['unclosed']}) is not closed"
        if sign in _PAIRS:
            opened.append(sign)
            if len(opened) > _MOST_BRACKETS:
                return f"more than {_MOST_BRACKETS} brackets are open at once"
        elif sign in _PAIRS.values():
            if not opened and source.startswith("}}", token.start()):
                return "`}}` closes nothing; remove it, or write `{{` before the condition"
            if not opened or _PAIRS[opened.pop()] != sign:
                return f"the bracket `{sign}` closes nothing that is open"

    if opened:
        return f"the bracket `{opened[-1]}` is not closed"
    return ""


def parse_expression(text: str, written: str = "") -> nodes.Expr:
    """Return the syntax tree of one expression.

    Args:
        text: The expression.
        written: The expression with its braces, if it has any.

    Raises:
        TemplateError: The text is not an expression, or a limit is exceeded.
    """
    if not text.strip():
        raise TemplateError("the braces are empty; write an expression in `{{ }}`")

    if _GO_CALL.match(text):
        raise TemplateError(_explain_go_field(text, written, "a name stands before ` .`"))

    try:
        parser = Parser(parser_environment(), _double_backslashes(text), state="variable")
        node = parser.parse_tuple(with_condexpr=True)
        if not parser.stream.eos:
            message = f"`{parser.stream.current.value}` is not expected there"
            raise TemplateError(_explain_go_field(text, written, message))
    except TemplateSyntaxError as error:
        message = _explain(str(error.message))
        raise TemplateError(_explain_go_field(text, written, message)) from None
    except RecursionError:
        raise TemplateError("the expression is nested too deeply") from None
    except SyntaxError:
        # Python reads the numbers, and takes fewer digits than Jinja2
        raise TemplateError("a number is written with the digits 0 to 9 only") from None
    except (ValueError, MemoryError):
        raise TemplateError("a number in the expression has too many digits") from None

    _check_depth(node)
    return node


def _double_backslashes(text: str) -> str:
    """Double each backslash that starts no escape: Python would keep it, but with a warning."""
    return _ESCAPE.sub(lambda escape: f"\\\\{escape[1]}" if escape[1] else escape[0], text)


def _explain(message: str) -> str:
    for beginning, advice in _ADVICE.items():
        if message.startswith(beginning):
            return f"not an expression: {message}; {advice}"
    return f"not an expression: {message}"


def _explain_go_field(text: str, written: str, message: str) -> str:
    """Return the way out for a template of Go, as docker has it; for others the message."""
    if not written or not _GO_FIELD.search(text):
        return message

    quote = '"' if "'" in written else "'"
    if len(written) > _LONGEST_SHOWN or quote in written:
        written = "{{.Names}}"
        quote = "'"
    return (
        "this is a template of Go (docker, kubectl), not an expression; to pass it on as it is, "
        f"write it as a string: `{{{{ {quote}{written}{quote} }}}}`"
    )


def _check_depth(node: nodes.Node) -> None:
    level = [node]
    for _ in range(_DEEPEST):
        children: list[nodes.Node] = []
        for parent in level:
            children.extend(parent.iter_child_nodes())
        if not children:
            return
        level = children

    raise TemplateError(f"the expression is nested more than {_DEEPEST} levels deep")

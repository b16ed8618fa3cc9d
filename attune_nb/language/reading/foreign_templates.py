"""Find expressions between `<%` and `%>`, which Orquesta and Mistral have.

They would be plain text here, and a workflow that was copied would do something else in silence.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attune_nb.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from attune_nb.language.reading.yaml_source import Document

__all__ = ["find_foreign_templates"]

# Characters of an expression that a message shows.
_MAX_LENGTH = 80

# Other marks after `<%` are those of ERB, JSP and ASP: text that a task may well write to a file.
# Both end at the end of the text if they are not closed: to look for the end again after each mark
# would take quadratic time.
_FOREIGN = re.compile(r"<%(?![=\-#%@!])(.*?)(%>|\Z)", re.DOTALL)
_EXPRESSION = re.compile(r"\{\{.*?(?:\}\}|\Z)", re.DOTALL)

# Expressions of YAQL that have one meaning here.
_TRANSLATIONS = (
    (re.compile(r"(?:ctx\(\)|\$)\.(\w+)|ctx\(['\"]?(\w+)['\"]?\)"), "workflow.{}"),
    (re.compile(r"item\((\w*)\)"), "item"),
    (re.compile(r"task\(['\"]?(\w+)['\"]?\)\.result"), "task.{}.result"),
    (re.compile(r"(?:result|succeeded|failed|completed)\(\)"), ""),
)


def find_foreign_templates(document: Document) -> Iterator[Problem]:
    """Yield a problem for each string of a document that holds an expression of YAQL."""
    if "<%" not in document.source.text:
        return

    for text, position in document.walk_strings():
        match = _FOREIGN.search(_EXPRESSION.sub("", text))
        if match is not None and match[2]:
            yield Problem(_explain(match), position.of(match[0]))


def _explain(match: re.Match[str]) -> str:
    written = " ".join(match[0][: 4 * _MAX_LENGTH].split())[:_MAX_LENGTH]
    expression = _translate(match[1].strip())
    if expression:
        advice = f"write `{{{{ {expression} }}}}`"
        if expression.startswith("workflow."):
            advice += f", or `{{{{ {expression.replace('workflow', 'parameters')} }}}}`"
    else:
        advice = (
            "write `{{ ... }}` with `parameters.NAME`, `workflow.NAME`, `task.NAME.KEY`, `item` "
            "or `result()`"
        )
    return (
        f"`{written}` is an expression of Orquesta (YAQL), not of this language; {advice}; "
        "for these very characters write `{{ '<%' }}`"
    )


def _translate(expression: str) -> str:
    """Return a simple expression of YAQL as one of this language, or an empty string."""
    for pattern, translation in _TRANSLATIONS:
        match = pattern.fullmatch(expression)
        if match is not None and not translation:
            return expression
        if match is not None:
            names = [name for name in match.groups() if name]
            return translation.format(*names)
    return ""

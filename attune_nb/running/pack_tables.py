"""The tables of a pack: its actions, its workflows and its problems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attune_nb import html
from attune_nb.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attune_nb.errors import Problem
    from attune_nb.packs.model import PackAction
    from attune_nb.running.workflow import Workflow

__all__ = ["PackTable", "ProblemList", "describe_parameters", "render_rows"]

_Entry = TypeVar("_Entry")

# rows of a table
_MAX_ROWS = 200

# characters of a cell
_MAX_CELL_LENGTH = 100

# characters of a default
_MAX_DEFAULT_LENGTH = 20


class PackTable(Mapping[str, _Entry], Generic[_Entry]):
    """Actions or workflows of a pack by ref, shown as a table.

    Args:
        entries: The actions or workflows.
        columns: The columns of the table.
        to_row: Returns the row of an entry.
        explain_missing: Returns the reason why a ref has no entry, or None.
        note: A line below the table.
    """

    def __init__(
        self,
        entries: Mapping[str, _Entry],
        columns: Sequence[str],
        to_row: Callable[[str, _Entry], Mapping[str, str]],
        explain_missing: Callable[[str], str | None],
        note: str = "",
    ) -> None:
        self._entries = dict(entries)
        self._columns = tuple(columns)
        self._to_row = to_row
        self._explain_missing = explain_missing
        self._note = note

    def __getitem__(self, ref: str) -> _Entry:
        if ref in self._entries:
            return self._entries[ref]

        message = self._explain_missing(ref)
        if message is None:
            message = f"there is no `{ref}` in the pack{nearest(str(ref), self._entries)}"
        raise KeyError(message)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def rows(self) -> list[Mapping[str, str]]:
        """Return the rows of the table."""
        return [self._to_row(ref, entry) for ref, entry in self._entries.items()]

    def __repr__(self) -> str:
        lines = render_rows(self._columns, self.rows())
        if not self._entries:
            lines = ["none"]
        if self._note:
            lines.append(self._note)
        return html.printable("\n".join(lines))

    def _repr_html_(self) -> str:
        return str(html.element("div", *self.html_parts(), style=html.BREAK_WORDS))

    def html_parts(self) -> list[html.Markup]:
        """Return the table and the note below it."""
        parts = [html.element("div", "none")]
        if self._entries:
            parts = _html_table(self._columns, self.rows())
        if self._note:
            parts.append(html.element("div", self._note))
        return parts


class ProblemList(list["Problem"]):
    """Problems in the order of the files. A notebook shows them as a table."""

    @property
    def errors(self) -> list[Problem]:
        """The problems that are neither warnings nor hints."""
        return [problem for problem in self if problem.severity == "error"]

    def __str__(self) -> str:
        lines = [f"{problem.severity}: {problem}" for problem in self]
        if not lines:
            lines = ["no problems"]
        return html.printable("\n".join(lines))

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        return str(html.element("div", *self.html_parts(), style=html.BREAK_WORDS))

    def html_parts(self) -> list[html.Markup]:
        """Return the table of the problems."""
        if not self:
            return [html.element("div", "no problems")]
        columns = ("severity", "file", "line", "column", "problem")
        return _html_table(columns, [_problem_row(problem) for problem in self])


def _problem_row(problem: Problem) -> dict[str, str]:
    row = {"severity": problem.severity, "problem": problem.message}
    if problem.position is not None:
        row["file"] = problem.position.source.name
        row["line"] = str(problem.position.line)
        row["column"] = str(problem.position.column)
    return row


def action_row(ref: str, action: PackAction) -> dict[str, str]:
    """Return the row of an action."""
    runner: str = action.runner
    if action.runtime_version is not None:
        runner = f"{runner} {action.runtime_version}"
    if not action.enabled:
        runner = f"{runner} (switched off)"

    return {
        "action": ref,
        "runner": runner,
        "parameters": describe_parameters(action.parameters),
        "output": action.output_format,
        "label": _first_text(action.label, action.description),
    }


def workflow_row(ref: str, workflow: Workflow) -> dict[str, str]:
    """Return the row of a workflow."""
    return {
        "workflow": ref,
        "tasks": f"{len(workflow.tasks):,}",
        "parameters": describe_parameters(workflow.parameters),
        "label": _first_text(workflow.label, workflow.description),
    }


def describe_parameters(declared: Mapping[str, Any] | None) -> str:
    """Return the names of parameters, with defaults that are not secret.

    An optional parameter without a default stands in brackets.
    """
    if not declared:
        return ""

    words = []
    for name, spec in declared.items():
        is_optional = isinstance(spec, Mapping) and spec.get("required") is not True
        if not is_optional:
            words.append(name)
        elif "default" in spec:
            words.append(f"{name}={_describe_default(spec)}")
        else:
            words.append(f"[{name}]")
    return ", ".join(words)


def _describe_default(spec: Mapping[str, Any]) -> str:
    if spec.get("secret") is True:
        return "***"
    return html.shortened(json.dumps(spec["default"], default=str), _MAX_DEFAULT_LENGTH)


def _first_text(*texts: str | None) -> str:
    for text in texts:
        if text:
            return text
    return ""


def render_rows(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return a line of headings and a line for each row, with aligned columns."""
    shown = [_cut_cells(row) for row in rows[:_MAX_ROWS]]
    used = _used_columns(columns, shown)
    lines_of_cells = [dict(zip(used, used, strict=True)), *shown]

    widths = dict.fromkeys(used, 0)
    for row in lines_of_cells:
        for name in used:
            widths[name] = max(widths[name], len(row.get(name, "")))

    lines = []
    for row in lines_of_cells:
        cells = [f"{row.get(name, ''):<{widths[name]}}" for name in used]
        lines.append("  ".join(cells).rstrip())
    if len(rows) > _MAX_ROWS:
        lines.append(f"and {len(rows) - _MAX_ROWS:,} more")
    return lines


def _used_columns(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the columns with a cell that is not empty."""
    used: set[str] = set()
    for row in rows:
        used.update(name for name, cell in row.items() if cell)
    return [name for name in columns if name in used]


def _cut_cells(row: Mapping[str, str]) -> dict[str, str]:
    return {name: html.shortened(cell, _MAX_CELL_LENGTH) for name, cell in row.items()}


def _html_table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> list[html.Markup]:
    shown = rows[:_MAX_ROWS]
    used = _used_columns(columns, shown)
    parts = [html.table(used, shown, numbers=("line", "column", "tasks"))]
    if len(rows) > _MAX_ROWS:
        parts.append(html.element("div", f"and {len(rows) - _MAX_ROWS:,} more"))
    return parts

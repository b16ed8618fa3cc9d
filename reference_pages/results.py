"""The pages about what runs leave behind: tables, errors, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from attune_nb.help.describe_error import describe_attributes
from attune_nb.reference.columns import TABLES, columns_of
from attune_nb.reference.errors import ERRORS
from attune_nb.reference.metrics import METRICS, SPAN_ATTRIBUTES
from reference_pages.blocks import join_sections, table, word_table

if TYPE_CHECKING:
    from attune_nb.reference.entry import Entry

__all__ = ["columns_page", "errors_page", "metrics_page"]


class _Group(NamedTuple):
    """A section of a page: its title, its first words, and the heading of its second column."""

    title: str
    text: str
    heading: str = ""


_ERROR_GROUPS = {
    "attune_nb.errors": _Group(
        "Errors of attune_nb",
        "They are in `attune_nb.errors`, and most of them in `attune_nb`.\n\n"
        "A command of `attune-nb` that ends with an error prints its message, and its exit status "
        "is 2. After `QuestionOpen` it is 3, after `RunFailed` 1, and after `RunCancelled` 130. "
        "`ActionError`, `NotSendable` and `Timeout` end an attempt, not a command.",
    ),
    "core.http_request": _Group(
        "Errors of `core.http_request`",
        "`retry: {on_error: ...}` takes these names. The name of an error also stands for its "
        "kinds: `TransportError` for `ConnectTimeout`, too.",
    ),
    "tasks": _Group(
        "Further types of errors",
        "These stand in the column `error_type`. They have no class to catch. If an action raises "
        "an error of Python, the type is the name of its class, such as `ValueError`.",
    ),
}

_METRIC_GROUPS = {
    "run.metrics": _Group(
        "`run.metrics`",
        "A dict with a number for each name.",
        "Values",
    ),
    "Prometheus": _Group(
        "For Prometheus",
        "A Jupyter server with `attune_nb[server]`, and `attune-nb serve`, add them to `/metrics`. "
        "The labels stand after the kind.",
        "Kind; labels",
    ),
    "OpenTelemetry": _Group(
        "For OpenTelemetry",
        "They are sent with `attune_nb.otel.reader(cicd=True)`, by the semantic conventions for "
        'CI/CD, whose status is "development". The attributes stand after the kind.',
        "Kind; attributes",
    ),
}


def columns_page() -> str:
    """Return the page of the tables and their columns."""
    introduction = """
# Tables and columns

A run, a store and a benchmark return tables: DataFrames of pandas. `run` is a
[`Run`](api/workflows.md), in a cell after `%%attune` or from `attune_nb.open_run(RUN)`.

Dates are in UTC, with a dtype that says so. Durations are in milliseconds, and those of benchmarks
in seconds. A missing value is `NaT`, `<NA>` or `NaN`. Secrets are `***` in every cell.
"""
    sections = {}
    for entry in TABLES:
        rows = [(f"`{row.name}`", row.values, row.explanation) for row in columns_of(entry.name)]
        columns = table(rows, ("Column", "Values", "Meaning"))
        sections[f"`{entry.name}`"] = f"{entry.explanation}\n\n{columns}"
    return join_sections(introduction, sections)


def errors_page() -> str:
    """Return the page of the errors."""
    introduction = """
# Errors

The message of an error gives the fault, its position, and the remedy. These are the types.
`except attune_nb.AttuneError` catches every error that attune_nb raises on purpose. Common
messages, with their causes, are on the pages about
[troubleshooting](../troubleshooting/index.md).
"""
    sections = {}
    for name, group in _ERROR_GROUPS.items():
        entries = [entry for entry in ERRORS if entry.group == name]
        sections[group.title] = "\n\n".join([group.text, *map(_error_section, entries)])
    return join_sections(introduction, sections)


def _error_section(entry: Entry) -> str:
    """Return an error under a heading, with the attributes that its base does not have."""
    text = entry.explanation
    attributes = describe_attributes(entry.name)
    for base in entry.related:
        text += f" It is a kind of `{base}`."
        for name in describe_attributes(base):
            attributes.pop(name, None)

    if attributes:
        rows = [(f"`{attribute}`", meaning) for attribute, meaning in attributes.items()]
        text += "\n\n" + table(rows, ("Attribute", "Meaning")).strip()
    return f"### `{entry.name}`\n\n{text}"


def metrics_page() -> str:
    """Return the page of the metrics and of the attributes of spans."""
    introduction = """
# Metrics and spans

Nothing is sent unless it is asked for. No metric and no span holds a parameter, an input, a result
or a secret.
"""
    sections = {}
    for name, group in _METRIC_GROUPS.items():
        entries = [entry for entry in METRICS if entry.group == name]
        rows = [(f"`{entry.name}`", entry.values, entry.explanation) for entry in entries]
        columns = ("Metric", group.heading, "Meaning")
        sections[group.title] = f"{group.text}\n\n{table(rows, columns)}"

    spans = {entry.group: "" for entry in SPAN_ATTRIBUTES}
    text = (
        "A run is a span, and so is each execution of a task in it. Single attempts have spans "
        "only with `items=` of `attune_nb.otel.reader`.\n"
    )
    for span in spans:
        attributes = [entry for entry in SPAN_ATTRIBUTES if entry.group == span]
        title = span if "`" in span else f"`{span}`"
        text += f"\n### Attributes: {title}\n\n{word_table(attributes, 'Attribute')}"
    sections["Spans of OpenTelemetry"] = text
    return join_sections(introduction, sections)

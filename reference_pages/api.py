"""The pages of the API: lists of public names, which Sphinx fills with their docstrings."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from typing import Literal, NamedTuple

import attune_nb
from attune_nb import events

__all__ = ["API_PAGES", "INTERNAL_MEMBERS"]

# called by IPython
_LOADING = ("load_ipython_extension", "unload_ipython_extension")

_CLASSES = ("Workflow", "Run", "Pack", "Template", "WorkflowContext", "Problem")

# no user calls them, so their arguments are left out
_NOT_CALLED = ("Run", "RecordedRun")

_BACKENDS = {
    "attune_nb.backends.dask": "DaskBackend",
    "attune_nb.backends.processes.backend": "ProcessBackend",
    "attune_nb.backends.threads.backend": "ThreadBackend",
    "attune_nb.backends.inline": "InlineBackend",
}

INTERNAL_MEMBERS = {
    "Run": (
        "answer_problems", "as_earlier", "describe_answers", "describe_artifacts",
        "describe_children", "describe_logs", "error_text", "explain_no_logs", "failure_text",
        "find_child_run", "handled_timeout", "has_only_questions", "has_unprocessed_answer",
        "is_awaited_by_action", "is_over", "item_tables", "last_lines", "log_clock",
        "log_counts", "mask_text", "note_failed_reader", "open_children", "pause_for_questions",
        "read_lines", "select_logs", "tasks_with_items",
    ),
    "WorkflowContext": (
        "mask", "moments", "tasks_cache", "variables_cache", "with_clock", "with_outcome",
    ),
}  # fmt: skip
"""Members that the pages leave out, by the name of their class."""

Members = Literal["none", "own", "all"]
"""Which members of classes are listed: those of base classes, too, or not."""


class _Section(NamedTuple):
    """Public names under a heading.

    Attributes:
        title: The heading; empty without one.
        module: The module that they are imported from.
        names: The names.
        members: The members of classes that are listed.
    """

    title: str
    module: str
    names: tuple[str, ...]
    members: Members = "own"


def _workflows_page() -> str:
    errors = set(import_module("attune_nb.errors").__all__)
    functions = [
        name
        for name in attune_nb.__all__
        if name not in {*errors, *_CLASSES, *_LOADING, "bench", "charts"}
    ]
    sections = [
        _Section("Functions", "attune_nb", tuple(functions)),
        *(_Section(f"`{name}`", "attune_nb", (name,), "all") for name in _CLASSES),
        _Section("`RecordedRun`", "attune_nb.running.recorded_run", ("RecordedRun",)),
        _Section("For IPython", "attune_nb", _LOADING),
    ]
    introduction = (
        "`import attune_nb as attune` gives these names, except `RecordedRun`, which `open_run` "
        "returns. [Errors](errors.md) have a page of their own."
    )
    return _page("Workflows and runs", introduction, sections)


def _backends_page() -> str:
    sections = [
        _Section(f"`{name}`", module, (name,), "none") for module, name in _BACKENDS.items()
    ]
    sections.append(_Section("A backend of your own", "attune_nb.backends.protocol", ("Backend",)))
    introduction = (
        "`workflow.run(backend=...)` takes the name of a backend, or one of these objects."
    )
    return _page("Backends", introduction, sections)


def _events_page() -> str:
    """Return the page of the events; the constants and the kinds of words are left out."""
    classes = {
        name: getattr(events, name)
        for name in events.__all__
        if inspect.isclass(getattr(events, name))
    }
    inputs = tuple(name for name, value in classes.items() if issubclass(value, events.Input))
    facts = tuple(name for name, value in classes.items() if issubclass(value, events.Fact))
    others = tuple(name for name in classes if name not in {*inputs, *facts, "Event"})
    sections = [
        _Section("All events", "attune_nb.events", ("Event",)),
        _Section("Inputs: from outside", "attune_nb.events", inputs),
        _Section("Facts: what followed from them", "attune_nb.events", facts),
        _Section("Parts of events", "attune_nb.events", others),
    ]
    introduction = (
        "`run.events` is the list of what has happened in a run, oldest first. Their statuses are "
        "on the page [Statuses](../statuses.md)."
    )
    return _page("`attune_nb.events`", introduction, sections)


def _module_page(module: str, introduction: str) -> str:
    """Return the page of all public names of a module."""
    names = tuple(import_module(module).__all__)
    return _page(f"`{module}`", introduction, [_Section("", module, names)])


def _page(title: str, introduction: str, sections: list[_Section]) -> str:
    parts = [f"# {title}\n", f"{introduction}\n"]
    for section in sections:
        if section.title:
            parts.append(f"## {section.title}\n")
        directives = "\n".join(_directive(section, name) for name in section.names)
        parts.append(f"```{{eval-rst}}\n{directives}```\n")
    return "\n".join(parts)


def _directive(section: _Section, name: str) -> str:
    """Return the directive by which Sphinx shows the docstring of a name."""
    value = getattr(import_module(section.module), name)
    path = f"{section.module}.{name}"
    if inspect.isfunction(value):
        return f".. autofunction:: {path}\n"
    if not inspect.isclass(value):
        return f".. autodata:: {_defining_module(section.module, name)}.{name}\n   :no-value:\n"

    lines = [f".. autoclass:: {path}"]
    if value is events.Batch:
        # Sphinx cannot read the types of its arrays
        lines = [f".. autoclass:: {path}(...)"]
    elif name in _NOT_CALLED:
        lines = [f".. autoclass:: {path}()"]
    if issubclass(value, Exception):
        lines.append("   :show-inheritance:")
    elif section.members != "none":
        lines.append("   :members:")
    if section.members == "all":
        lines.append("   :inherited-members: tuple")
    if name in INTERNAL_MEMBERS:
        lines.append(f"   :exclude-members: {', '.join(INTERNAL_MEMBERS[name])}")
    return "\n".join(lines) + "\n"


def _defining_module(package: str, name: str) -> str:
    """Return the module whose text describes a value that a package imports from it."""
    value = getattr(import_module(package), name)
    for module_name, module in sorted(sys.modules.items()):
        is_within = module_name.startswith(f"{package}.")
        if not is_within or getattr(module, name, None) is not value:
            continue
        if f"\n{name}: " in inspect.getsource(module):
            return module_name
    return package


def _index_page() -> str:
    return """\
# Python API

The public names, from their docstrings. `help(NAME)` shows the same.

```{toctree}
:maxdepth: 1

workflows
errors
events
charts
bench
backends
otel
```
"""


API_PAGES = {
    "api/index.md": _index_page,
    "api/workflows.md": _workflows_page,
    "api/errors.md": lambda: _module_page(
        "attune_nb.errors", "The [table of errors](../errors.md) says what ends with which."
    ),
    "api/events.md": _events_page,
    "api/charts.md": lambda: _module_page("attune_nb.charts", "A chart is a figure of matplotlib."),
    "api/bench.md": lambda: _module_page(
        "attune_nb.bench",
        "A measurement returns a table, whose [columns](../columns.md) the charts understand.",
    ),
    "api/backends.md": _backends_page,
    "api/otel.md": lambda: _module_page(
        "attune_nb.otel",
        "Spans and metrics for OpenTelemetry; their names are on the page "
        "[Metrics and spans](../metrics.md).",
    ),
}
"""The pages by file name, each with the function that makes it."""

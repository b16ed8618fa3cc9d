"""The commands of `%attune` that show a run: its state, results, events, charts and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb import html
from attune_nb.display.outputs import Text
from attune_nb.display.panel import View
from attune_nb.notebook.command import DARK, RUN, argument, command
from attune_nb.results.diff import find_differences

if TYPE_CHECKING:
    from attune_nb.explore.run_page import RunPage
    from attune_nb.notebook.session import Session
    from attune_nb.running.history import AnyRun

__all__: list[str] = []

# the number of events that `%attune events` shows
_MAX_EVENTS = 50

# fields of an event that `%attune events` shows if the event has them
_EVENT_FIELDS = ("task", "visit", "status", "total", "count", "kind", "reason", "prompt")


@command(RUN)
def _status(session: Session, run: str | None) -> AnyRun:
    """Show the state of a run."""
    return session.get_run(run)


@command(RUN, argument("task", "task", "a task", nargs="?"))
def _results(session: Session, run: str | None, task: str | None) -> Any:
    """Show a run's output, or the result of a task: a DataFrame if the task has items."""
    selected_run = session.get_run(run)
    if task is None:
        output = selected_run.output
        return selected_run.tasks if output is None else output

    if _has_items(selected_run, task):
        # rows only describe results that are kept on a cluster: fetching all would take long
        return selected_run.items(task)
    return selected_run.result(task)


def _has_items(run: AnyRun, task: str) -> bool:
    for path, task_spec in run.workflow.walk():
        if path == task and task_spec.with_items is not None:
            return True
    return False


@command(
    RUN,
    argument("--at", "task", "as this task saw it when it started", metavar="TASK", dest="task"),
)
def _context(session: Session, run: str | None, task: str | None) -> Any:
    """Show a run's context, in its present state or as a task saw it."""
    selected_run = session.get_run(run)
    if task:
        return selected_run.context_at(task)
    return selected_run.context


@command(RUN, DARK)
def _timeline(session: Session, run: str | None, *, dark: bool) -> Any:
    """Draw the timeline of a run."""
    return session.get_run(run).timeline(dark=dark or None)


@command(
    RUN,
    argument("--output", "", "write the page to a file as well", ("-o",), metavar="FILE"),
    DARK,
)
def _explore(session: Session, run: str | None, output: str | None, *, dark: bool) -> RunPage:
    """Show a run as an interactive page: timeline, graph, items, errors and logs."""
    return session.get_run(run).explore(output, dark=dark)


@command(argument("name", "graph", "a workflow or a run; the latest run", nargs="?"), DARK)
def _graph(session: Session, name: str | None, *, dark: bool) -> Any:
    """Draw a workflow, or the state of a run in it."""
    # a workflow that has run is drawn with the state of its last run
    is_unused_workflow = name in session.workflows and name not in session.last_runs
    if name is not None and is_unused_workflow:
        workflow = session.get_workflow(name)
        actions = session.actions(workflow)
        return workflow.graph(dark=dark or None, actions=actions, packs=session.pack_set)
    return session.get_run(name).graph(dark=dark or None)


@command(RUN)
def _events(session: Session, run: str | None) -> Text:
    """Show the last events of a run."""
    events = session.get_run(run).events

    lines = []
    if len(events) > _MAX_EVENTS:
        lines.append(f"the last {_MAX_EVENTS} of {len(events):,}:")
    for event in events[-_MAX_EVENTS:]:
        kind = type(event).__name__
        lines.append(f"{event.time:10.3f} s  {kind:<15} {_format_fields(event)}")
    return Text("\n".join(lines))


def _format_fields(event: Any) -> str:
    fields = [f"{name}={getattr(event, name)!r}" for name in _EVENT_FIELDS if hasattr(event, name)]
    if hasattr(event, "batch"):
        batch = event.batch
        fields.append(f"attempts={batch.count} failed={batch.failed}")
        if batch.cancelled:
            fields.append(f"cancelled={batch.cancelled}")
    return " ".join(fields)


@command(RUN)
def _metrics(session: Session, run: str | None) -> View:
    """Show the costs of a run, and its alerts."""
    selected_run = session.get_run(run)
    figures = {
        name: f"{value:,.1f}".removesuffix(".0") for name, value in selected_run.metrics.items()
    }
    alerts = [f"note: {alert}" for alert in selected_run.alerts]

    width = max(map(len, figures))
    lines = [f"{name:<{width}}  {value}" for name, value in figures.items()]

    rows = [{"metric": name, "value": value} for name, value in figures.items()]
    table = html.table(["metric", "value"], rows)
    alert_elements = [html.element("div", alert) for alert in alerts]
    page = html.element("div", table, *alert_elements)
    return View(page, "\n".join([*lines, *alerts]))


@command(
    argument("before", "run", "a variable, a workflow's name or an id"),
    argument("after", "run", "the run to compare it with; the latest run", nargs="?"),
)
def _diff(session: Session, before: str, after: str | None) -> View:
    """Show the differences between two runs: parameters, outcomes, results, times."""
    compared_runs = session.get_run(before), session.get_run(after)
    differences = find_differences(*compared_runs)
    if not differences:
        message = "the runs do not differ"
        return View(html.element("div", message), message)

    # the first column is called as in the frame of `Run.diff`
    columns = ["what"]
    columns += [f"{run.workflow_name} {run.run_id[:6]}" for run in compared_runs]
    rows = [dict(zip(columns, difference, strict=True)) for difference in differences]
    lines = [
        f"{difference.what}: {difference.before} -> {difference.after}"
        for difference in differences
    ]
    heading = f"{' -> '.join(columns[1:])}:"
    return View(html.table(columns, rows), "\n".join([heading, *lines]))

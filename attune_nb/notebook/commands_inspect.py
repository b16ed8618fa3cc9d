"""The commands of `%attune` that tell of workflows and runs."""

from __future__ import annotations

from inspect import getdoc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.actions.registry import registered_functions
from attune_nb.display.outputs import Text
from attune_nb.display.panel import View
from attune_nb.errors import AttuneError, StoreError
from attune_nb.html import element, table
from attune_nb.notebook.command import DARK, RUN, WORKFLOW, command, word
from attune_nb.notebook.commands_rerun import under_way
from attune_nb.results.durations import format_duration
from attune_nb.running.history import runs
from attune_nb.running.workflow import Workflow, load_file

if TYPE_CHECKING:
    from datetime import datetime

    from attune_nb.notebook.session import Session

__all__ = ["counted_tasks"]

_EVENTS = 50  # that `%attune events` shows


def counted_tasks(workflow: Workflow) -> str:
    """Say how many tasks a workflow has."""
    return "1 task" if len(workflow.tasks) == 1 else f"{len(workflow.tasks):,} tasks"


@command()
def _list(session: Session) -> Text:
    """List the workflows that are defined."""
    lines = [f"{name}: {counted_tasks(each)}" for name, each in session.workflows.items()]
    return Text("\n".join(lines) or "no workflow is defined yet")


@command(WORKFLOW)
def _show(session: Session, name: str) -> Text:
    """Show a workflow's text."""
    session.workflow(name)
    return Text(session.texts[name])


@command()
def _actions(session: Session) -> Text:
    """List what a task's `action` can name here."""
    functions = {**registered_functions(), **session.functions(), **session.workflows}
    width = max(map(len, functions))
    lines = [f"{name:<{width}}  {_first_line(each)}".rstrip() for name, each in functions.items()]
    return Text("\n".join(lines))


def _first_line(action: Any) -> str:
    if isinstance(action, Workflow):
        return action.description or "a workflow"
    return (getdoc(action) or "").partition("\n")[0]


@command()
def _runs(session: Session) -> View:
    """List the runs of this session, and those of the store."""
    found: list[tuple[datetime, str, str, str, float]] = [
        (run.started, run.run_id, run.workflow_name, run.status, run.duration_ms)
        for run in session.runs.values()
    ]
    found += [each for each in _stored(session) if each[1] not in session.runs]
    rows = [
        {
            "run": run_id,
            "workflow": workflow,
            "status": status,
            "started": f"{started:%Y-%m-%d %H:%M:%S}",
            "time": format_duration(spent / 1000),
        }
        for started, run_id, workflow, status, spent in sorted(found)
    ]
    columns = ["run", "workflow", "status", "started", "time"]
    lines = ["  ".join(str(row[name]) for name in columns) for row in rows]
    return View(table(columns, rows), "\n".join(lines) or "nothing has run yet")


def _stored(session: Session) -> list[tuple[datetime, str, str, str, float]]:
    """Give what the store tells of its runs; nothing where there is none."""
    try:
        frame = runs(session.store)
    except StoreError as error:
        if session.store is not None:
            raise UsageError(str(error)) from None
        return []
    names = ["started", "run_id", "workflow", "status", "duration_ms"]
    return list(frame[names].itertuples(index=False, name=None))


@command(RUN)
def _status(session: Session, run: str | None) -> Any:
    """Show how a run stands."""
    return session.run(run)


@command(RUN, word("task", "task", "a task", nargs="?"))
def _results(session: Session, run: str | None, task: str | None) -> Any:
    """Give a run's output, or what a task gave: a DataFrame where it had items."""
    found = session.run(run)
    if task is None:
        return found.output if found.output is not None else found.tasks
    fans_out = any(
        path == task and each.with_items is not None for path, each in found.workflow.walk()
    )
    # the rows show what was left on a cluster as such: to fetch it all would take its time
    return found.items(task) if fans_out else found.result(task)


@command(RUN, word("--at", "task", "as this task saw it when it started", metavar="TASK"))
def _context(session: Session, run: str | None, at: str | None) -> Any:
    """Give a run's context, as it stands or as a task saw it."""
    found = session.run(run)
    return found.context_at(at) if at else found.context


@command(RUN, DARK)
def _timeline(session: Session, run: str | None, *, dark: bool) -> Any:
    """Draw what ran when."""
    return session.run(run).timeline(dark=dark)


@command(word("name", "graph", "a workflow or a run; the latest run", nargs="?"), DARK)
def _graph(session: Session, name: str | None, *, dark: bool) -> Any:
    """Draw a workflow, or how far a run has come in it."""
    from attune_nb import charts  # noqa: PLC0415 - matplotlib is heavy

    ran = name is None or name in session.last or name not in session.workflows
    return charts.graph(session.run(name) if ran else session.workflow(str(name)), dark=dark)


@command(RUN)
def _events(session: Session, run: str | None) -> Text:
    """Show the last events of a run's record."""
    events = session.run(run).events
    lines = [f"{each.time:10.3f} s  {type(each).__name__:<15} {_told(each)}" for each in events]
    more = [f"the last {_EVENTS} of {len(lines):,}:"] if len(lines) > _EVENTS else []
    return Text("\n".join([*more, *lines[-_EVENTS:]]))


def _told(event: Any) -> str:
    named = ("task", "visit", "status", "total", "count", "kind", "reason", "prompt")
    parts = [f"{name}={getattr(event, name)!r}" for name in named if hasattr(event, name)]
    if hasattr(event, "batch"):
        batch = event.batch
        parts.append(f"attempts={len(batch)} failed={batch.failed}")
        parts += [f"cancelled={batch.cancelled}"] if batch.cancelled else []
    return " ".join(parts)


@command(RUN, word("--force", "", "give up on what is under way", action="store_true"))
def _cancel(session: Session, run: str | None, *, force: bool) -> Text:
    """Cancel a run."""
    found = under_way(session, run)
    found.cancel(force=force)
    return Text(f"{found.workflow_name} was asked to stop")


@command(RUN)
def _pause(session: Session, run: str | None) -> Text:
    """Have a run begin nothing more, until `resume`."""
    found = under_way(session, run)
    found.pause()
    return Text(f"{found.workflow_name} begins nothing more until `%attune resume`")


@command(
    word("run", "run", "a variable, a workflow's name or an id"),
    word("task", "task", "the task that asks"),
    word("expression", "expression", "the answer, a Python expression; else text"),
)
def _answer(session: Session, run: str, task: str, expression: str) -> None:
    """Answer a question of `core.ask`."""
    try:
        session.run(run).answer(task, session.value(expression, "answer"))
    except AttuneError as error:
        raise UsageError(str(error)) from None


@command(word("file", "file", "a workflow's YAML"), word("--as", "", "its name", dest="name"))
def _load(session: Session, file: str, name: str | None) -> Text:
    """Define the workflow of a file."""
    workflow = load_file(file)
    called = name or Path(file).name.split(".")[0]
    session.define(called, workflow, Path(file).read_text(encoding="utf-8"))
    return Text(f"{called}: {counted_tasks(workflow)}, defined")


@command(WORKFLOW, word("file", "file", "where to"))
def _save(session: Session, name: str, file: str) -> Text:
    """Write a workflow's text to a file."""
    session.workflow(name)
    Path(file).write_text(session.texts[name], encoding="utf-8")
    return Text(f"{name} is in {file}")


@command(WORKFLOW, word("folder", "file", "the pack's folder"))
def _export(session: Session, name: str, folder: str) -> Text:
    """Write the two files of an Attune pack."""
    workflow = session.workflow(name)
    ref = workflow.ref or f"notebook.{name}"
    return Text("\n".join(map(str, workflow.export(folder, ref=ref))))


@command()
def _config(session: Session) -> Text:
    """Show what the options default to, and how to change it."""
    magics = session.shell.magics_manager.registry["AttuneMagics"]
    traits = magics.traits(config=True)
    width = max(map(len, traits))
    lines = [
        f"{name:<{width}}  {getattr(magics, name)!r:<9}  {trait.help}"
        for name, trait in sorted(traits.items())
    ]
    lines.append("to change one: `%config AttuneMagics.NAME = VALUE`")
    return Text("\n".join(lines))


@command(RUN)
def _metrics(session: Session, run: str | None) -> View:
    """Show what a run has cost, and its alerts."""
    found = session.run(run)
    figures, alerts = found.metrics, [f"alert: {each}" for each in found.alerts]
    said = {name: f"{value:,.1f}".removesuffix(".0") for name, value in figures.items()}
    width = max(map(len, said))
    lines = [f"{name:<{width}}  {value}" for name, value in said.items()]
    rows = [{"metric": name, "value": value} for name, value in said.items()]
    shown = [table(["metric", "value"], rows), *(element("div", each) for each in alerts)]
    return View(element("div", *shown), "\n".join([*lines, *alerts]))


@command(word("what", "bench", "clone or fanout", metavar="clone|fanout"))
def _bench(_: Session, what: str) -> Any:
    """Measure what an item costs, beside what people would use instead."""
    from IPython.display import display  # noqa: PLC0415 - only a shell has it

    from attune_nb.bench import charted  # noqa: PLC0415 - pandas and matplotlib are heavy

    df, figures = charted(what)
    for figure in figures.values():
        display(figure)  # type: ignore[no-untyped-call, unused-ignore]
    return df

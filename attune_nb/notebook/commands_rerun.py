"""The commands of `%attune` that make a run of another, or let one go on; and tell two apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.display.outputs import Text
from attune_nb.display.panel import View
from attune_nb.html import element, table
from attune_nb.notebook.command import RUN, Begin, command, word
from attune_nb.results.diff import find_differences
from attune_nb.running.history import open_run
from attune_nb.running.resume import resume

if TYPE_CHECKING:
    from attune_nb.notebook.session import Session
    from attune_nb.running.history import AnyRun

__all__ = ["under_way"]


def under_way(session: Session, word: str | None) -> AnyRun:
    """Give a run that has not ended.

    Raises:
        UsageError: It has.
    """
    found = session.run(word)
    if found.has_ended:
        told = f"run {found.run_id} of `{found.workflow_name}` has ended already: {found.status}"
        raise UsageError(told)
    return found


_SET = word("--set", "", "NAME=EXPR: a parameter; repeatable", action="append", default=[])
_BACKEND = word(
    "--backend",
    "",
    "where attempts run: threads, processes, dask or inline; as it began if not told",
)
_WORKERS = word("--workers", "", "threads for a task, or worker processes", type=int, metavar="N")


@command(RUN, _BACKEND, _WORKERS)
def _resume(session: Session, run: str | None, **places: Any) -> Text | Begin:
    """Let a paused run go on, or one whose kernel is gone."""
    where = _given(places)
    if (run is None and session.last) or (run is not None and session.find(run) is not None):
        found = under_way(session, run)
        _refuse_to_move(found, where)
        found.resume()
        return Text(f"{found.workflow_name} goes on")
    stored = open_run(session.interrupted(None, run or "", None), session.store)
    code = _code(session, stored)
    return Begin(
        stored.workflow_name,
        lambda shown: resume(stored.run_id, session.store, progress=shown, **code, **where),
    )


def _given(places: dict[str, Any]) -> dict[str, Any]:
    """Give the options that were told; the others stay as the run began."""
    return {name: each for name, each in places.items() if each is not None}


def _refuse_to_move(run: AnyRun, where: dict[str, Any]) -> None:
    """Refuse to let a run go on elsewhere while its engine is here.

    Raises:
        UsageError: It is to.
    """
    if where:
        options = " ".join(f"--{name} {each}" for name, each in where.items())
        told = f"run {run.run_id} of `{run.workflow_name}` is under way and stays where it is"
        way = f"cancel it, and `%attune retry {run.run_id} {options}` does there what is left"
        raise UsageError(f"{told}; {way}")


def _code(session: Session, run: AnyRun) -> dict[str, Any]:
    """Give what no record holds of a run: its functions, and whether others may be imported."""
    allowed = {"allow_imports": True} if session.allows_imports else {}  # else as it began
    return {"actions": session.actions(run.workflow), **allowed}


@command(
    word("run", "run", "a variable, a workflow's name or an id"),
    word("--at", "task", "the task to run again, with what it leads to", required=True),
    _SET,
    _BACKEND,
    _WORKERS,
)
def _fork(session: Session, run: str, at: str, set: list[str], **places: Any) -> Begin:  # noqa: A002 - its name
    """Run a task of a run and what it leads to once more, and reuse the rest."""
    found, values = session.run(run), session.values(set, "--set")
    options = {**_code(session, found), **_given(places)}
    return Begin(
        found.workflow_name,
        lambda shown: found.fork(at, values, progress=shown, **options),
    )


@command(RUN, _SET, _BACKEND, _WORKERS)
def _retry(session: Session, run: str | None, set: list[str], **places: Any) -> Begin:  # noqa: A002 - its name
    """Run again what failed in a run, and reuse the rest."""
    found, values = session.run(run), session.values(set, "--set")
    options = {**_code(session, found), **_given(places)}
    return Begin(
        found.workflow_name,
        lambda shown: found.retry(parameters=values, progress=shown, **options),
    )


@command(
    word("before", "run", "a variable, a workflow's name or an id"),
    word("after", "run", "another; the latest run", nargs="?"),
)
def _diff(session: Session, before: str, after: str | None) -> View:
    """Show what differs between two runs: parameters, outcome, results, times."""
    one, other = session.run(before), session.run(after)
    found = find_differences(one, other)
    heads = ["what", *(f"{each.workflow_name} {each.run_id[:6]}" for each in (one, other))]
    rows = [dict(zip(heads, each, strict=True)) for each in found]
    width = [max(len(row[head]) for row in [dict(zip(heads, heads, strict=True)), *rows])
             for head in heads]  # fmt: skip
    lines = ["  ".join(f"{text:<{wide}}" for text, wide in zip(line, width, strict=True)).rstrip()
             for line in (heads, *found)]  # fmt: skip
    if not rows:
        return View(element("div", "they do not differ"), "they do not differ")
    return View(table(heads, rows), "\n".join(lines))

"""The commands of `%attune` for workflows, for its configuration, and for benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.display.outputs import Text
from attune_nb.html import printable
from attune_nb.notebook.command import WORKFLOW, argument, command
from attune_nb.running.workflow import Workflow, load_file
from attune_nb.running.workflow_view import default_ref

if TYPE_CHECKING:
    from attune_nb.notebook.session import Session

__all__ = ["define_workflow", "print_warnings"]


def define_workflow(session: Session, name: str, workflow: Workflow, text: str) -> Text:
    """Define a workflow, and return a message about it."""
    session.define(name, workflow, text)
    return Text(f"{name}: {_count_tasks(workflow)}, defined")


def print_warnings(workflow: Workflow) -> None:
    """Print a line for each warning of a workflow that is being defined."""
    for problem in workflow.warnings():
        sys.stderr.write(f"warning: {printable(str(problem))}\n")


def _count_tasks(workflow: Workflow) -> str:
    count = len(workflow.tasks)
    if count == 1:
        return "1 task"
    return f"{count:,} tasks"


@command()
def _list(session: Session) -> Text:
    """List the workflows that are defined."""
    if not session.workflows:
        return Text("no workflow is defined yet: define one in a cell with `%%attune NAME`")

    workflows = session.workflows.items()
    return Text("\n".join(f"{name}: {_count_tasks(workflow)}" for name, workflow in workflows))


@command(WORKFLOW)
def _show(session: Session, name: str) -> Text:
    """Show a workflow's text."""
    # raises if it is not defined
    session.get_workflow(name)
    return Text(session.texts[name])


@command(
    argument("file", "file", "the workflow's YAML file"),
    argument(
        "--as", "", "the name to define it under; by default its own, or the file's", dest="name"
    ),
)
def _load(session: Session, file: str, name: str | None) -> Text:
    """Define the workflow of a file."""
    workflow = load_file(file)
    path = Path(file)

    if name is None:
        name = workflow.own_name
    if name is None:
        name = path.name.split(".")[0]
    print_warnings(workflow)
    return define_workflow(session, name, workflow, path.read_text(encoding="utf-8"))


@command(WORKFLOW, argument("file", "file", "the file to write"))
def _save(session: Session, name: str, file: str) -> Text:
    """Write a workflow's text to a file."""
    # raises if it is not defined
    session.get_workflow(name)
    Path(file).write_text(session.texts[name], encoding="utf-8")
    return Text(f"{name} is saved in {file}")


@command(WORKFLOW, argument("folder", "file", "the folder of the pack"))
def _export(session: Session, name: str, folder: str) -> Text:
    """Write the two files of an Attune pack."""
    workflow = session.get_workflow(name)
    ref = workflow.ref
    if not ref:
        ref = default_ref(folder, name, pack="notebook")

    paths = workflow.export(folder, ref=ref)
    return Text("\n".join(map(str, paths)))


@command()
def _config(session: Session) -> Text:
    """Show the defaults of the options, and how to change them."""
    magics = session.shell.magics_manager.registry["AttuneMagics"]
    traits = magics.traits(config=True)
    width = max(map(len, traits))

    lines = []
    for name, trait in sorted(traits.items()):
        lines.append(f"{name:<{width}}  {getattr(magics, name)!r:<9}  {trait.help}")
    lines.append("to change one: `%config AttuneMagics.NAME = VALUE`")
    return Text("\n".join(lines))


@command(argument("benchmark", "bench", "clone or fanout", metavar="clone|fanout"))
def _bench(_: Session, benchmark: str) -> Any:
    """Measure the cost of an item, and compare it with other ways to run it."""
    from IPython.display import display  # noqa: PLC0415 - only a shell has it

    from attune_nb.bench import run_benchmark  # noqa: PLC0415 - pandas and matplotlib are heavy

    df, figures = run_benchmark(benchmark)
    for figure in figures.values():
        display(figure)  # type: ignore[no-untyped-call, unused-ignore]
    return df

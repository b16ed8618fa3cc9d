"""The command `publish`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from attune_nb.cli.output import ERRORS, exit_with_error, exit_without_extra
from attune_nb.cli.values import read_pairs
from attune_nb.display.terminal import is_terminal
from attune_nb.errors import AttuneError, RunFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["publish"]


def publish(
    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="the file of a notebook")],
    param: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--param",
            "--set",
            metavar="NAME=VALUE",
            help="a value (JSON or string) for the cell tagged `parameters`; shown in the page",
        ),
    ] = None,
    to: Annotated[str, typer.Option(metavar="FORMAT", help="the page's format: html")] = "html",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="the page, or its folder; by default beside the notebook",
        ),
    ] = None,
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going",
            help="execute the cells after a failed one and write the page; the exit status is 1",
        ),
    ] = False,
) -> None:
    """Execute a copy of NOTEBOOK from top to bottom, and write it as an HTML page."""
    try:
        from attune_nb.notebook import publish as publishing  # noqa: PLC0415 - an extra's packages
    except ImportError as error:
        exit_without_extra(error, "publish")

    try:
        with _showing_progress(notebook.name) as show_progress:
            page = publishing.publish(
                notebook,
                output,
                read_pairs(param, "-p"),
                to=to,
                keep_going=keep_going,
                on_cell_start=show_progress,
            )
    except RunFailed as error:
        ERRORS.print(str(error), markup=False)
        if not keep_going:
            ERRORS.print("no page was written; `--keep-going` publishes it anyway", markup=False)
        raise typer.Exit(1) from None
    except (AttuneError, OSError, ValueError) as error:
        exit_with_error(error)

    size = page.stat().st_size
    typer.echo(f"{page}: {size / 1e6:.2f} MB")
    if size > publishing.LARGE_PAGE:
        ERRORS.print(f"this is a large page: over {publishing.LARGE_PAGE / 1e6:g} MB", markup=False)


@contextlib.contextmanager
def _showing_progress(name: str) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a function that shows in the terminal which cell is executed; None without one."""
    # the console takes any output for a terminal if FORCE_COLOR is set, as in a cell of Jupyter
    if not is_terminal(sys.stderr):
        yield None
        return

    with ERRORS.status(f"executing {name}") as status:

        def show_progress(number: int, count: int) -> None:
            status.update(f"{name}: code cell {number} of {count}")

        yield show_progress

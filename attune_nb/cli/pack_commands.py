"""The commands about Attune packs: `pack install`, `pack list` and `pack uninstall`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated

import typer

from attune_nb.cli.output import exit_with_error
from attune_nb.cli.usage_errors import CommandGroup
from attune_nb.errors import AttuneError, PackError, nearest
from attune_nb.html import printable

__all__ = ["pack_commands"]

pack_commands = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Install the packages that Attune packs need, and remove them.",
)


@pack_commands.callback()
def _pack() -> None:
    """Install the packages that Attune packs need, and remove them."""


@pack_commands.command()
def install(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="a pack, or a folder of packs")],
    constraint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PACKAGE==VERSION",
            help="the version of a package, or a range such as `attune-sdk<0.4`; repeatable",
        ),
    ] = None,
) -> None:
    """Install the packages that the pack in FOLDER needs, in an environment of its own.

    Nothing is made if the Python of attune-nb has all of them. The environments lie in the user's
    cache, or in the folder that ATTUNE_NB_CACHE names.
    """
    from attune_nb.packs.environments.requirements import split_constraints  # noqa: PLC0415 - slow
    from attune_nb.packs.installation import install_packs  # noqa: PLC0415 - as above

    try:
        constraints = split_constraints(constraint)
        install_packs(folder, constraints=constraints, progress=_print_line)
    except AttuneError as error:
        exit_with_error(error)


@pack_commands.command("list")
def list_installed() -> None:
    """List the environments that were made for packs."""
    from attune_nb.packs.environments import cache  # noqa: PLC0415 - only this command needs it

    environments = cache.list_environments()
    if not environments:
        typer.echo("no environment was made for a pack")
    for environment in environments:
        limits = [f"{name}{limit}" for name, limit in environment.constraints.items()]
        size = cache.measure_environment(environment) / 1_000_000
        words = [environment.pack, f"{size:,.1f} MB", environment.base, *limits, environment.folder]
        _print_line("  ".join(words))


@pack_commands.command()
def uninstall(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="the ref of a pack, such as jira")],
) -> None:
    """Remove the environments that were made for PACK."""
    from attune_nb.packs.environments import cache  # noqa: PLC0415 - only this command needs it

    environments = cache.list_environments()
    chosen = [environment for environment in environments if environment.pack == pack]
    if not chosen:
        refs = [environment.pack for environment in environments]
        exit_with_error(PackError(f"no environment was made for `{pack}`{nearest(pack, refs)}"))

    for environment in chosen:
        try:
            cache.remove_environment(environment)
        except OSError as error:
            exit_with_error(error)
        _print_line(f"removed {environment.folder}")


def _print_line(line: str) -> None:
    """Print a line at once, with control characters as visible text."""
    typer.echo(printable(line))

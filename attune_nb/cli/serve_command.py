"""The command `serve`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from attune_nb.cli.options import (  # noqa: TC001 - typer reads the annotations
    Actions,
    AllowImports,
    Packs,
    Store,
)
from attune_nb.cli.output import exit_with_error, exit_without_extra
from attune_nb.errors import AttuneError

__all__ = ["serve"]

_FOLDER = Path()

# the name of a setting of Jupyter
_SETTING = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*")


def serve(
    folder: Annotated[
        Path,
        typer.Argument(help="the folder whose records are shown; by default the current one"),
    ] = _FOLDER,
    store: Store = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="the port [default: 8899, or the first free one after it]; 0 is any free one",
            min=0,
            max=65535,
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="show runs, and take no commands")
    ] = False,
    allow_start: Annotated[
        bool,
        typer.Option(
            "--allow-start",
            help="allow to start workflows of the folder: a holder of the token can run code",
        ),
    ] = False,
    actions: Actions = None,
    packs: Packs = None,
    allow_imports: AllowImports = False,
    open_browser: Annotated[
        bool, typer.Option("--open", help="open the page in a browser")
    ] = False,
    jupyter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="a setting of Jupyter Server, such as ServerApp.certfile=FILE; repeatable",
        ),
    ] = None,
) -> None:
    """Serve a page of the runs at 127.0.0.1, where they can be watched and steered."""
    if read_only and allow_start:
        exit_with_error(AttuneError("--read-only and --allow-start contradict each other"))
    has_code = bool(actions) or bool(packs) or allow_imports
    if has_code and not allow_start:
        exit_with_error(
            AttuneError(
                "--actions, --pack and --allow-imports are for runs that the server starts: add "
                "--allow-start"
            )
        )

    try:
        from attune_nb.server import serve as serving  # noqa: PLC0415 - an extra's packages
    except ImportError as error:
        exit_without_extra(error, "server")

    try:
        serving.serve(
            folder,
            port=port,
            store=store,
            read_only=read_only,
            allow_start=allow_start,
            action_files=actions or (),
            packs=packs or (),
            allow_imports=allow_imports,
            open_browser=open_browser,
            settings=_read_settings(jupyter),
        )
    except AttuneError as error:
        exit_with_error(error)


def _read_settings(words: list[str] | None) -> dict[str, str]:
    """Return the settings of `--jupyter NAME=VALUE`, by name.

    Raises:
        AttuneError: One has another form.
    """
    settings: dict[str, str] = {}
    if words is None:
        return settings

    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not _SETTING.fullmatch(name):
            raise AttuneError(
                f"--jupyter {word}: must be CLASS.NAME=VALUE, such as ServerApp.certfile=FILE"
            )
        settings[name] = value
    return settings

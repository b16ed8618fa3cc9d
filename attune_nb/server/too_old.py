"""The extension in place of the real one, if Jupyter Server is older than it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

__all__ = ["explain_old_version"]

# as in the extra `server` of pyproject.toml
_LEAST = (2, 13)


def explain_old_version() -> str:
    """Return why the installed Jupyter Server cannot show runs; an empty string if it can."""
    import jupyter_server  # noqa: PLC0415 - Jupyter has imported it; others may not have it

    if tuple(jupyter_server.version_info[:2]) >= _LEAST:
        return ""
    least = ".".join(str(number) for number in _LEAST)
    return (
        f"runs are shown by jupyter_server {least} or newer, and {jupyter_server.__version__} is "
        "installed: pip install 'attune_nb[server]'"
    )


def _load_jupyter_server_extension(serverapp: ServerApp) -> None:
    """Write why there is no page of runs to the log: it is no fault of the server."""
    serverapp.log.info(explain_old_version())

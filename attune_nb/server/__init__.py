"""The Jupyter Server extension: runs seen and steered from a browser.

Jupyter imports this module when it starts, so it imports nothing but the extension itself, and that
only when Jupyter asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# `jupyter server extension list` shows it
from attune_nb import __version__

if TYPE_CHECKING:
    from attune_nb.server.read_only import ReadOnly

__all__ = ["ReadOnly", "__version__"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Return the application that Jupyter adds to its server.

    With a version of Jupyter Server that is too old it is a module that only says so.
    """
    from attune_nb.server.too_old import explain_old_version  # noqa: PLC0415 - as the next one

    if explain_old_version():
        return [{"module": "attune_nb.server.too_old"}]

    from attune_nb.server.app import AttuneApp  # noqa: PLC0415 - only a server needs it

    return [{"module": "attune_nb.server.app", "app": AttuneApp}]


def __getattr__(name: str) -> Any:
    """Import the authorizer when a configuration names it."""
    if name != "ReadOnly":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from attune_nb.server.read_only import ReadOnly  # noqa: PLC0415 - only a server needs it

    return ReadOnly

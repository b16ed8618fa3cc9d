"""An authorizer with which a server shows runs and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.authorizer import Authorizer

if TYPE_CHECKING:
    from jupyter_server.auth.identity import User
    from jupyter_server.base.handlers import JupyterHandler

__all__ = ["ReadOnly"]


class ReadOnly(Authorizer):
    """Allow everyone who is logged in to see runs, and nothing else.

    Commands and starts are refused, and so are kernels, files and all other services of Jupyter:

        c.ServerApp.authorizer_class = "attune_nb.server.ReadOnly"
    """

    def is_authorized(
        self,
        handler: JupyterHandler,  # noqa: ARG002 - Jupyter calls it by these names
        user: User,  # noqa: ARG002
        action: str,
        resource: str,
    ) -> bool:
        """Return whether an action on a resource is to look at runs."""
        return resource == "attune" and action == "read"

"""The pages of HTML."""

from __future__ import annotations

import time
from typing import Any

from jupyter_core.utils import ensure_async

from attune_nb.server.web.access import RESOURCE, AttunePage, requires

__all__ = ["RunsPage"]

_THEMES = ("light", "dark")

# extensions of Jupyter that open notebooks, the better one first, and their addresses
_NOTEBOOK_APPS = {"lab": "lab/tree/", "notebook": "notebooks/"}


class RunsPage(AttunePage):
    """The page of all runs, and of one run: a frame that its script fills."""

    @requires("read")
    async def get(self, run_id: str = "") -> None:
        """Send the page."""
        # sets the cookie that the script sends back with each command
        self.xsrf_token  # noqa: B018
        theme = self.get_query_argument("theme", "")
        if theme not in _THEMES:
            theme = ""

        page = self.render_template(
            "runs.html",
            attune_url=f"{self.base_url}attune",
            run_id=run_id,
            theme=theme,
            permissions=" ".join(await self._permissions()),
            notebooks_url=self._notebooks_url(),
            root=f"{str(self.serverapp.root_dir).rstrip('/')}/",
            now=time.time(),
        )
        self.finish(page)

    async def _permissions(self) -> list[str]:
        """Return the permissions of the reader besides looking: `write` (commands), and `start`.

        The page shows only the buttons that work; each call is checked again.
        """
        permissions = []
        if await self._may("write", RESOURCE):
            permissions.append("write")

        app: Any = self.extensionapp
        if app.allow_start:
            may_execute = await self._may("execute", RESOURCE)
            if may_execute and await self._may("execute", "kernels"):
                permissions.append("start")
        return permissions

    async def _may(self, action: str, resource: str) -> bool:
        allowed = self.authorizer.is_authorized(self, self.current_user, action, resource)
        return bool(await ensure_async(allowed))

    def _notebooks_url(self) -> str:
        """Return the address that the path of a notebook is added to; empty if none opens it."""
        manager = self.serverapp.extension_manager
        names = set()
        for package, apps in manager.extension_apps.items():
            if manager.extensions[package].enabled:
                names |= {app.name for app in apps}

        for name, address in _NOTEBOOK_APPS.items():
            if name in names:
                return f"{self.base_url}{address}"
        return ""

"""The pages of HTML."""

from __future__ import annotations

from attune_nb.server.access import AttunePage, requires

__all__ = ["RunsPage"]


class RunsPage(AttunePage):
    """The page of all runs, and of one run: a frame that its script fills."""

    @requires("read")
    async def get(self, run_id: str = "") -> None:
        """Send the page."""
        # sets the cookie that the script sends back with each command
        self.xsrf_token  # noqa: B018
        self.finish(
            self.render_template("runs.html", attune_url=f"{self.base_url}attune", run_id=run_id)
        )

"""The answer to addresses of the API that no route has."""

from __future__ import annotations

from attune_nb.server.web.access import ApiError, AttuneHandler, requires
from attune_nb.server.web.route import PREFIX

__all__ = ["UNKNOWN_PATTERN", "UnknownHandler"]

UNKNOWN_PATTERN = f"{PREFIX}/api/.*"
"""All addresses of the API: the last route, so that it gets only addresses that no other takes."""


class UnknownHandler(AttuneHandler):
    """Answer 404 as JSON; Jupyter would answer with a page."""

    @requires("read")
    async def get(self) -> None:
        """Answer 404.

        Raises:
            ApiError: Always.
        """
        raise ApiError(
            404,
            f"the API has no address {self.request.path}; {self.base_url}attune/api/openapi.json "
            "describes those that it has",
        )

    @requires("write")
    async def post(self) -> None:
        """Answer 404.

        Raises:
            ApiError: Always.
        """
        raise ApiError(404, f"the API has no address {self.request.path}")

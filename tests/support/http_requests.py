"""`core.http_request` called from plain functions."""

import asyncio
from typing import Any

from attune_nb.actions import http

__all__ = ["http_request"]


def http_request(*args: Any, **named: Any) -> dict[str, Any]:
    """Send a request in a loop of its own, and wait for the response."""
    return asyncio.run(http.http_request(*args, **named))

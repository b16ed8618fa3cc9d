"""The routes for keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.packs.api.keys import Key, KeyRequest, KeyUpdate
from attune_nb.packs.api.replies import ApiError, decode_body, wrap

if TYPE_CHECKING:
    from attune_nb.packs.api.call import Call
    from attune_nb.packs.api.run_services import RunServices

__all__ = ["create", "read", "update"]


def create(services: RunServices, call: Call) -> tuple[int, Any]:
    """Add a key, for this run only."""
    return 201, wrap(services.keys.create(decode_body(call.body, KeyRequest)))


def read(services: RunServices, call: Call) -> tuple[int, Any]:
    """Return a key with its value.

    The older platform leaves out the value of an encrypted key unless the query has
    `decrypt=true`; the newer one knows no such query. It is left out only for `decrypt=false`.
    """
    try:
        key = services.keys.find(call.ref)
    except ApiError as error:
        # the action itself may report less than this
        services.note(f"action `{call.attempt.action}` asked for a key: {error}")
        raise
    if call.query.get("decrypt", "").lower() in ("false", "0"):
        key = _without_value(key)
    return 200, wrap(key)


def update(services: RunServices, call: Call) -> tuple[int, Any]:
    """Change a key, for this run only."""
    return 200, wrap(services.keys.update(call.ref, decode_body(call.body, KeyUpdate)))


def _without_value(key: Key) -> Key:
    if not key.encrypted:
        return key
    return msgspec.structs.replace(key, value=None)

"""The token by which a process of a pack is known to the loopback API.

A token holds the number of its execution and the action's ref, signed with the run's own secret.
So an attempt on any backend makes its own, and the server needs no list of those that it accepts.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

__all__ = ["AttemptIdentity", "make_token", "read_token"]


class AttemptIdentity(msgspec.Struct, frozen=True):
    """The attempt that a token names.

    Attributes:
        execution: The number of the execution: `ATTUNE_EXEC_ID`.
        action: The action's ref.
    """

    execution: int
    action: str


def make_token(api_key: str, identity: AttemptIdentity) -> str:
    """Return the token of an attempt: `EXECUTION:ACTION:SIGNATURE`."""
    name = f"{identity.execution}:{identity.action}"
    return f"{name}:{_sign(api_key, name)}"


def read_token(api_key: str, token: str) -> AttemptIdentity | None:
    """Return the attempt of a token, or None if this run's secret did not sign it.

    The comparison takes the same time for every wrong signature.
    """
    name, _, signature = token.rpartition(":")
    expected = _sign(api_key, name)
    is_signed = hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode())
    if not api_key or not is_signed:
        return None

    execution, _, action = name.partition(":")
    return AttemptIdentity(int(execution), action)


def _sign(api_key: str, name: str) -> str:
    content = name.encode("utf-8", "replace")
    return hmac.new(api_key.encode(), content, hashlib.sha256).hexdigest()

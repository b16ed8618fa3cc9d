"""The token by which the loopback API recognizes a process of a pack.

A token holds the number of its execution, the action's ref and the task, signed with the run's own
secret. So an attempt on any backend makes its own token, and the server needs no list of valid
tokens.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

__all__ = ["AttemptIdentity", "make_token", "read_token"]


class AttemptIdentity(msgspec.Struct, frozen=True):
    """The attempt that a token names.

    Attributes:
        execution: The number of the execution: `ATTUNE_EXEC_ID`.
        action: The action's ref.
        task: The path of the task; empty within a nested workflow.
    """

    execution: int
    action: str
    task: str = ""


def make_token(api_key: str, identity: AttemptIdentity) -> str:
    """Return the token of an attempt: `IDENTITY.SIGNATURE`, in ASCII, for a header."""
    content = urlsafe_b64encode(msgspec.json.encode(identity)).decode()
    return f"{content}.{_sign(api_key, content)}"


def read_token(api_key: str, token: str) -> AttemptIdentity | None:
    """Return the attempt of a token, or None if this run's secret did not sign it.

    The comparison takes the same time for every wrong signature.
    """
    content, _, signature = token.rpartition(".")
    expected = _sign(api_key, content)
    is_signed = hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode())
    if not api_key or not is_signed:
        return None
    return msgspec.json.decode(urlsafe_b64decode(content), type=AttemptIdentity)


def _sign(api_key: str, content: str) -> str:
    data = content.encode("utf-8", "replace")
    return hmac.digest(api_key.encode(), data, "sha256").hex()

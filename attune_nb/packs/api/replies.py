"""The bodies and replies of the loopback API, in the shapes of the platform."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MAX_REF_LENGTH",
    "ApiError",
    "check_ref",
    "decode_body",
    "describe_error",
    "now",
    "page",
    "wrap",
]

MAX_REF_LENGTH = 255
"""The characters that the ref of a key or an artifact may have."""

_Body = TypeVar("_Body")


class ApiError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: The HTTP status.
        code: A word for programs, such as `NOT_FOUND`.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def wrap(value: Any) -> dict[str, Any]:
    """Return the reply for a single value."""
    return {"data": value}


def page(items: Sequence[Any], number: int, size: int) -> dict[str, Any]:
    """Return the reply for one page of a list.

    Args:
        items: The items of all pages.
        number: The page, from 1.
        size: The number of items of a page.
    """
    start = (number - 1) * size
    total_pages = -(-len(items) // size)
    return {
        "items": list(items[start : start + size]),
        "pagination": {
            "page": number,
            "page_size": size,
            "total_items": len(items),
            "total_pages": total_pages,
            "has_next": number < total_pages,
            "has_previous": number > 1,
        },
    }


def describe_error(error: ApiError) -> dict[str, Any]:
    """Return the reply for an error."""
    return {"error": str(error), "code": error.code}


def decode_body(body: bytes, kind: type[_Body]) -> _Body:
    """Return the body of a request. Unknown fields are left out.

    Raises:
        ApiError: It is no JSON, or a field is missing or has another type.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(400, "BAD_REQUEST", f"the body of the request: {error}") from None


def check_ref(ref: str, noun: str) -> None:
    """Raise for a ref that is empty, too long or not printable.

    Args:
        ref: The ref.
        noun: The thing that it names, as the message calls it: "a key".

    Raises:
        ApiError: The ref is invalid.
    """
    if not ref or len(ref) > MAX_REF_LENGTH or not ref.isprintable():
        raise ApiError(
            400,
            "BAD_REQUEST",
            f"the ref of {noun} must have 1 to {MAX_REF_LENGTH} printable characters",
        )


def now() -> str:
    """Return the time in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat()

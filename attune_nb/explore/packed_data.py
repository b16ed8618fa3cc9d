"""The data within a page: JSON, deflated, as letters that need no escape in HTML.

The letters are those of base64 for URLs. Those of plain base64 would hold `/`, and so could
look like a path, of which a published page removes those of its machine.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["change_texts", "pack_data", "unpack_data"]

# the best: the data are packed once, and kept in notebooks
_LEVEL = 9

# around the data, in a page and in the attribute of an iframe that holds one
_BORDERS = (
    ('<script type="text/plain" id="data">', "</script>"),
    ("&lt;script type=&quot;text/plain&quot; id=&quot;data&quot;&gt;", "&lt;/script&gt;"),
)

# the key that only packed columns have, whose letters are no text
_COLUMN_KEY = "differences"


def pack_data(data: Any) -> str:
    """Return data as letters."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), _LEVEL)).decode("ascii")


def unpack_data(letters: str) -> Any:
    """Return the data of letters.

    Raises:
        ValueError: The letters are no packed data.
    """
    try:
        return json.loads(zlib.decompress(base64.urlsafe_b64decode(letters)))
    except zlib.error as error:
        raise ValueError(f"no packed data: {error}") from None


def change_texts(html: str, change: Callable[[str], str]) -> str:
    """Return HTML in which the texts of a run's data are changed, wherever it holds a page.

    Args:
        html: A page, or HTML with iframes of pages.
        change: Returns the text to use instead of a text.
    """
    for start, end in _BORDERS:
        before, *pages = html.split(start)
        parts = [before]
        for page in pages:
            letters, border, after = page.partition(end)
            parts.append(f"{start}{_change_packed(letters, change)}{border}{after}")
        html = "".join(parts)
    return html


def _change_packed(letters: str, change: Callable[[str], str]) -> str:
    try:
        data = unpack_data(letters)
    except ValueError:
        # another text that looks like a page
        return letters
    return pack_data(_change_value(data, change))


def _change_value(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with its texts changed, also those within it."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_change_value(element, change) for element in value]
    if isinstance(value, dict):
        if _COLUMN_KEY in value:
            return value
        return {change(key): _change_value(element, change) for key, element in value.items()}
    return value

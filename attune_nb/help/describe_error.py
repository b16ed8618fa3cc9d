"""The attributes of errors, from the docstrings of their classes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from attune_nb.help.describe_action import split_docstring
from attune_nb.help.page import Paragraph, Table
from attune_nb.reference.errors import ERROR_CLASSES

if TYPE_CHECKING:
    from attune_nb.help.page import Block

__all__ = ["describe_attributes", "error_blocks"]


def describe_attributes(name: str) -> dict[str, str]:
    """Return the meaning of each attribute of an error, also of those that a base class has."""
    attributes: dict[str, str] = {}
    error_class = ERROR_CLASSES.get(name)
    if error_class is None:
        return attributes

    for base in reversed(error_class.__mro__):
        if base.__module__ == error_class.__module__ or base.__name__ in ERROR_CLASSES:
            _, descriptions = split_docstring(inspect.getdoc(base) or "")
            attributes |= descriptions

    # an argument of the constructor may be no attribute
    example = error_class("")
    return {name: text for name, text in attributes.items() if hasattr(example, name)}


def error_blocks(name: str) -> list[Block]:
    """Return the blocks about the attributes of an error; none if it has no further ones."""
    attributes = describe_attributes(name)
    if not attributes:
        return []
    rows = tuple((f"`{attribute}`", text) for attribute, text in attributes.items())
    return [Paragraph("Attributes:"), Table(rows)]

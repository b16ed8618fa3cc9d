"""The errors, from the docstrings of their classes, and the types of errors without a class.

A type stands in the column `error_type`, and in `retry: {on_error: ...}`.
"""

from __future__ import annotations

import inspect

import attune_nb.errors
from attune_nb.actions import http_errors
from attune_nb.errors import AttuneError
from attune_nb.reference.entry import Entry

__all__ = ["ERRORS", "ERROR_CLASSES", "error_classes"]

_SECTION_STARTS = ("Args:", "Attributes:")

_RAISED = "attune_nb.errors"
_HTTP = "core.http_request"
_TYPES = "tasks"

# types of errors that the conductor or a backend makes
_OTHER_TYPES = {
    "Cancelled": "The run was cancelled while the attempt ran.",
    "ParallelFailed": "A task of a parallel task failed. The message names the first one.",
    "WorkerLost": (
        "The process of a worker died while it ran the item. It is retried, unless its action is "
        "declared not idempotent."
    ),
    "NestingError": "Workflows run each other without end.",
    "InquiryCancelled": "The inquiry that the task waits for was cancelled.",
    "InquiryReferenceInvalid": "`wait_for` names no inquiry of the run.",
}


def error_classes(module: object) -> dict[str, type[Exception]]:
    """Return the public errors of a module by name, in the order of its text."""
    names: list[str] = list(getattr(module, "__all__", ()))
    values = {name: value for name, value in vars(module).items() if name in names}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, type) and issubclass(value, Exception)
    }


def _describe(error_class: type[Exception]) -> str:
    """Return the docstring of a class, without the sections about its attributes."""
    paragraphs = []
    for paragraph in (inspect.getdoc(error_class) or "").split("\n\n"):
        if paragraph.startswith(_SECTION_STARTS):
            break
        paragraphs.append(" ".join(paragraph.split()))
    return " ".join(paragraphs)


def _class_entry(name: str, error_class: type[Exception], group: str) -> Entry:
    # a private class between two public ones is left out
    bases = [base for base in error_class.__mro__[1:] if not base.__name__.startswith("_")]
    related = () if error_class is AttuneError else (bases[0].__name__,)
    return Entry("error", name, _describe(error_class), related=related, group=group)


ERROR_CLASSES: dict[str, type[Exception]] = {
    **error_classes(attune_nb.errors),
    **error_classes(http_errors),
}
"""The classes of errors by name."""

ERRORS: tuple[Entry, ...] = (
    *(
        _class_entry(name, error_class, _RAISED)
        for name, error_class in error_classes(attune_nb.errors).items()
    ),
    *(
        _class_entry(name, error_class, _HTTP)
        for name, error_class in error_classes(http_errors).items()
    ),
    *(Entry("error", name, text, group=_TYPES) for name, text in _OTHER_TYPES.items()),
)
"""The errors: those that attune_nb raises, those of requests, and the types without a class."""

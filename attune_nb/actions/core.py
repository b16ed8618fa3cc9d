"""The smallest actions: noop, echo, sleep, ask, fail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

from attune_nb.actions.arguments import check_arguments
from attune_nb.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.actions.arguments import Seconds
    from attune_nb.actions.cancel import CancelToken

__all__ = ["ask", "echo", "fail", "noop", "sleep"]


def noop(**input: Any) -> dict[str, Any]:  # noqa: A002 - the key of a task
    """Return the input."""
    return input


def echo(message: Any) -> dict[str, Any]:
    """Return the message as `message`.

    Args:
        message: Any value.
    """
    return {"message": message}


@check_arguments()
def sleep(seconds: Seconds, *, cancel: CancelToken | None = None) -> dict[str, Any]:
    """Wait.

    Args:
        seconds: The duration, 0 or more.
        cancel: Ends the wait early.

    Raises:
        ActionError: The duration is invalid, or the wait was cancelled.
    """
    if cancel is None:
        time.sleep(seconds)
    elif cancel.wait(seconds):
        raise ActionError("the sleep was cancelled")
    return {"seconds": seconds}


@check_arguments()
def ask(prompt: str, response_schema: Mapping[str, Any] | None = None) -> NoReturn:
    """Ask a question; the conductor itself waits for the answer and returns `{response}`.

    Args:
        prompt: The question, which is also the label of its form.
        response_schema: The kind of the answer, as JSON Schema, or as a flat object of names and
            their declarations; without it the form takes text.

    Raises:
        ActionError: Always, since outside a workflow no answer can come.
    """
    raise ActionError(f"core.ask works only as a task of a workflow ({prompt}, {response_schema})")


@check_arguments()
def fail(message: str) -> NoReturn:
    """Fail with the message.

    Args:
        message: The reason.

    Raises:
        ActionError: Always.
    """
    raise ActionError(message)

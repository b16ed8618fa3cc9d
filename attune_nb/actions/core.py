"""The smallest actions: do nothing, say something, wait, fail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

from attune_nb.actions.arguments import judged
from attune_nb.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.actions.arguments import Seconds
    from attune_nb.actions.cancel import CancelToken

__all__ = ["ask", "echo", "fail", "noop", "sleep"]


def noop(**input: Any) -> dict[str, Any]:  # noqa: A002 - the word a workflow uses
    """Do nothing, and give the input back."""
    return input


def echo(message: Any) -> dict[str, Any]:
    """Give the message back as `message`."""
    return {"message": message}


@judged()
def sleep(seconds: Seconds, *, cancel: CancelToken | None = None) -> dict[str, Any]:
    """Wait.

    Args:
        seconds: How long; 0 or more.
        cancel: Ends the wait early.

    Raises:
        ActionError: The duration is none, or the wait was cancelled.
    """
    if cancel is None:
        time.sleep(seconds)
    elif cancel.wait(seconds):
        raise ActionError("the sleep was cancelled")
    return {"seconds": seconds}


@judged()
def ask(prompt: str, response_schema: Mapping[str, Any] | None = None) -> NoReturn:
    """Ask a person; the conductor itself waits for the answer and gives `{response}`.

    Args:
        prompt: The question.
        response_schema: JSON Schema of the answer; any answer does without one.

    Raises:
        ActionError: Always: nobody can be asked outside a workflow.
    """
    raise ActionError(f"core.ask works only as a task of a workflow ({prompt}, {response_schema})")


@judged()
def fail(message: str) -> NoReturn:
    """Fail with the message.

    Raises:
        ActionError: Always.
    """
    raise ActionError(message)

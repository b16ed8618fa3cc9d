"""Run the coroutine of an action to its end, in the thread that makes the attempt."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from attune_nb.actions.cancel import CancelToken

__all__ = ["run_coroutine"]


def run_coroutine(coroutine: Coroutine[Any, Any, Any], token: CancelToken) -> Any:
    """Run a coroutine to its end and return its result; the token cancels it.

    If this thread already runs an event loop (the inline backend in a notebook), the coroutine
    runs in the loop of another thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_run_cancellable(coroutine, token))

    outcomes: list[tuple[Any, BaseException | None]] = []

    def run_in_thread() -> None:
        try:
            result = asyncio.run(_run_cancellable(coroutine, token))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            outcomes.append((None, error))
        else:
            outcomes.append((result, None))

    thread = threading.Thread(target=run_in_thread, name="attune coroutine", daemon=True)
    thread.start()
    thread.join()

    result, error = outcomes[0]
    if error is not None:
        raise error

    return result


async def _run_cancellable(coroutine: Coroutine[Any, Any, Any], token: CancelToken) -> Any:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(coroutine)
    with token.on_cancel(lambda: loop.call_soon_threadsafe(task.cancel)):
        try:
            return await task
        except asyncio.CancelledError:
            if token.cancelled:
                raise ActionError("the coroutine was cancelled") from None
            raise

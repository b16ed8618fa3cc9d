"""Running an action that is a coroutine to its end, in the thread that makes the attempt."""

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
    """Run a coroutine to its end; the token cancels it.

    Where this thread already runs a loop (the inline backend in a notebook), another thread
    lends its own.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_cancellable(coroutine, token))
    box: list[tuple[Any, BaseException | None]] = []

    def lend() -> None:
        try:
            box.append((asyncio.run(_cancellable(coroutine, token)), None))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            box.append((None, error))

    thread = threading.Thread(target=lend, name="attune coroutine", daemon=True)
    thread.start()
    thread.join()
    value, error = box[0]
    if error is not None:
        raise error
    return value


async def _cancellable(coroutine: Coroutine[Any, Any, Any], token: CancelToken) -> Any:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(coroutine)
    with token.on_cancel(lambda: loop.call_soon_threadsafe(task.cancel)):
        try:
            return await task
        except asyncio.CancelledError:
            if token.cancelled:
                raise ActionError("the coroutine was cancelled") from None
            raise

"""Run the coroutines of actions to their ends, in the thread that makes the attempts."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import TYPE_CHECKING, Any

from attune_nb.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from attune_nb.actions.cancel import CancelToken

__all__ = ["CoroutineRunner", "run_coroutine"]


def run_coroutine(coroutine: Coroutine[Any, Any, Any], token: CancelToken) -> Any:
    """Run a coroutine to its end, in a loop of its own, and return its result.

    Args:
        coroutine: The coroutine.
        token: Cancels it.
    """
    runner = CoroutineRunner()
    try:
        return runner.run(coroutine, token)
    finally:
        runner.close()


class CoroutineRunner:
    """Runs one coroutine after another in the same event loop, which runs only meanwhile.

    So the requests of many items share their connections. A coroutine that leaves tasks behind has
    them cancelled at its end, as `asyncio.run` does, and the next one gets another loop.
    """

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def run(self, coroutine: Coroutine[Any, Any, Any], token: CancelToken) -> Any:
        """Run a coroutine to its end and return its result; the token cancels it.

        If this thread already runs an event loop (the inline backend in a notebook), the coroutine
        runs in another thread.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._run(coroutine, token)

        outcomes: list[tuple[Any, BaseException | None]] = []

        def run_in_thread() -> None:
            try:
                result = self._run(coroutine, token)
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                outcomes.append((None, error))
            else:
                outcomes.append((result, None))

        _call_in_thread(run_in_thread)
        result, error = outcomes[0]
        if error is not None:
            raise error

        return result

    def _run(self, coroutine: Coroutine[Any, Any, Any], token: CancelToken) -> Any:
        if self._runner is None:
            self._runner = asyncio.Runner()

        is_clean = False
        try:
            main = _run_cancellable(coroutine, token)
            # each coroutine has context variables of its own
            result = self._runner.run(main, context=contextvars.copy_context())
            is_clean = True
        except Exception:
            is_clean = True
            raise
        finally:
            # after an interrupt, the loop may be in any state
            if not is_clean or asyncio.all_tasks(self._runner.get_loop()):
                self._close()
        return result

    def close(self) -> None:
        """Close the loop, with the tasks and generators that its coroutines have left open."""
        if self._runner is None:
            return

        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._close()
        else:
            _call_in_thread(self._close)

    def _close(self) -> None:
        if self._runner is not None:
            self._runner.close()
            self._runner = None


def _call_in_thread(function: Any) -> None:
    """Call a function in another thread, and wait for its end."""
    run_in_context = contextvars.copy_context().run
    thread = threading.Thread(
        target=run_in_context, args=(function,), name="attune coroutine", daemon=True
    )
    thread.start()
    thread.join()


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

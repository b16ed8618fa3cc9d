"""The one thread that redraws the displays of all runs in progress."""

from __future__ import annotations

import logging
import threading
import time
from typing import Protocol

__all__ = ["WAIT", "Drawable", "close", "keep_drawn"]

WAIT = 0.1
"""Seconds between two drawings, whatever the number of items."""

_log = logging.getLogger("attune_nb")


class Drawable(Protocol):
    """An object that is drawn again and again until it is closed."""

    def draw(self) -> None:
        """Show the present state."""


_open: list[Drawable] = []
_lock = threading.Lock()
_thread: threading.Thread | None = None


def keep_drawn(drawable: Drawable) -> None:
    """Draw an object ten times a second, until `close`."""
    global _thread  # noqa: PLW0603 - a process has one such thread, or none
    with _lock:
        if drawable not in _open:
            _open.append(drawable)
        if _thread is None:
            _thread = threading.Thread(target=_draw_all, name="attune display", daemon=True)
            _thread.start()


def close(drawable: Drawable) -> None:
    """Stop drawing an object; the thread ends with the last one."""
    with _lock:
        if drawable in _open:
            _open.remove(drawable)


def _draw_all() -> None:
    global _thread  # noqa: PLW0603 - a process has one such thread, or none
    while True:
        time.sleep(WAIT)
        with _lock:
            drawables = list(_open)
            if not drawables:
                _thread = None
                return

        for drawable in drawables:
            try:
                drawable.draw()
            except Exception:  # noqa: BLE001 - a display must not break a run
                _log.warning("the display of a run failed and is dropped", exc_info=True)
                close(drawable)

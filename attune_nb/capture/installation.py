"""Capture while runs are alive: nothing in the process is replaced before or after."""

from __future__ import annotations

import threading

from attune_nb.capture import streams

__all__ = ["install", "uninstall"]

_lock = threading.Lock()


def install() -> None:
    """Capture the output of attempts, until `uninstall` was called as often as this."""
    # logging and the debugger take a moment to import
    from attune_nb.capture.hooks import install_hooks  # noqa: PLC0415

    with _lock:
        if streams.install():
            install_hooks()


def uninstall() -> None:
    """Capture nothing more if no other run needs it."""
    from attune_nb.capture.hooks import remove_hooks  # noqa: PLC0415 - as above

    with _lock:
        if streams.uninstall():
            remove_hooks()

"""Servers that run in a thread while a test uses them."""

import contextlib
import threading

__all__ = ["serve_in_thread"]


@contextlib.contextmanager
def serve_in_thread(server):
    """Run a server of `socketserver` in a thread, and yield it; close it at the end."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        # a handler may still wait for its client
        server.block_on_close = False
        server.server_close()

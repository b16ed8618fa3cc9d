"""One browser for all tests of a process: those of JupyterLab, and those of the server's page."""

from contextlib import contextmanager

import psutil
from playwright.sync_api import expect, sync_playwright

from support.jupyterlab import BROWSER_ARGUMENTS, chromium
from support.shared_processes import SHARED_PROCESSES

__all__ = ["browser_of_session"]

# milliseconds: other tests may run on the machine at the same time
PATIENCE = 90_000


@contextmanager
def browser_of_session():
    """Start a browser, whose processes live until the session ends."""
    expect.set_options(timeout=PATIENCE)
    before = set(psutil.Process().children())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), headless=True, args=BROWSER_ARGUMENTS
        )
        processes = [process for process in psutil.Process().children() if process not in before]
        SHARED_PROCESSES.extend(processes)
        yield browser
        browser.close()
        for process in processes:
            SHARED_PROCESSES.remove(process)

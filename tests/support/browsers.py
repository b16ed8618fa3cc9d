"""A browser for the tests of a module: those of JupyterLab, and those of the server's page."""

from contextlib import contextmanager

from playwright.sync_api import expect, sync_playwright

from support.jupyterlab import BROWSER_ARGUMENTS, chromium

__all__ = ["started_browser"]

# milliseconds: other tests may run on the machine at the same time
PATIENCE = 90_000


@contextmanager
def started_browser():
    """Start a browser, and end it with all its processes."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), headless=True, args=BROWSER_ARGUMENTS
        )
        yield browser
        browser.close()

"""Pages of a server in a browser, watched for errors and for requests to elsewhere."""

from contextlib import contextmanager

from support.jupyterlab import TIMEOUT
from support.page_records import record_page

__all__ = ["served_page"]


@contextmanager
def served_page(browser, server, path="", *, refusals=(), **options):
    """Open a page of the server; assert at the end that all was well.

    There was no error, no violation of the page's policy, and no request to another server.

    Args:
        browser: The browser.
        server: An `AttuneServer`.
        path: The path below `attune`, such as `/runs/ID`.
        refusals: Parts of messages that are expected, as of an answer that is an error.
        options: Options of the page, such as `color_scheme` or `viewport`.
    """
    page = browser.new_page(**{"viewport": {"width": 1200, "height": 900}, **options})
    page.set_default_timeout(TIMEOUT)
    errors, addresses = record_page(page)
    try:
        page.goto(server.page_url(path))
        page.locator("html[data-ready]").wait_for(state="attached")
        yield page

        assert [error for error in errors if not has_part(error, refusals)] == []
        local = (server.origin, f"ws{server.origin.removeprefix('http')}", "data:", "blob:")
        assert [address for address in addresses if not address.startswith(local)] == []
    finally:
        page.close()


def has_part(text, parts):
    """Return whether a text holds one of some parts."""
    return any(part in text for part in parts)

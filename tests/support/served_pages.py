"""Pages of a server in a browser, watched for errors and for requests to elsewhere."""

from contextlib import contextmanager

from support.jupyterlab import TIMEOUT

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
    errors = []
    requests = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    # a browser reports violations of a policy, too, in its console
    page.on("console", lambda message: errors.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    try:
        page.goto(server.page_url(path))
        page.locator("html[data-ready]").wait_for(state="attached")
        yield page
        assert [text for text in errors if not any(part in text for part in refusals)] == []
        local = (server.origin, f"ws{server.origin.removeprefix('http')}", "data:", "blob:")
        assert [url for url in requests if not url.startswith(local)] == []
    finally:
        page.close()

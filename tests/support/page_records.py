"""The errors and the requests of a page in a browser, for assertions at its end."""

__all__ = ["record_page"]


def record_page(page):
    """Return two lists that grow: the errors of a page, and the addresses that it requests.

    A browser reports violations of a page's policy, too, in its console.
    """
    errors = []
    addresses = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text))
    page.on("request", lambda request: addresses.append(request.url))
    return errors, addresses

"""The page of a run in a browser: it is opened as a file, and watched for errors and requests."""

import logging
from contextlib import contextmanager

import attune_nb
from support.jupyterlab import TIMEOUT
from support.page_records import record_page

HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
HOSTILE_TASK = "report <img src=x onerror='window.hacked=1'>"

CHECK = """
tasks:
  - name: prepare
    action: core.noop
    next: [{do: check}]
  - name: check
    action: check
    with_items: "{{ range(ITEMS) }}"
    concurrency: 4
    input: {n: "{{ item }}"}
    next:
      - {when: "{{ failed() }}", do: "HOSTILE_TASK"}
  - {name: "HOSTILE_TASK", action: core.noop}
"""


def check(n):
    if n % 50 != 7 or n > 200:
        return {"server": n, "text": HOSTILE}
    logging.getLogger("checks").warning("server %s %s", n, HOSTILE)
    raise ConnectionError(f"server {n} refused {HOSTILE}")


def run_check(items=200, action=check, **options):
    """Return a run in which the items 7, 57, 107 and 157 fail."""
    text = CHECK.replace("ITEMS", str(items)).replace("HOSTILE_TASK", HOSTILE_TASK)
    options = {"progress": False, "actions": {"check": action}, **options}
    return attune_nb.loads(text, "health").run(**options)


@contextmanager
def watched_page(browser, path, scheme="light"):
    """Open a file; assert at the end that it had no errors, made no request and ran no text.

    Args:
        browser: The browser.
        path: The file.
        scheme: "light" or "dark": the setting of the reader's system.
    """
    page = browser.new_page(viewport={"width": 1000, "height": 720}, color_scheme=scheme)
    page.set_default_timeout(TIMEOUT)
    errors, addresses = record_page(page)
    try:
        page.goto(path.as_uri())
        yield page
        for frame in page.frames:
            assert frame.evaluate("window.hacked") is None
        assert errors == []
        assert set(addresses) == {path.as_uri()}
    finally:
        page.close()


@contextmanager
def opened_page(browser, path, scheme="light"):
    """Open the page of a run, and wait until it is drawn; see `watched_page`."""
    with watched_page(browser, path, scheme) as page:
        page.locator("html[data-ready]").wait_for(state="attached")
        yield page


def explored_frame(page):
    """Return the frame of a run's page within another page, once it is drawn."""
    frame = page.frame_locator("iframe.attune-explore")
    frame.locator("html[data-ready]").wait_for(state="attached")
    return frame

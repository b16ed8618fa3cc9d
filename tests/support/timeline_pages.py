"""The timeline of a run's page, opened as a file in a browser."""

from contextlib import contextmanager

from attune_nb.explore.page import build_page
from support.explored_pages import opened_page

# keys go to the timeline, and each frame is drawn before the next key
PRESS = """async keys => {
  const canvas = document.getElementById('plot-canvas');
  for (const key of keys) {
    canvas.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
    await new Promise(resolve => requestAnimationFrame(resolve));
  }
}"""


class TimelinePage:
    """A run's page in a browser.

    Its content policy forbids `eval`, so `wait_for_function` fails at its second look: wait with
    `expect`, or with `support.item_runs.until`.

    Attributes:
        page: The page.
    """

    def __init__(self, page):
        self.page = page

    @property
    def message(self):
        """The line about the attempt or the lane that is chosen."""
        return self.page.locator("#message")

    @property
    def canvas(self):
        return self.page.locator("#plot-canvas")

    def press(self, *keys):
        """Press keys while the timeline has the focus."""
        self.page.evaluate(PRESS, list(keys))

    def drawn(self, name):
        """Return a figure of the frame that shows the present state: `calls` or `bars`."""
        self.page.evaluate("window.explorer.paint()")
        return int(self.page.evaluate("name => document.documentElement.dataset[name]", name))

    def colour(self, name):
        """Return a colour of the page's style, such as `ink`."""
        style = "getComputedStyle(document.documentElement)"
        return self.page.evaluate(f"name => {style}.getPropertyValue(`--${{name}}`).trim()", name)

    def view(self):
        """Return the span of time that is shown, in seconds."""
        return tuple(self.page.evaluate("[window.explorer.view.from, window.explorer.view.to]"))

    def end(self):
        """Return the end of the run, in seconds."""
        return self.page.evaluate("window.explorer.data.end")


@contextmanager
def opened_timeline(lab, run, folder, theme=None, scheme="light"):
    """Open the page of a run as a file; see `explored_pages.watched_page` for the asserts.

    Args:
        lab: Has the browser.
        run: The run.
        folder: The folder of the file.
        theme: The theme that the page is forced to have.
        scheme: "light" or "dark": the setting of the reader's system.
    """
    path = folder / "page.html"
    path.write_text(build_page(run, theme), encoding="utf-8")
    with opened_page(lab.browser, path, scheme) as page:
        yield TimelinePage(page)

"""The page of a run, opened as a file in a browser."""

from contextlib import contextmanager

from playwright.sync_api import expect

from attune_nb.explore.page import build_page

# keys go to the timeline, and each frame is drawn before the next key
PRESS = """async keys => {
  const canvas = document.getElementById('plot-canvas');
  for (const key of keys) {
    canvas.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
    await new Promise(resolve => requestAnimationFrame(resolve));
  }
}"""


class ExplorePage:
    """A run's page in a browser.

    Its content policy forbids `eval`, so `wait_for_function` fails at its second look: wait with
    `expect`, or with `support.item_runs.until`.

    Attributes:
        page: The page.
        problems: The errors of the page, and the addresses that it asked for.
    """

    def __init__(self, page):
        self.page = page
        self.problems = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._record_error)
        page.on("request", self._record_request)

    def _record_error(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def _record_request(self, request):
        if not request.url.startswith("file:"):
            self.problems.append(request.url)

    @property
    def message(self):
        """The line that says what is chosen."""
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

    def view(self):
        """Return the span of time that is shown, in seconds."""
        return tuple(self.page.evaluate("[window.explorer.view.from, window.explorer.view.to]"))

    def end(self):
        """Return the end of the run, in seconds."""
        return self.page.evaluate("window.explorer.data.end")


@contextmanager
def opened_page(lab, run, folder, theme=None, **options):
    """Open the page of a run as a file; assert at the end that it had no errors.

    Args:
        lab: Has the browser.
        run: The run.
        folder: The folder of the file.
        theme: The theme that the page is forced to have.
        options: Options of the browser's page.
    """
    path = folder / "page.html"
    path.write_text(build_page(run, theme), encoding="utf-8")
    page = lab.browser.new_page(viewport={"width": 1000, "height": 620}, **options)
    try:
        explore_page = ExplorePage(page)
        page.goto(path.as_uri())
        expect(page.locator("html")).to_have_attribute("data-ready", "true")
        yield explore_page
        assert explore_page.problems == []
    finally:
        page.close()

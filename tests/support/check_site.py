"""Look at every page of the built documentation: `python tests/support/check_site.py FOLDER`.

A page must ask no other server for anything, report no error, and not scroll sideways, neither on
a wide screen nor on a phone, neither light nor dark.
"""

import sys
from pathlib import Path

from support.browsers import started_browser

# width in pixels and colour scheme
SCREENS = [(1400, "light"), (390, "dark")]


def problems_of(page, path, width):
    """Open a page, and return its problems."""
    problems = []

    def read_request(request):
        if not request.url.startswith(("file:", "data:", "blob:", "about:")):
            problems.append(f"asks for {request.url}")

    def read_message(message):
        if message.type == "error":
            problems.append(f"reports {message.text}")

    page.on("request", read_request)
    page.on("console", read_message)
    page.on("pageerror", lambda error: problems.append(f"fails with {error}"))
    page.goto(path.resolve().as_uri())
    # frames with runs are loaded when they are scrolled to
    for frame in page.locator("iframe").all():
        frame.scroll_into_view_if_needed()

    content_width = page.evaluate("document.documentElement.scrollWidth")
    if content_width > width:
        problems.append(f"is {content_width} pixels wide on a screen of {width}")
    return problems


def check_site(folder):
    """Return all problems of the pages in a folder, each with its page and its screen."""
    paths = sorted(folder.rglob("*.html"))
    assert len(paths) > 50, f"{folder} is no built site"
    found = []
    with started_browser() as browser:
        for width, colours in SCREENS:
            with browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=colours
            ) as context:
                for path in paths:
                    page = context.new_page()
                    name = f"{path.relative_to(folder)} ({width}, {colours})"
                    found += [f"{name} {problem}" for problem in problems_of(page, path, width)]
                    page.close()
    return len(paths), found


if __name__ == "__main__":
    count, problems = check_site(Path(sys.argv[1]))
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write(f"{count} pages looked at, {len(problems)} problems\n")
    sys.exit(1 if problems else 0)

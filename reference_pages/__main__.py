"""Write all pages into a folder: `python -m reference_pages [docs/reference]`."""

from __future__ import annotations

import sys
from pathlib import Path

from reference_pages.pages import make_pages


def main(arguments: list[str]) -> None:
    """Write the pages, and remove those that are no longer made."""
    folder = Path(arguments[0] if arguments else "docs/reference")
    pages = make_pages()
    for old_page in folder.rglob("*.md"):
        if old_page.relative_to(folder).as_posix() not in pages:
            old_page.unlink()

    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

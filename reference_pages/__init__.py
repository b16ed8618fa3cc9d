"""The pages of docs/reference, from the tables and declarations of the package.

`python -m reference_pages` writes them; a test compares them.
"""

from __future__ import annotations

from reference_pages.pages import INDEX, PAGES, make_pages

__all__ = ["INDEX", "PAGES", "make_pages"]

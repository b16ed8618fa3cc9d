"""The pages of docs/ with cells, which the build of the site executes; and the jobs in them."""

import re
from pathlib import Path
from typing import NamedTuple

import nbformat

DOCS = Path(__file__).parents[2] / "docs"

_CELL = re.compile(
    r"^(?P<fence>`{3,})\{code-cell\}[^\n]*\n(?P<options>(?::[^\n]*\n)*)(?P<source>.*?)^(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_TAGS = re.compile(r"^:tags: \[(.*)\]$", re.MULTILINE)
_WRITTEN_FILE = re.compile(r"%%writefile (\S+)\n")


class PageCell(NamedTuple):
    """A cell of a page.

    Attributes:
        source: Its text.
        tags: Its tags, such as `job` or `raises-exception`.
        line: The number of the line of its fence.
    """

    source: str
    tags: list[str]
    line: int


def is_executed(path):
    """Return whether the build of the site executes the cells of a page."""
    return path.read_text().startswith("---\nfile_format: mystnb\n")


def read_cells(path):
    """Return the cells of a page, in order."""
    text = path.read_text()
    cells = []
    for match in _CELL.finditer(text):
        tags = []
        if found := _TAGS.search(match["options"]):
            tags = [tag.strip() for tag in found[1].split(",")]
        line = text.count("\n", 0, match.start()) + 1
        cells.append(PageCell(match["source"].strip("\n"), tags, line))
    return cells


def job_cells(page, job=None):
    """Return the cells of a job.

    Args:
        page: The page's path below docs/, such as `how-to/paging`.
        job: A further tag of its cells, if the page has several jobs.
    """
    tags = {"job"} if job is None else {"job", job}
    cells = [cell for cell in read_cells(DOCS / f"{page}.md") if tags <= set(cell.tags)]
    assert cells, f"docs/{page}.md has no cells tagged {sorted(tags)}"
    return cells


def job_notebook(page, job=None):
    """Return a notebook of the cells of a job, with their tags."""
    cells = [
        nbformat.v4.new_code_cell(cell.source, metadata={"tags": cell.tags})
        for cell in job_cells(page, job)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def job_files(page, job=None):
    """Return the files that the cells of a job write: their texts by name."""
    files = {}
    for cell in job_cells(page, job):
        if match := _WRITTEN_FILE.match(cell.source):
            files[match[1]] = cell.source[match.end() :] + "\n"
    return files

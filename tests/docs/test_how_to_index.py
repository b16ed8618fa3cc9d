"""The how-to pages: the index names each of them, and so the jobs that tests/jobs executes."""

import re

from support.pages import DOCS, read_cells

FOLDER = DOCS / "how-to"
PAGES = {path.name for path in FOLDER.glob("*.md")} - {"index.md"}


def has_job(name):
    return any("job" in cell.tags for cell in read_cells(FOLDER / name))


def test_the_index_leads_to_every_page():
    links = re.findall(r"\]\(([\w-]+\.md)\)", (FOLDER / "index.md").read_text())
    assert set(links) == PAGES
    assert len(links) == len(PAGES)


def test_the_jobs_of_the_tests_are_pages():
    pages = {name for name in PAGES if has_job(name)}
    assert {
        "alert-on-failed-items.md",
        "approval.md",
        "async-requests.md",
        "command-on-hosts.md",
        "debugging.md",
        "look-at-runs.md",
        "many-small-items.md",
        "paging.md",
        "schedule.md",
        "secrets.md",
        "tables.md",
        "workflow-per-host.md",
    } <= pages

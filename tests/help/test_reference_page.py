"""docs/reference.md is made from the reference."""

import re
from pathlib import Path

import attune_nb
from attune_nb.help.markdown import SECTIONS, reference_page
from attune_nb.reference.table import ENTRIES

PAGE = Path(attune_nb.__file__).parents[1] / "docs" / "reference.md"


def test_the_page_is_up_to_date():
    """If it is not: `nox -s reference` writes it."""
    assert PAGE.read_text(encoding="utf-8") == reference_page()


def test_the_page_has_every_word():
    text = PAGE.read_text(encoding="utf-8")

    for entry in ENTRIES:
        assert re.search(rf"`[^`]*{re.escape(entry.name)}", text), entry.name
        first_words = entry.explanation.split()[:3]
        assert " ".join(first_words) in " ".join(text.split()), entry.name


def test_the_page_has_a_section_for_every_kind():
    titles = {kind: title for title, kind in SECTIONS}
    assert len(titles) == len(SECTIONS)

    for entry in ENTRIES:
        if entry.form == "usual" and entry.kind != "action":
            assert f"\n## {titles[entry.kind]}\n" in reference_page()


def test_every_link_of_the_contents_leads_to_a_heading():
    text = PAGE.read_text(encoding="utf-8")
    links = re.findall(r"^- \[(.*)\]\(#(.*)\)$", text, re.MULTILINE)

    for title, _ in links:
        assert f"\n## {title}\n" in text
    assert len(links) == text.count("\n## ")

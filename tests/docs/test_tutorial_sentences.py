"""The tutorial is easy to read: its sentences are short, and every page ends with the next step."""

import itertools
import re

import pytest
from support.pages import DOCS

PAGES = sorted((DOCS / "tutorial").glob("*.md"))
LONGEST = 30

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
_ROLE = re.compile(r"\{[\w:-]+\}(?=`)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_INLINE_CODE = re.compile(r"`+[^`]*`+")
_BLOCK_START = re.compile(r"^ *(?:[-*+]|\d+\.|#{1,6}|>|:|\|) +", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?:])[\")*_]*\s+(?=[\"(*_]*[A-Z0-9`%])")


def sentences_of(markdown):
    """Return the sentences of a Markdown text: a piece of code counts as one word."""
    text = _FRONT_MATTER.sub("", markdown)
    text = _FENCED.sub("\n\n", text)
    text = _ROLE.sub("", text)
    text = _LINK.sub(r"\1", text)
    text = _INLINE_CODE.sub("CODE", text)
    # an item, a heading or a cell of a table begins a sentence of its own
    text = _BLOCK_START.sub("\n\n", text)
    paragraphs = re.split(r"\n\s*\n|\|", text)
    sentences = []
    for paragraph in paragraphs:
        sentences.extend(_SENTENCE_END.split(" ".join(paragraph.split())))
    return [sentence for sentence in sentences if sentence.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_sentence_is_longer_than_thirty_words(page):
    long = [
        sentence for sentence in sentences_of(page.read_text()) if len(sentence.split()) > LONGEST
    ]
    assert long == []


def test_sentences_are_found_where_a_reader_sees_them():
    markdown = (
        "---\nfile_format: mystnb\n---\n\n# A heading\n\nOne *two* [three](four five.md) `six a`.\n"
        "Next (e.g. this one)! Ends.\n\n- an item\n- another one\n\n```{code-cell}\nx = 1\n```\n\n"
        "| a | b c |\n"
    )
    assert sentences_of(markdown) == [
        "A heading",
        "One *two* three CODE.",
        "Next (e.g. this one)!",
        "Ends.",
        "an item",
        "another one",
        "a",
        "b c",
    ]


def test_a_long_sentence_is_noticed():
    [sentence] = sentences_of("word " * LONGEST + "`a b c`.\n")
    assert len(sentence.split()) == LONGEST + 1


def test_there_are_seven_steps_that_lead_from_one_to_the_next():
    steps = [page for page in PAGES if page.stem != "index"]
    assert len(steps) == 7
    for step, following in itertools.pairwise(steps):
        assert "## What you learned" in step.read_text()
        assert f"]({following.name})" in step.read_text().rpartition("## What you learned")[2]

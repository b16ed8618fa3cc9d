"""Ranges of versions in packs: the versions that they allow, and invalid ranges."""

import pytest

from attune_nb.packs.version_ranges import read_range, read_version


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [
        (">=3.11", ["3.11.0", "3.12.1", "4.0.0"], ["3.10.9"]),
        (">3.11", ["3.12.0"], ["3.11.7", "3.11.0"]),
        (">3.11.2", ["3.11.3"], ["3.11.2"]),
        ("<3.12", ["3.11.9"], ["3.12.0"]),
        ("<=3.12", ["3.12.9"], ["3.13.0"]),
        ("<=3.12.1", ["3.12.1"], ["3.12.2"]),
        ("3.12", ["3.12.0", "3.12.8"], ["3.11.9", "3.13.0"]),
        ("3.12.4", ["3.12.4", "3.12.9"], ["3.12.3", "3.13.0"]),
        ("~3.12", ["3.12.5"], ["3.13.0"]),
        ("~3", ["3.99.0"], ["4.0.0"]),
        ("=3.12", ["3.12.5"], ["3.13.0"]),
        ("=3.12.1", ["3.12.1"], ["3.12.2"]),
        ("^18", ["18.0.0", "18.19.1"], ["17.9.9", "19.0.0"]),
        ("^3.11", ["3.13.0"], ["3.10.0", "4.0.0"]),
        ("^0.2.3", ["0.2.9"], ["0.2.2", "0.3.0"]),
        ("3.x", ["3.0.0", "3.9.1"], ["4.0.0"]),
        ("3.12.*", ["3.12.5"], ["3.13.0"]),
        ("*", ["0.0.0", "99.0.0"], []),
        ("", ["1.0.0"], []),
        (">=18 <21", ["18.0.0", "20.9.9"], ["17.0.0", "21.0.0"]),
        (">=3.9, <4.0", ["3.9.0"], ["4.0.0", "3.8.0"]),
        (">= 18  < 21", ["20.0.0"], ["21.0.0"]),
        ("18 || >=20", ["18.1.0", "21.0.0"], ["19.0.0"]),
        ("18.1 - 20.4", ["18.1.0", "20.4.9"], ["18.0.9", "20.5.0"]),
        ("v20.1.0-beta.2", ["20.1.0"], ["20.0.9"]),
    ],
)
def test_a_range_allows(text, allowed, refused):
    version_range = read_range(text)

    assert [text for text in allowed if not version_range.allows(read_version(text))] == []
    assert [text for text in refused if version_range.allows(read_version(text))] == []


def test_a_whole_version_of_a_package_is_exact():
    version_range = read_range("1.2.3", is_exact=True)

    assert version_range.allows((1, 2, 3))
    assert not version_range.allows((1, 2, 4))


@pytest.mark.parametrize(
    "text", ["new", ">=", "3..1", "~=3.11", "!=3.9", ">=3.11 or 4", "1.2.3.4", "3.12 |", "x.1"]
)
def test_a_text_that_is_no_range_is_refused(text):
    with pytest.raises(ValueError, match="is no range of versions; write"):
        read_range(text)


def test_a_range_without_versions_is_refused():
    with pytest.raises(ValueError, match="no version is in the range"):
        read_range(">3.12 <3.11")


def test_a_range_of_a_million_characters_is_refused():
    with pytest.raises(ValueError, match="at most 200 characters"):
        read_range(" " * 1_000_000 + ">=3")


@pytest.mark.parametrize(
    ("text", "numbers", "is_possible"),
    [
        (">=3.11.5", (3, 11), True),
        (">=3.12", (3, 11), False),
        ("<3.11.2", (3, 11), True),
        ("<3.11", (3, 11), False),
        ("18 || 20", (20,), True),
    ],
)
def test_a_minor_version_can_be_in_a_range(text, numbers, is_possible):
    assert read_range(text).allows_some(numbers) is is_possible


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v20.20.2\n", (20, 20, 2)),
        ("Python 3.13.0rc1", (3, 13, 0)),
        ("3.12", (3, 12, 0)),
        ("none", None),
    ],
)
def test_a_version_is_read_from_the_words_of_a_program(text, version):
    assert read_version(text) == version

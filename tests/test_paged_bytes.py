"""Paged bytes are as bytes, and a changed copy shares the pages that it does not change."""

from __future__ import annotations

import pickle
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_nb.values.paged_bytes import PAGE, PagedBytes

# starts and lengths around the edges of pages
_EDGES = st.integers(0, 3).flatmap(
    lambda page: st.integers(max(0, page * PAGE - 3), page * PAGE + 3)
)


@given(st.lists(st.tuples(_EDGES, _EDGES, st.sampled_from([0, 1, 7, 255])), max_size=6))
def test_edits_have_the_effect_that_they_have_on_bytes(writes):
    expected = bytearray()
    paged = PagedBytes()

    for start, count, value in writes:
        stop = start + count
        expected.extend(bytes(max(0, stop - len(expected))))
        expected[start:stop] = bytes([value]) * count
        editor = paged.edit()
        editor.extend(stop)
        editor.write(start, bytes([value]) * count)
        assert editor.read(start, stop) == expected[start:stop]
        paged = editor.finish()

    assert bytes(paged) == expected
    assert len(paged) == len(expected)
    assert list(paged) == list(expected)
    assert paged.count(255) == expected.count(255)
    assert paged == PagedBytes.of(bytes(expected))
    assert pickle.loads(pickle.dumps(paged)) == paged


@given(_EDGES, _EDGES, st.sets(_EDGES, max_size=4), st.sampled_from([0, 7]))
def test_the_parts_of_a_value_are_found_and_filled(start, count, marked, value):
    stop = start + count
    expected = bytearray(bytes([value]) * max([stop, *[index + 1 for index in marked]]))
    editor = PagedBytes.of(bytes(expected)).edit()
    for index in marked:
        editor[index] = expected[index] = 3

    for first, end in editor.find_value(start, stop, value):
        assert set(expected[first:end]) == {value}
        editor.fill(first, end, 255)

    for index in range(start, stop):
        if expected[index] == value:
            expected[index] = 255
    assert bytes(editor.finish()) == expected


def test_single_bytes_can_be_read_and_changed():
    editor = PagedBytes.of(bytes(PAGE + 2)).edit()
    editor[PAGE + 1] = 3
    editor[5] = 9
    assert (editor[PAGE + 1], editor[PAGE], editor[5]) == (3, 0, 9)
    paged = editor.finish()
    assert (paged[PAGE + 1], paged[PAGE], paged[5]) == (3, 0, 9)
    with pytest.raises(IndexError):
        paged[PAGE + 2]


def test_an_edit_leaves_the_first_sequence_as_it_was():
    before = PagedBytes.of(b"abc")
    editor = before.edit()
    editor[0] = ord("z")
    after = editor.finish()
    assert (bytes(before), bytes(after)) == (b"abc", b"zbc")


def test_a_change_of_a_million_bytes_copies_one_page():
    paged = PagedBytes.of(bytes(range(250)) * 4_000)
    tracemalloc.start()
    try:
        editor = paged.edit()
        editor[500_000] = 1
        editor.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * PAGE


def test_equal_pages_of_ended_items_are_in_memory_once():
    tracemalloc.start()
    try:
        paged = PagedBytes.of(b"")
        for start in range(0, 1_000_000, 10_000):
            editor = paged.edit()
            editor.extend(start + 10_000)
            editor.write(start, b"\xff" * 10_000)
            paged = editor.finish()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert paged.count(255) == 1_000_000
    assert size < 8 * PAGE

"""An immutable sequence of bytes of which a changed copy costs as much as its change."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PAGE", "PagedBytes", "PagedBytesEditor"]

PAGE = 4096
"""Bytes of a page."""

# pages of one value, which all sequences share: ten million equal bytes take one page of memory
_UNIFORM_PAGES = {value: bytes([value]) * PAGE for value in (0, 255)}


class PagedBytes:
    """A sequence of bytes in pages, which copies share as long as they are equal.

    Args:
        pages: The pages. All but the last one have `PAGE` bytes.
    """

    __slots__ = ("_length", "_pages")

    def __init__(self, pages: tuple[bytes, ...] = ()) -> None:
        self._pages = pages
        self._length = 0
        if pages:
            self._length = (len(pages) - 1) * PAGE + len(pages[-1])

    @classmethod
    def of(cls, data: bytes) -> PagedBytes:
        """Return a sequence of some bytes."""
        starts = range(0, len(data), PAGE)
        return cls(tuple(_shared(data[start : start + PAGE]) for start in starts))

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < self._length:
            raise IndexError(index)
        number, offset = divmod(index, PAGE)
        return self._pages[number][offset]

    def __iter__(self) -> Iterator[int]:
        for page in self._pages:
            yield from page

    def __bytes__(self) -> bytes:
        return b"".join(self._pages)

    def count(self, value: int) -> int:
        """Return how many bytes have a value."""
        return sum(page.count(value) for page in self._pages)

    def edit(self) -> PagedBytesEditor:
        """Return an editor, which makes a changed copy."""
        return PagedBytesEditor(self._pages, self._length)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PagedBytes) and self._pages == other._pages

    def __hash__(self) -> int:
        return hash(self._pages)

    def __repr__(self) -> str:
        return f"PagedBytes({self._length:,} bytes)"

    def __reduce__(self) -> tuple[object, ...]:
        return PagedBytes, (self._pages,)


class PagedBytesEditor:
    """Changes a copy of a `PagedBytes`. It copies the pages that are changed."""

    __slots__ = ("_changed", "_length", "_pages")

    def __init__(self, pages: tuple[bytes, ...], length: int) -> None:
        self._pages = list(pages)
        self._length = length
        self._changed: dict[int, bytearray] = {}

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> int:
        number, offset = divmod(index, PAGE)
        page = self._changed.get(number)
        if page is None:
            return self._pages[number][offset]
        return page[offset]

    def __setitem__(self, index: int, value: int) -> None:
        number, offset = divmod(index, PAGE)
        self._page(number)[offset] = value

    def extend(self, length: int) -> None:
        """Add zeros up to a length, if it is shorter."""
        if length <= self._length:
            return

        if self._length % PAGE:
            last = len(self._pages) - 1
            end = min(length, len(self._pages) * PAGE)
            self._page(last).extend(bytes(end - self._length))

        full_pages, remainder = divmod(length, PAGE)
        missing = full_pages - len(self._pages)
        self._pages += [_UNIFORM_PAGES[0]] * max(0, missing)
        if remainder and len(self._pages) == full_pages:
            self._pages.append(bytes(remainder))
        self._length = length

    def read(self, start: int, stop: int) -> bytearray:
        """Return a copy of a range of bytes."""
        first, offset = divmod(start, PAGE)
        joined = bytearray()
        for number in range(first, -(-stop // PAGE)):
            joined += self._changed.get(number, self._pages[number])
        return joined[offset : offset + stop - start]

    def write(self, start: int, data: bytes | bytearray) -> None:
        """Replace as many bytes as the data have."""
        for number, first, end in _pages_of_range(start, start + len(data)):
            offset = number * PAGE
            part = data[first - start : end - start]

            if end - first == PAGE:
                self._changed[number] = bytearray(part)
            else:
                self._page(number)[first - offset : end - offset] = part

    def fill(self, start: int, stop: int, value: int) -> None:
        """Set all bytes of a range to a value."""
        for number, first, end in _pages_of_range(start, stop):
            if end - first == PAGE and value in _UNIFORM_PAGES:
                self._pages[number] = _UNIFORM_PAGES[value]
                self._changed.pop(number, None)
                continue

            offset = number * PAGE
            part = bytes([value]) * (end - first)
            self._page(number)[first - offset : end - offset] = part

    def find_value(self, start: int, stop: int, value: int) -> Iterator[tuple[int, int]]:
        """Yield the parts of a range in which all bytes have a value.

        The caller may change the bytes of a part before it asks for the next one.
        """
        part_start = start
        for number, first, end in _pages_of_range(start, stop):
            offset = number * PAGE
            page = self._changed.get(number, self._pages[number])
            if page.count(value, first - offset, end - offset) == end - first:
                continue

            for index in range(first, end):
                if page[index - offset] == value:
                    continue
                if part_start < index:
                    yield part_start, index
                part_start = index + 1

        if part_start < stop:
            yield part_start, stop

    def finish(self) -> PagedBytes:
        """Return the changed copy. The editor must not be used any more."""
        for number, page in self._changed.items():
            self._pages[number] = _shared(bytes(page))
        return PagedBytes(tuple(self._pages))

    def _page(self, number: int) -> bytearray:
        """Return a page that may be changed."""
        page = self._changed.get(number)
        if page is None:
            page = self._changed[number] = bytearray(self._pages[number])
        return page


def _pages_of_range(start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Yield the number of each page of a range, with the first index and the end in that page."""
    first = start
    while first < stop:
        number = first // PAGE
        end = min(stop, (number + 1) * PAGE)
        yield number, first, end
        first = end


def _shared(page: bytes) -> bytes:
    """Return the shared page with this content, if there is one; else the page itself."""
    if len(page) == PAGE:
        for uniform in _UNIFORM_PAGES.values():
            if page == uniform:
                return uniform
    return page

"""The attempts of chunks whose worker died."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.backends.chunks.in_flight import PendingAttempt

__all__ = ["MAX_DEATHS", "PIECES", "Quarantine"]

# pieces that a chunk is cut into when its worker died
PIECES = 64
# workers that died with nothing but one item, until the item fails
MAX_DEATHS = 3


class Quarantine:
    """The attempts of chunks whose worker died.

    They are sent again in small pieces, then item by item. So an item that ends its worker each
    time is found and fails by itself, and the others still come to their end.
    """

    def __init__(self) -> None:
        self._pieces: deque[list[PendingAttempt]] = deque()
        self._deaths: dict[int, int] = {}  # workers that died with this item alone, by index

    def __len__(self) -> int:
        """Return how many attempts wait."""
        return sum(len(piece) for piece in self._pieces)

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def add_chunk(self, attempts: list[PendingAttempt], size: int = 0) -> None:
        """Add the attempts of a chunk, cut into pieces of that size; by default into 64."""
        if not size:
            size = len(attempts) // PIECES or 1
        for first in range(0, len(attempts), size):
            self._pieces.append(attempts[first : first + size])

    def add_attempt(self, attempt: PendingAttempt) -> None:
        """Add one attempt, which was with a worker by itself."""
        self._pieces.append([attempt])

    def take_piece(self) -> list[PendingAttempt]:
        """Remove and return the attempts of the next piece."""
        return self._pieces.popleft()

    def count_deaths(self, index: int, deaths: int) -> int:
        """Add to the deaths of workers that had an item alone; return their number."""
        self._deaths[index] = self._deaths.get(index, 0) + deaths
        return self._deaths[index]

    def forget_deaths(self, index: int) -> None:
        """Drop the count of an item that has failed for good."""
        del self._deaths[index]

    def keep(self, may_begin: Callable[[int], bool]) -> None:
        """Drop the attempts of items that must not begin, by their index."""
        pieces = [
            [attempt for attempt in piece if may_begin(attempt.index)] for piece in self._pieces
        ]
        self._pieces = deque(filter(None, pieces))

    def clear(self) -> list[PendingAttempt]:
        """Remove and return all attempts."""
        attempts: list[PendingAttempt] = []
        for piece in self._pieces:
            attempts += piece
        self._pieces.clear()
        return attempts

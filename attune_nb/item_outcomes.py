"""How the items of a task ended, as expressions read it: its failures and its successes.

Both are arrays with an object for each item. They are made when they are first read, from what
the run holds anyway, so a task of a million items pays nothing for them until then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.events import FAILED, SUCCEEDED, TIMED_OUT
from attune_nb.values.frozen import FrozenList, freeze, freeze_list

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune_nb.events import Batch, ErrorInfo

__all__ = ["ItemOutcomes", "ListedFailures"]

_FAILED_CODES = (FAILED, TIMED_OUT)


class ItemOutcomes:
    """The items of one execution of a task, and how they ended.

    All instances compare equal: what they are made of is compared where it is kept.

    Args:
        statuses: The status code of each item's last attempt.
        batches: The attempts, in the order in which they were reported.
        source: The source of the items. If it can be read only once, the batches hold them.
    """

    __slots__ = (
        "_batches",
        "_failures",
        "_items",
        "_results",
        "_source",
        "_statuses",
        "_successes",
    )

    def __init__(
        self,
        statuses: bytes = b"",
        batches: Sequence[Batch] = (),
        source: Any = (),
        failures: FrozenList | None = None,
    ) -> None:
        self._statuses = statuses
        self._batches = batches
        self._source = source
        self._failures = failures
        self._items: Any = None

        # the successes, and the results that they were made of
        self._results: Any = None
        self._successes: FrozenList | None = None

    def failures(self) -> FrozenList:
        """Return `{index, item, error, error_type, attempts, result}` of each failed item."""
        if self._failures is None:
            self._failures = self._collect_failures()
        return self._failures

    def successes(self, results: Any) -> FrozenList | None:
        """Return `{index, item, result}` of each item that succeeded.

        Args:
            results: The results of all items, in their order.
        """
        successes = self._successes
        if successes is None or self._results is not results:
            items = self._all_items()
            rows = []
            for index, code in enumerate(self._statuses):
                if code == SUCCEEDED:
                    row = {"index": index, "item": items[index], "result": results[index]}
                    rows.append(freeze(row))

            successes = freeze_list(rows)
            self._successes = successes
            self._results = results
        return successes

    def only_failures(self) -> ItemOutcomes:
        """Return the failures without the other items, to be sent to another process."""
        return ItemOutcomes(failures=self.failures())

    def map(self, change: Callable[[Any], Any]) -> ItemOutcomes:
        """Return these outcomes with changed items and failures: masked or fetched ones."""
        items = freeze(change(self._all_items()))
        return ItemOutcomes(self._statuses, (), items, freeze(change(self.failures())))

    def parts(self) -> list[Any]:
        """Return the values in these outcomes, beside the results."""
        return [self._all_items(), self.failures()]

    def _collect_failures(self) -> FrozenList:
        last_errors: dict[int, tuple[int, ErrorInfo]] = {}
        for batch in self._batches:
            for row, error in batch.errors.items():
                index = batch.index[row]
                # a later error of the same item replaces an earlier one
                if self._statuses[index] in _FAILED_CODES:
                    last_errors[index] = (batch.attempt[row], error)

        if not last_errors:
            return freeze_list([])
        items = self._all_items()
        failures = []
        for index in sorted(last_errors):
            attempts, error = last_errors[index]
            failures.append(_make_failure(index, items[index], attempts, error))
        return freeze_list(failures)

    def _all_items(self) -> Any:
        """Return all items, in their order; None for one that is unknown."""
        if self._items is None:
            self._items = self._collect_items()
        return self._items

    def _collect_items(self) -> Any:
        if hasattr(self._source, "__getitem__"):
            return self._source

        # The source was read once. The row of an item's first attempt holds the item, so it is
        # the last one to be read here.
        items: list[Any] = [None] * len(self._statuses)
        for batch in reversed(self._batches):
            if batch.items is not None:
                for row in reversed(range(len(batch))):
                    items[batch.index[row]] = batch.items[row]
        return items

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ItemOutcomes)

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"ItemOutcomes({len(self._statuses):,} items)"

    def __reduce__(self) -> tuple[Any, ...]:
        return ItemOutcomes, (self._statuses, (), self._all_items(), self.failures())


class ListedFailures(ItemOutcomes):
    """The first failures of a task that keeps no results. There are no successes.

    Args:
        batches: The attempts whose errors are kept.
        source: The source of the items. If it can be read only once, the batches hold them.
    """

    __slots__ = ()

    def __init__(
        self,
        batches: Sequence[Batch] = (),
        source: Any = (),
        failures: FrozenList | None = None,
    ) -> None:
        super().__init__(b"", batches, source, failures)

    def successes(self, results: Any) -> None:
        """Return null: the successes are not kept."""

    def only_failures(self) -> ItemOutcomes:
        """Return the failures alone, to be sent to another process."""
        return ListedFailures(failures=self.failures())

    def map(self, change: Callable[[Any], Any]) -> ItemOutcomes:
        """Return these outcomes with changed failures: masked or fetched ones."""
        return ListedFailures(failures=freeze(change(self.failures())))

    def parts(self) -> list[Any]:
        """Return the values in these outcomes."""
        return [self.failures()]

    def _collect_failures(self) -> FrozenList:
        failures: dict[int, Any] = {}
        for batch in self._batches:
            for row, error in batch.errors.items():
                index = batch.index[row]
                if batch.status[row] in _FAILED_CODES:
                    item = self._item(batch, row)
                    failures[index] = _make_failure(index, item, batch.attempt[row], error)
        return freeze_list([failures[index] for index in sorted(failures)])

    def _item(self, batch: Batch, row: int) -> Any:
        if batch.items is not None:
            return batch.items[row]
        return self._source[batch.index[row]]

    def __repr__(self) -> str:
        return f"ListedFailures({sum(map(len, self._batches)):,} items)"

    def __reduce__(self) -> tuple[Any, ...]:
        return ListedFailures, ((), (), self.failures())


def _make_failure(index: int, item: Any, attempts: int, error: ErrorInfo) -> Any:
    return freeze(
        {
            "index": index,
            "item": item,
            "error": error.message,
            "error_type": error.type,
            "attempts": attempts,
            "result": error.data,
        }
    )

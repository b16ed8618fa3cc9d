"""Previews of items and results, as short texts: of items that failed, and of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attune_nb.errors import StoreError
from attune_nb.html import printable
from attune_nb.values.describe import preview
from attune_nb.values.guard import repr_of
from attune_nb.values.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from attune_nb.events import Key
    from attune_nb.results.item_frames import ItemTable

    Places = NDArray[np.intp]

__all__ = ["build_previews", "preview_text"]

# bytes of memory of a value below which its text is made in full, before it is cut
_LARGEST_SHOWN = 50_000

# characters of a text
_LONGEST_FAILED = 1_500
_LONGEST_SAMPLED = 600
_SHORTEST = 60

# characters of all texts, of items that failed and of the others
_BUDGET_FAILED = 600_000
_BUDGET_SAMPLED = 200_000

# items that failed, in all executions; each of them costs a few characters at least
_MOST_FAILED = 10_000

# other items, of an execution and in all
_SAMPLED = 400
_MOST_SAMPLED = 1_000

_UNREADABLE = "<on record, but it cannot be read>"


def build_previews(tables: Mapping[Key, ItemTable], keys: Sequence[Key]) -> dict[str, Any]:
    """Return previews of items, which JSON can hold.

    Items that failed come first. The more there are, the shorter their texts.

    Args:
        tables: The items of executions.
        keys: All executions, in the order of their numbers.

    Returns:
        Columns of the same length: `execution` (its number), `index` (of the item), `item` and
        `result` (texts, or None for null); and `failed` and `others`, each how many items have a
        preview.
    """
    failed = {key: table.failed for key, table in tables.items()}
    unfailed = {
        key: np.setdiff1d(table.every_place(), table.failed) for key, table in tables.items()
    }
    shown_failed = _limit(failed, _MOST_FAILED)
    shown_unfailed = _sample(unfailed)

    columns: dict[str, list[Any]] = {"execution": [], "index": [], "item": [], "result": []}
    numbers = {key: number for number, key in enumerate(keys)}
    groups = (
        (shown_failed, _BUDGET_FAILED, _LONGEST_FAILED),
        (shown_unfailed, _BUDGET_SAMPLED, _LONGEST_SAMPLED),
    )
    for shown, budget, longest in groups:
        # an item has two texts
        share = budget // max(2 * _count(shown), 1)
        length = min(max(share, _SHORTEST), longest)
        for key, places in shown.items():
            _add(columns, numbers[key], tables[key], places, length)

    return {
        **columns,
        "failed": _count(shown_failed),
        "others": _count(shown_unfailed),
    }


def _count(places: Mapping[Key, Places]) -> int:
    return sum(map(len, places.values()))


def _limit(places: Mapping[Key, Places], most: int) -> dict[Key, Places]:
    """Return the first places of each execution, of all together no more than a number."""
    free = most
    limited = {}
    for key, own_places in places.items():
        limited[key] = own_places[:free]
        free -= len(limited[key])
    return limited


def _sample(places: Mapping[Key, Places]) -> dict[Key, Places]:
    """Return places that lie evenly in each execution; all of them if they are few."""
    with_places = {key: own_places for key, own_places in places.items() if len(own_places)}
    share = _MOST_SAMPLED // max(len(with_places), 1)
    size = min(max(share, 1), _SAMPLED)

    sampled = {}
    for key, own_places in with_places.items():
        steps = np.linspace(0, len(own_places) - 1, min(size, len(own_places)))
        sampled[key] = own_places[np.unique(np.rint(steps).astype(np.intp))]
    return _limit(sampled, _MOST_SAMPLED)


def _add(
    columns: dict[str, list[Any]], execution: int, table: ItemTable, places: Places, length: int
) -> None:
    """Add the previews of items of one execution to the columns."""
    if not len(places):
        return

    columns["execution"] += [execution] * len(places)
    columns["index"] += table.indexes(places).tolist()
    columns["item"] += [preview_text(item, length) for item in table.items(places)]
    try:
        results = table.results(places)
    except StoreError:
        columns["result"] += [_UNREADABLE] * len(places)
    else:
        columns["result"] += [preview_text(result, length) for result in results]


def preview_text(value: Any, length: int) -> str | None:
    """Return a value as a text of no more than `length` characters; None for null."""
    if value is None:
        return None
    is_large = size_of(value) > _LARGEST_SHOWN
    text = printable(preview(value, length) if is_large else repr_of(value))
    return text if len(text) <= length else f"{text[: length - 1]}…"

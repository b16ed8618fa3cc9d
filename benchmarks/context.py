"""What a large context costs a fan-out whose input reads one field of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attune_nb as attune
from attune_nb.bench.contexts import NaiveThreads, plain_context
from attune_nb.frozen import freeze
from benchmarks.verdict import Verdict, ratios, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ITEMS = 10_000
MOST_RATIO = 1.05
TURNS = 45  # of some 20 ms each, which one hiccup of the machine doubles
SIZES = {"10 KB": 10_240, "1 MB": 1_024_000, "100 MB": 102_400_000}
WORKFLOW = """
parameters: {items: {type: array}, held: {type: any}}
tasks:
  - name: each
    action: both
    with_items: "{{ parameters.items }}"
    concurrency: 8
    input: {one: "{{ item }}", field: "{{ parameters.held.task_0.data }}"}
"""


def both(one: Any, field: Any) -> int:
    """Read both arguments."""
    return int(one) + len(field)


def measure() -> Iterator[Verdict]:
    """Measure contexts of three sizes, and the naive way on the middle one."""
    workflow = attune.loads(WORKFLOW)
    held = {name: freeze(plain_context(size, "text")["tasks"]) for name, size in SIZES.items()}

    def side(name: str, count: int = ITEMS, backend: Any = None) -> Callable[[], object]:
        def go() -> None:
            workflow.run(
                {"items": range(count), "held": held[name]}, actions={"both": both},
                backend=backend() if backend else "threads", progress=False,
            ).raise_for_status()  # fmt: skip

        return go

    taken = turns({name: side(name) for name in SIZES}, TURNS)
    for name in ("1 MB", "100 MB"):
        ratio, words = ratios(taken, name, "10 KB")
        yield Verdict(
            f"10,000 items on {name} against 10 KB", f"at most {MOST_RATIO}x", words,
            ratio <= MOST_RATIO,
        )  # fmt: skip
    few = 1_000
    sides = {"naive": side("1 MB", few, NaiveThreads), "ours": side("1 MB", few)}
    _, words = ratios(turns(sides, 3), "naive", "ours")
    yield Verdict("1,000 items on 1 MB of texts, a copy for each", "shown", words)

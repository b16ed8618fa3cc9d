"""Rendering, against Jinja2 rendering the same text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

from attune_nb import Template, WorkflowContext
from attune_nb.values.frozen import freeze
from benchmarks.verdict import Verdict, compare, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ITEM = {"url": "http://127.0.0.1/x", "name": "web-1", "tags": ["b", "a"], "port": 80}
TWO_VALUES = "server {{ item.name }} at {{ item.url }}"

# texts, and how many times as fast as Jinja2 each must be; None if it is only shown
TEXTS = [
    ("{{ item.url }}", 100),
    (TWO_VALUES, 50),
    ("{{ item.name | upper }}", 4),
    ("{{ workflow.region }}", 100),
    ("{{ task.fetch.total }}", None),
    ("{{ item.port > 1024 and item.name != 'x' }}", 4),
]

BARE: dict[str, Callable[[Any], object]] = {
    TWO_VALUES: lambda scope: f"server {scope.item['name']} at {scope.item['url']}",
}
"""The least that Python can do for a text: read the values from the item, and format them."""

# numbers of variables in the context
NAMES = (10, 1_000)

# renderings by Jinja2, and how many times as many are ours, so that both take milliseconds
ROUNDS = 2_000
FASTER = 20

TURNS = 5


def measure() -> Iterator[Verdict]:
    """Measure each text with few and with many variables in the context."""
    for text, least in TEXTS:
        ratios = []
        figures = []
        for names in NAMES:
            turns = time_in_turn(_make_sides(text, names), TURNS)
            ratio = FASTER * compare(turns, "jinja2", "attune_nb").median
            bound = ""
            if text in BARE:
                most = FASTER * compare(turns, "jinja2", "bare").median
                bound = f"; a bare function with the same f-string: {most:.0f}x"
            ratios.append(ratio)
            figures.append(f"{ratio:.0f}x ({names:,} names{bound})")

        limit = "shown"
        holds = True
        if least is not None:
            limit = f"at least {least}x faster"
            holds = min(ratios) >= least
        yield Verdict(f"{text} against Jinja2", limit, ", ".join(figures), holds)


def _make_sides(text: str, names: int) -> dict[str, Callable[[], object]]:
    """Return our rendering of a text and that of Jinja2, after a check that both agree.

    Raises:
        AssertionError: They render the text differently.
    """
    variables: dict[str, Any] = {f"name_{number}": number for number in range(names)}
    variables["region"] = "eu"
    fetch = {"total": 3}
    context = WorkflowContext.create({"p": 1}, vars=variables).with_result("fetch", fetch)
    scope = context.scope(freeze(ITEM), 0)
    namespace = {
        "parameters": {"p": 1},
        "workflow": variables,
        "task": {"fetch": fetch},
        "item": ITEM,
        "index": 0,
        **variables,
    }

    ours = Template(text).evaluate
    theirs = ImmutableSandboxedEnvironment().from_string(text).render
    if str(ours(scope)).lower() != theirs(namespace).lower():
        raise AssertionError(f"{text}: {ours(scope)!r} is not {theirs(namespace)!r}")

    rounds = max(ROUNDS * 10 // names, 100)
    sides = {
        "attune_nb": _repeat(ours, scope, FASTER * rounds),
        "jinja2": _repeat(theirs, namespace, rounds),
    }
    if text in BARE:
        sides["bare"] = _repeat(BARE[text], scope, FASTER * rounds)
    return sides


def _repeat(call: Callable[[Any], object], argument: Any, rounds: int) -> Callable[[], object]:
    """Return a function that makes a call a number of times."""

    def side() -> None:
        for _ in range(rounds):
            call(argument)

    return side

"""Rendering, against Jinja2 rendering the same text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2.sandbox import ImmutableSandboxedEnvironment

from attune_nb import Template, WorkflowContext
from attune_nb.values.frozen import freeze
from benchmarks.verdict import Verdict, ratios, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ITEM = {"url": "http://127.0.0.1/x", "name": "web-1", "tags": ["b", "a"], "port": 80}
TEXTS = [
    ("{{ item.url }}", 100),
    ("server {{ item.name }} at {{ item.url }}", 50),
    ("{{ item.name | upper }}", 4),
    ("{{ workflow.region }}", 100),
    ("{{ task.fetch.total }}", None),
    ("{{ item.port > 1024 and item.name != 'x' }}", 4),
]
BARE: dict[str, Callable[[Any], object]] = {
    "server {{ item.name }} at {{ item.url }}": (
        lambda scope: f"server {scope.item['name']} at {scope.item['url']}"
    ),
}
"""The least that Python can do for a text: read the values from the item, and format them."""
NAMES = (10, 1_000)  # variables in the context
ROUNDS, FASTER = 2_000, 20  # of Jinja2, and as many times that of ours: both take milliseconds


def measure() -> Iterator[Verdict]:
    """Measure each text with few and with many names in the context."""
    for text, wanted in TEXTS:
        worst, told = 1e9, []
        for names in NAMES:
            taken = turns(_sides(text, names), 7)
            found = FASTER * ratios(taken, "jinja2", "attune_nb")[0]
            worst = min(worst, found)
            bound = ""
            if text in BARE:
                most = FASTER * ratios(taken, "jinja2", "bare")[0]
                bound = f"; a bare function with the same f-string: {most:.0f}x"
            told.append(f"{found:.0f}x ({names:,} names{bound})")
        aim = f"at least {wanted}x faster" if wanted else "shown"
        yield Verdict(f"{text} against Jinja2", aim, ", ".join(told), worst >= (wanted or 0))


def _sides(text: str, names: int) -> dict[str, Callable[[], object]]:
    variables: dict[str, Any] = {f"name_{at}": at for at in range(names)} | {"region": "eu"}
    fetch = {"total": 3}
    context = WorkflowContext.create({"p": 1}, vars=variables).with_result("fetch", fetch)
    scope = context.scope(freeze(ITEM), 0)
    ours = Template(text).evaluate
    theirs = ImmutableSandboxedEnvironment().from_string(text).render
    known = {
        "parameters": {"p": 1}, "workflow": variables, "task": {"fetch": fetch}, "item": ITEM,
        "index": 0, **variables,
    }  # fmt: skip
    if str(ours(scope)).lower() != theirs(known).lower():
        raise AssertionError(f"{text}: {ours(scope)!r} is not {theirs(known)!r}")

    def often(call: Callable[[Any], object], given: Any, rounds: int) -> Callable[[], object]:
        def side() -> None:
            for _ in range(rounds):
                call(given)

        return side

    slow = max(ROUNDS * 10 // names, 100)
    sides = {"attune_nb": often(ours, scope, FASTER * slow), "jinja2": often(theirs, known, slow)}
    if text in BARE:
        sides["bare"] = often(BARE[text], scope, FASTER * slow)
    return sides

"""Workflows of any size in the shapes that people draw: chains, forks, layers, trees."""

from __future__ import annotations

import random

VERBS = [
    "extract",
    "load",
    "clean",
    "join",
    "enrich",
    "check",
    "score",
    "publish",
    "archive",
    "notify",
    "compare",
    "rank",
]
THINGS = [
    "orders",
    "customers",
    "invoices",
    "sensors",
    "sessions",
    "payments",
    "products",
    "returns",
]


def name_of(number):
    """Return the name of a task."""
    return f"{VERBS[number % len(VERBS)]}_{THINGS[number % len(THINGS)]}_{number}"


def chain(count):
    """Return the targets of each task if each leads to the next."""
    return [[number + 1] for number in range(count - 1)] + [[]]


def fork(count):
    """Return the targets of each task if the first leads to all, and all lead to the last."""
    last = count - 1
    return [list(range(1, last)), *([last] for _ in range(1, last)), []]


def layers(count, width):
    """Return the targets of each task if each follows one or two of the layer above."""
    choice = random.Random(count)
    targets = [[] for _ in range(count)]
    for number in range(width, count):
        first = (number // width - 1) * width
        for source in choice.sample(range(first, first + width), choice.choice([1, 1, 2])):
            targets[source].append(number)
    return targets


def growth(count):
    """Return the targets of each task if each follows one or two of the twenty before it."""
    choice = random.Random(count)
    targets = [[] for _ in range(count)]
    for number in range(1, count):
        sources = {
            choice.randrange(max(0, number - 20), number) for _ in range(choice.choice([1, 2]))
        }
        for source in sources:
            targets[source].append(number)
    return targets


def unconnected(count):
    """Return the targets of each task if there are no transitions."""
    return [[] for _ in range(count)]


def text_of(targets, failing=()):
    """Return the text of a workflow.

    Args:
        targets: The numbers of the tasks that each leads to when it succeeds.
        failing: The numbers of the tasks that fail.
    """
    sources = [0] * len(targets)
    for numbers in targets:
        for number in numbers:
            sources[number] += 1

    lines = ["tasks:"]
    for number, followers in enumerate(targets):
        lines.append(f"  - name: {name_of(number)}")
        if number in failing:
            lines.append("    action: core.fail")
            lines.append('    input: {message: "no route to host"}')
        else:
            lines.append("    action: core.noop")
        if sources[number] > 1:
            lines.append("    join: all")
        if followers:
            names = ", ".join(name_of(follower) for follower in followers)
            lines.append(f"    next: [{{when: succeeded(), do: [{names}]}}]")
    return "\n".join(lines)

"""Secrets in long texts: the cost of masking them."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attune_nb as attune
from attune_nb.values.secrets import Mask
from benchmarks.verdict import compare, judge_ratio, judge_spread, median_us, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.verdict import Verdict

__all__ = ["make_text", "measure"]

SECRETS = 1_000
TEXT_SIZE = 1_000_000
TURNS = 3

_LINES_PER_SECRET = 50
MOST_SECONDS = 0.2  # for a text of 1 MB

ITEMS = 10_000
LINE_SIZE = 1_000
WORKFLOW = """
parameters: {key: {type: string, DECLARED}, items: {}}
tasks:
  - name: log
    action: log
    with_items: "{{ range(parameters.items) }}"
    concurrency: 8
    input: {number: "{{ item }}", key: "{{ parameters.key }}"}
"""


def measure() -> Iterator[Verdict]:
    """Measure a long text with one and with many secrets, and a run whose results have one."""
    yield from _measure_texts()
    yield _measure_run()


def _measure_texts() -> Iterator[Verdict]:
    secrets = {f"key {number}": f"secret-{number:06}" for number in range(SECRETS)}
    text = make_text(TEXT_SIZE, secrets["key 7"])
    mask_all = Mask(secrets)
    mask_single = Mask({"key 7": secrets["key 7"]})

    def replace_all() -> str:
        masked = text
        for secret in secrets.values():
            masked = masked.replace(secret, "***")
        return masked

    if mask_all.text(text) != replace_all():
        raise AssertionError("the masked texts differ")
    sides: dict[str, Callable[[], object]] = {
        "all": lambda: mask_all.text(text),
        "one": lambda: mask_single.text(text),
        "replace": replace_all,
    }
    turns = time_in_turn(sides, TURNS)

    subject = f"{SECRETS:,} secrets masked in a text of 1 MB"
    yield judge_spread(subject, [turn["all"] for turn in turns], MOST_SECONDS, "s", spec=".3f")
    ratio = compare(turns, "all", "replace")
    yield judge_ratio(f"{subject}, against str.replace for each, without encodings", ratio)
    yield judge_ratio(f"{subject}, against one secret", compare(turns, "all", "one"))


def make_text(size: int, secret: str) -> str:
    """Return log lines of JSON, of which every fiftieth has a secret."""
    lines: list[str] = []
    length = 0
    while length < size:
        number = len(lines)
        digest = hashlib.sha256(str(number).encode()).hexdigest()
        key = secret if number % _LINES_PER_SECRET == 0 else "none"
        line = json.dumps({"id": number, "url": f"http://host/{number}", "sum": digest, "key": key})
        lines.append(line)
        length += len(line) + 1
    return "\n".join(lines)[:size]


def _measure_run() -> Verdict:
    """Compare recorded runs whose results are texts with a secret, and with the same text."""
    with tempfile.TemporaryDirectory() as folder:

        def send(declared: str) -> attune.Run:
            run = attune.loads(WORKFLOW.replace("DECLARED", declared)).run(
                {"key": "secret-0000007", "items": ITEMS},
                actions={"log": _log},
                progress=False,
                store=str(Path(folder, "runs.db")),
            )
            run.raise_for_status()
            return run

        sides = {"secret": lambda: send("secret: true"), "plain": lambda: send("secret: false")}
        turns = time_in_turn(sides, TURNS)

    note = f"{median_us(turns, 'secret', ITEMS):.1f} us an item"
    subject = f"{ITEMS:,} recorded texts of 1 KB with a secret, against the same without"
    return judge_ratio(subject, compare(turns, "secret", "plain"), note=note)


def _log(number: int, key: str) -> dict[str, Any]:
    return {"number": number, "line": f"{key} {'x' * LINE_SIZE}"}

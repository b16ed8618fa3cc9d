"""The quick table, in five minutes: `python -m benchmarks [--long] [PART ...]`.

Each line has the property that was measured, the figure, its limit, and whether the figure keeps
the limit ("shown" if there is none). Ratios are of sides measured in turn in this run; bytes are
counted; the other figures are times on this machine. Without a part all are measured. Some parts
have a long version with more items or more peers: `--long`.
The exit status is 1 if a line is MISSED.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import platform
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from benchmarks.verdict import Verdict

__all__ = ["PARTS", "main", "make_parser", "measure_parts"]

PARTS = (
    "records",
    "requests",
    "tables",
    "masking",
    "printing",
    "tasks",
    "packs",
    "scopes",
    "templates",
    "fanout",
    "growth",
    "many",
    "context",
    "extras",
    "durable",
    "beyond",
    "outside",
)


def main(arguments: list[str] | None = None) -> int:
    """Measure the parts and print the table; return the exit status."""
    parser = make_parser("python -m benchmarks", str(__doc__))
    parser.add_argument(
        "--long",
        action="store_true",
        help="more items and peers, for the parts that have a long version",
    )
    options = parser.parse_args(arguments)
    verdicts = measure_parts(options.parts or PARTS, in_full=options.long)
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def measure_parts(parts: Sequence[str], *, in_full: bool = False) -> list[Verdict]:
    """Measure parts, print the table, and return its lines.

    Args:
        parts: The names of the parts.
        in_full: Whether to measure the long version of the parts that have one.
    """
    began = time.perf_counter()
    print(f"Python {platform.python_version()}, {platform.system()}, {_count_cores()} cores")

    verdicts = []
    for name in parts:
        part_began = time.perf_counter()
        part = importlib.import_module(f"benchmarks.{name}")
        # the objects of earlier parts would make every collection of this one slower
        gc.collect()
        gc.freeze()
        heading, _, _ = str(part.__doc__).partition("\n")
        print(f"\n{name}: {heading}")
        for verdict in _measure(part, in_full=in_full):
            verdicts.append(verdict)
            print(f"  {verdict}", flush=True)
        print(f"  {time.perf_counter() - part_began:.0f} s")

    missed = sum(not verdict.holds for verdict in verdicts)
    print(f"\n{time.perf_counter() - began:.0f} s; {missed} not reached")
    return verdicts


def _measure(part: ModuleType, *, in_full: bool) -> Iterator[Verdict]:
    """Measure a part: its long version if there is one and it is asked for."""
    measure = part.measure
    if in_full:
        measure = getattr(part, "measure_long", measure)

    verdicts: Iterator[Verdict] = measure()
    return verdicts


def make_parser(program: str, description: str) -> argparse.ArgumentParser:
    """Return a parser of parts."""
    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # no `choices`: argparse refuses an empty list with them
    parser.add_argument(
        "parts",
        nargs="*",
        type=_read_part,
        metavar="PART",
        help=f"{', '.join(PARTS)}; by default all",
    )
    return parser


def _read_part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {name!r}; there are {', '.join(PARTS)}")
    return name


def _count_cores() -> int:
    cores = os.cpu_count()
    if sys.platform == "linux":
        cores = len(os.sched_getaffinity(0))
    return 1 if cores is None else cores


if __name__ == "__main__":
    sys.exit(main())

"""The quick table: `python -m benchmarks [PART ...]`.

Each line has the property that was measured, the figure, its limit, and whether the figure keeps
the limit ("shown" if there is none). Ratios are of sides measured in turn in this run; bytes are
counted; the other figures are times on this machine. The parts, in the order of the table:
records, requests, scopes, templates, fanout, growth, context, extras, durable, beyond; without
any, all.
The exit status is 1 if a line is MISSED.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time

__all__ = ["PARTS", "main"]

PARTS = (
    "records",
    "requests",
    "scopes",
    "templates",
    "fanout",
    "growth",
    "context",
    "extras",
    "durable",
    "beyond",
)


def main(arguments: list[str] | None = None) -> int:
    """Measure the parts and print the table; return the exit status."""
    parts = _make_parser().parse_args(arguments).parts
    if not parts:
        parts = PARTS

    began = time.perf_counter()
    print(f"Python {platform.python_version()}, {platform.system()}, {_count_cores()} cores")
    missed = 0
    for name in parts:
        part = importlib.import_module(f"benchmarks.{name}")
        heading, _, _ = str(part.__doc__).partition("\n")
        print(f"\n{name}: {heading}")
        for verdict in part.measure():
            missed += not verdict.holds
            print(f"  {verdict}", flush=True)

    print(f"\n{time.perf_counter() - began:.0f} s; {missed} not reached")
    return 1 if missed else 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
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

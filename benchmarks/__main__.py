"""The quick table: `python -m benchmarks [PART ...]`.

Each line says what was measured, the figure, what it must reach, and whether it is reached
("shown" stands where nothing must be). Ratios are of sides measured in turn in this run; bytes
are counted; the other figures are times on this machine. The parts, in the order of the table:
scopes, templates, fanout, growth, context, extras, durable, beyond; without any, all. The exit
status is 1 when a line is MISSED.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import time

PARTS = ("scopes", "templates", "fanout", "growth", "context", "extras", "durable", "beyond")


def main(words: list[str] | None = None) -> int:
    """Measure the parts and print the table; give the exit status."""
    chosen = _parser().parse_args(words).parts or PARTS
    began = time.perf_counter()
    print(f"Python {platform.python_version()}, {platform.system()}, {_cores()} cores")
    missed = 0
    for name in chosen:
        part = importlib.import_module(f"benchmarks.{name}")
        heading, _, _ = (part.__doc__ or "").partition("\n")
        print(f"\n{name}: {heading}")
        for verdict in part.measure():
            missed += not verdict.holds
            print(f"  {verdict}", flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s; {missed} not reached")
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # No `choices`: argparse holds the empty list against them too.
    made.add_argument(
        "parts", nargs="*", type=_part, metavar="PART", help=f"{', '.join(PARTS)}; by default all"
    )
    return made


def _part(word: str) -> str:
    if word not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {word!r}; there are {', '.join(PARTS)}")
    return word


def _cores() -> int:
    import os  # noqa: PLC0415 - only here

    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())

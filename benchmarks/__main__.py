"""The quick table: `python -m benchmarks [PART ...]`.

Each line says what was measured, what it must reach, the figure, and whether it is reached. Every
figure is a ratio of two sides measured in turn in this run, or a count. The parts, in the order
of the table: scopes, templates, fanout, growth, context, extras.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
import time

PARTS = ("scopes", "templates", "fanout", "growth", "context", "extras")


def main() -> None:
    """Measure the parts and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which of them; all")
    chosen = parser.parse_args().parts or PARTS
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


def _cores() -> int:
    import os  # noqa: PLC0415 - only here

    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


__all__ = ["main"]

if __name__ == "__main__":
    main()

"""The quick table: `python -m benchmarks`."""

from __future__ import annotations

import argparse

from benchmarks import fanout


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    fanout.report(options.items, options.repeats)


if __name__ == "__main__":
    main()

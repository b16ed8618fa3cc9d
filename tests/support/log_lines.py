"""Run one task over items, and keep the lines that its attempts write."""

import contextlib

from attune_nb.engine.driver import Driver
from support.item_runs import run_work


@contextlib.contextmanager
def read_lines(reader=None):
    """Yield a list that gets the lines of all runs that start meanwhile.

    Args:
        reader: Gets the lines instead of the list.
    """
    lines = []
    if reader is None:
        reader = lines.extend
    make = Driver.__init__

    def make_with_reader(driver, *args, **options):
        make(driver, *args, **options)
        driver.log_readers.append(reader)

    Driver.__init__ = make_with_reader
    try:
        yield lines
    finally:
        Driver.__init__ = make


def lines_of(work, n=1, **options):
    """Run a function over `n` items; return the run and the lines."""
    with read_lines() as lines:
        run = run_work(work, {"n": n}, **options)
    return run, lines


def texts_of(work, n=1, **options):
    """Run a function over `n` items; return level and text of each line."""
    _, lines = lines_of(work, n, **options)
    return [(line.level, line.text) for line in lines]


def texts_by_index(lines):
    """Return the texts of some lines by the index of their items."""
    texts = {}
    for line in lines:
        texts.setdefault(line.index, []).append(line.text)
    return texts

"""Nothing that other tests have left behind prints into the lines of a test."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="module")
def collect_leftovers():
    """Collect garbage: a client of a kernel logs a warning then, in whatever attempt is running."""
    gc.collect()

"""What is measured collects garbage before each call: that of a whole suite would take minutes."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="module")
def only_what_is_new_is_collected():
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()

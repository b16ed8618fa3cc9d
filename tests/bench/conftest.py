"""Measurements collect garbage before each call; that of a whole suite would take minutes."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="module")
def only_new_objects_are_collected():
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()

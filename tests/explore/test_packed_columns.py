"""The columns of a page: packed and read back."""

import numpy as np
import pytest

from attune_nb.explore.columns import pack_column, unpack_column

COLUMNS = {
    "empty": [],
    "small": [0, 1, 255],
    "two bytes": [0, 256, 65_535],
    "four bytes": [1, 2**31, 2**32 - 1],
    "descending": [9, 8, 0, 7],
}


@pytest.mark.parametrize("differences", [False, True])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_reads_back_as_it_was(name, differences):
    numbers = np.array(COLUMNS[name], dtype=np.int64)
    column = pack_column(numbers, differences=differences)
    assert unpack_column(column).tolist() == COLUMNS[name]


def test_numbers_have_the_smallest_type_that_holds_them():
    types = [pack_column(np.array([largest]))["type"] for largest in (255, 256, 65_536)]
    assert types == ["u1", "u2", "u4"]


def test_numbers_out_of_range_are_cut():
    column = pack_column(np.array([-1, 2**40]))
    assert unpack_column(column).tolist() == [0, 2**32 - 1]


def test_ascending_numbers_take_a_byte_or_two_each_thousand():
    column = pack_column(np.arange(100_000), differences=True)
    assert len(column["data"]) < 500

"""Tables of each type, and whether two of them are the same."""

import datetime as dt
import decimal

import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal, assert_series_equal


def series(values, **options):
    return pd.Series(values, **options)


def frame(values, **options):
    return pd.DataFrame({"a": series(values, **options)})


DATES = pd.date_range("2024-03-30", periods=3, tz="Europe/Berlin")

FRAMES = {
    "numbers": pd.DataFrame({"i": [1, 2], "f": [1.5, np.nan], "b": [True, False]}),
    "numbers of few bytes": pd.DataFrame({"i": np.array([1], "i1"), "f": np.array([1], "f2")}),
    "complex numbers": frame([1j, 2]),
    "other byte order": frame(np.array([1, 2], dtype=">i4")),
    "strings": frame(["x", None]),
    "objects that are strings": frame(["x", None], dtype=object),
    "strings and nan": frame(["x", np.nan], dtype=object),
    "strings with surrogates": frame(["\udc80"], dtype=object),
    "mixed objects": frame(["x", 1, 1.5, True, None, np.nan, pd.NA, pd.NaT], dtype=object),
    "integers as objects": frame([1, None, 10**30], dtype=object),
    "arrays and objects": frame([[1, [2]], {"x": (1, 2)}]),
    "decimals and dates": frame([decimal.Decimal("1.50"), dt.date(2024, 1, 1), b"x"]),
    "dates": frame(np.array(["2024-01-01", "NaT"], dtype="M8[s]")),
    "dates with zone": frame(DATES),
    "dates with offset": frame(pd.to_datetime(["2024-01-01T00:00:00+05:30"])),
    "durations": frame(pd.to_timedelta([1, None], unit="s")),
    "periods": frame(pd.period_range("2024-01", periods=2, freq="M")),
    "intervals": frame(pd.cut([1, 2, 3], 2)),
    "sparse": frame(pd.arrays.SparseArray([0, 0, 1])),
    "categories": frame(pd.Categorical(["x", None, "y"], ["y", "x", "z"], ordered=True)),
    "categories of dates": frame(pd.Categorical(DATES)),
    "nullable": pd.DataFrame(
        {
            "i": pd.array([1, None], dtype="Int8"),
            "f": pd.array([1.5, None], dtype="Float64"),
            "b": pd.array([True, None], dtype="boolean"),
            "s": pd.array(["x", None], dtype="string"),
        }
    ),
    "no rows": pd.DataFrame({"a": series([], dtype="int64"), "s": series([], dtype=object)}),
    "no columns": pd.DataFrame(index=[1, 2]),
    "nothing": pd.DataFrame(),
    "labels that are no strings": pd.DataFrame([[1, 2]], columns=pd.Index([1, ("a", None)])),
    "labels twice": pd.DataFrame([[1, "x"]], columns=["a", "a"]),
    "labels like those of an index": pd.DataFrame({"__index_level_0__": [1]}, index=["x"]),
    "labels of two levels": pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None])
    ),
    "index of a range": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(10, 20, 5, name="r")),
    "index of strings": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "x"], name=("n", 1))),
    "index of dates": pd.DataFrame({"a": [1, 2, 3]}, index=DATES),
    "index of two levels": pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", None)], names=["k", None])
    ),
    "attributes": frame([1]),
}
FRAMES["attributes"].attrs = {"source": "a.csv", "page": 3}

SERIES = {
    "series": series([1, 2], name="n", index=["x", "y"]),
    "series without a name": series(["x", None]),
    "series with a tuple as name": series([1.5], name=("a", 1)),
    "series of categories": series(["x"], dtype="category"),
}

ARRAYS = {
    "array": np.arange(6).reshape(2, 3),
    "array in Fortran's order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "array without dimensions": np.array(5.5),
    "empty array": np.zeros((0, 3)),
    "array of nan": np.array([np.nan, -0.0, np.inf]),
    "array of strings": np.array(["a", "bc"]),
    "array of bytes": np.array([b"a", b"bc"]),
    "array of dates": np.array(["2024-01-01"], dtype="M8[D]"),
    "array of records": np.array([(1, "a")], dtype=[("x", "i4"), ("y", "U3")]),
    "array of objects": np.array([[1, "a"], [None, 2.5]], dtype=object),
}

ALL = {**FRAMES, **SERIES, **ARRAYS}


def is_same(left, right):
    """Return whether two tables are equal in types, values, labels and order."""
    assert type(left) is type(right)
    if isinstance(left, pd.DataFrame):
        assert_frame_equal(left, right, check_exact=True, check_freq=True, check_column_type=True)
        return left.attrs == right.attrs and cell_types(left) == cell_types(right)
    if isinstance(left, pd.Series):
        assert_series_equal(left, right, check_exact=True, check_freq=True)
        return True
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    return left.dtype.hasobject or left.tobytes() == right.tobytes()


def cell_types(table):
    """Return the types of the cells that are objects."""
    kinds = []
    for number in range(table.shape[1]):
        column = table.iloc[:, number]
        if column.dtype == object:
            kinds.append([type(cell).__mro__[-2] for cell in column.tolist()])
    return kinds

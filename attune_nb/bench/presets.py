"""Measurements with their defaults, and the charts of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.bench.clone import clone
from attune_nb.bench.fanout import fanout
from attune_nb.errors import BackendError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["BENCHES", "run_benchmark"]

BENCHES: dict[str, Callable[[], pd.DataFrame]] = {"clone": clone, "fanout": fanout}


def run_benchmark(name: str) -> tuple[pd.DataFrame, dict[str, Figure]]:
    """Run a measurement; return its frame, and its charts by their names.

    Raises:
        BackendError: There is no such measurement.
    """
    from attune_nb import charts  # noqa: PLC0415 - matplotlib is heavy

    if name not in BENCHES:
        hint = nearest(name, BENCHES)
        raise BackendError(f"there is no measurement `{name}`; there are clone and fanout{hint}")

    df = BENCHES[name]()
    if name == "clone":
        return df, {"clone_cost": charts.clone_cost(df), "memory": charts.memory(df)}
    return df, {"speedup": charts.speedup(df), "scaling": charts.scaling(df)}

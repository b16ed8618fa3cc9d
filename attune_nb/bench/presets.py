"""A measurement with its defaults, and the charts that tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.bench.clone import clone
from attune_nb.bench.fanout import fanout
from attune_nb.errors import BackendError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["BENCHES", "charted"]

BENCHES: dict[str, Callable[[], pd.DataFrame]] = {"clone": clone, "fanout": fanout}


def charted(name: str) -> tuple[pd.DataFrame, dict[str, Figure]]:
    """Measure, and draw; give the figures as a frame, and the charts by their names.

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

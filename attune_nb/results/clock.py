"""The dates of a run's events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from attune_nb.events import RunResumed, RunStarted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from attune_nb.events import Event

__all__ = ["RunClock"]

_NANOSECONDS = 10**9


class RunClock:
    """Turns the seconds of a run into dates. A run that was resumed had a break.

    Args:
        events: The events of the run, oldest first.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        starts = [event for event in events if isinstance(event, RunStarted | RunResumed)]
        epochs = [event.started_at for event in starts]
        if not epochs:
            epochs = [0.0]
        self._times = np.array([event.time for event in starts], dtype=np.float64)
        self._epochs = _nanoseconds(np.array(epochs, dtype=np.float64))

    def dates(self, seconds: ArrayLike) -> pd.Series:
        """Return times of the run as dates in UTC, of type `datetime64[ns, UTC]`.

        Args:
            seconds: Seconds since the start of the run; NaN for a missing date.
        """
        times = np.asarray(seconds, dtype=np.float64)
        missing = np.isnan(times)
        known = np.where(missing, 0.0, times)

        last_starts = np.searchsorted(self._times, known, side="right") - 1
        dates = self._epochs[np.maximum(last_starts, 0)] + _nanoseconds(known)
        series = pd.Series(dates.astype("datetime64[ns]")).dt.tz_localize("UTC")
        if missing.any():
            series = series.mask(missing)
        return series


def _nanoseconds(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(seconds * _NANOSECONDS).astype(np.int64)

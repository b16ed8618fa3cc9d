"""The reading of a run into lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd

from attune_nb.charts.timeline_chart.lanes import RETRIED, Attempts, Lane
from attune_nb.results.batches import busy_spans

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from attune_nb.charts.timeline_chart.lanes import TimelineRun
    from attune_nb.results.batches import BusySpan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Rows = dict[tuple[str, int], NDArray[np.intp]]  # the rows of each task execution

__all__ = ["read_lanes"]


def read_lanes(run: TimelineRun) -> list[Lane]:
    """Return a lane for each task execution: the started ones in order of start, then the rest."""
    tasks = run.tasks
    breaks = getattr(run, "breaks", ())
    frame = run.attempts()
    attempts, rows = _read_attempts(frame, run.started, breaks)
    spans = _read_spans(run, frame)
    starts = _seconds_since(run.started, tasks["start"], breaks)
    ends = _seconds_since(run.started, tasks["end"], breaks)
    # a task that runs may have had no event for a long time
    last = getattr(run, "duration_ms", 0.0) / 1000
    now = float(np.nanmax(np.concatenate([starts, ends, attempts.end, [last]])))

    no_rows = np.array([], dtype=np.intp)
    columns = (
        tasks["task"],
        tasks["status"],
        _read_counts(tasks["visit"]),
        _read_counts(tasks["items"]),
        _read_counts(tasks["failed_items"]),
        starts,
        ends,
    )
    lanes = []
    for name, status, visit, items, failed, start, end in zip(*columns, strict=True):
        own = attempts.take(rows.get((name, visit), no_rows))
        has_spans = (name, visit) in spans
        if has_spans:
            own = spans[name, visit]
        lane = Lane(
            name=name,
            visit=visit,
            status=str(status),
            items=items,
            failed=failed,
            start=start,
            end=end,
            attempts=own,
            rows=np.zeros_like(own.item),
            has_spans=has_spans,
        )
        _complete(lane, now)
        lanes.append(lane)

    return sorted(lanes, key=lambda lane: lane.start if lane.started else np.inf)


def _read_counts(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column).fillna(0).astype(int)


def _read_attempts(
    frame: pd.DataFrame, started: dt.datetime, breaks: Iterable[tuple[float, float]]
) -> tuple[Attempts, Rows]:
    """Return all attempts, and the rows of each task execution among them."""
    frame = frame.dropna(subset=["start", "duration_ms"]).sort_values("start", kind="stable")
    start = _seconds_since(started, frame["start"], breaks)
    attempts = Attempts(
        start=start,
        end=start + frame["duration_ms"].to_numpy(np.float64) / 1000,
        item=frame["index"].to_numpy(np.int64),
        number=frame["attempt"].to_numpy(np.int64),
        worker=frame["worker"].to_numpy(np.int64),
        status=_read_statuses(frame),
        running=np.ones(len(frame)),
    )
    rows = frame.groupby(["task", "visit"], sort=False).indices
    return attempts, cast("Rows", rows)


def _read_statuses(frame: pd.DataFrame) -> NDArray[np.str_]:
    """Return the statuses of attempts; those that failed and were not the last are `retried`."""
    attempts_of_item = frame.groupby(["task", "visit", "index"], sort=False)["attempt"]
    is_last = (frame["attempt"] == attempts_of_item.transform("max")).to_numpy(np.bool_)
    return _mark_retried(frame["status"].to_numpy(np.str_), is_last)


def _mark_retried(statuses: NDArray[np.str_], is_last: NDArray[np.bool_]) -> NDArray[np.str_]:
    """Return statuses in which a failure that is not the last attempt is `retried`."""
    has_failed = np.isin(statuses, ("failed", "timed_out"))
    return np.where(has_failed & ~is_last, RETRIED, statuses)


def _read_spans(run: TimelineRun, frame: pd.DataFrame) -> dict[tuple[str, int], Attempts]:
    """Return when attempts ran, for each execution of which the frame has only a sample."""
    if "weight" not in frame:
        return {}

    sampled = frame.loc[frame["weight"] > 1, ["task", "visit"]].drop_duplicates()
    keys = set(sampled.itertuples(index=False, name=None))
    attempts = {}
    for key, spans in busy_spans(getattr(run, "events", ())).items():
        if key in keys:
            attempts[key] = _join_spans(spans)
    return attempts


def _join_spans(spans: list[BusySpan]) -> Attempts:
    """Return spans as attempts. Which of them were retried is known from their numbers alone."""
    numbers = np.array([span.attempt for span in spans], np.int64)
    statuses = np.array([span.status for span in spans], np.str_)
    return Attempts(
        start=np.array([span.start for span in spans]),
        end=np.array([span.end for span in spans]),
        item=np.zeros(len(spans), np.int64),
        number=numbers,
        worker=np.zeros(len(spans), np.int64),
        status=_mark_retried(statuses, numbers == numbers.max(initial=1)),
        running=np.array([span.running for span in spans]),
    )


def _seconds_since(
    moment: dt.datetime, times: pd.Series, breaks: Iterable[tuple[float, float]] = ()
) -> Floats:
    """Return times in seconds since a moment, without the breaks.

    Args:
        moment: The moment; without a time zone it is in UTC.
        times: The times.
        breaks: When each break began, in seconds without the breaks before it, and how many
            seconds it took.
    """
    zero = pd.Timestamp(moment)
    zero = zero.tz_localize("UTC") if zero.tzinfo is None else zero.tz_convert("UTC")
    since = (pd.to_datetime(times, utc=True) - zero).dt.total_seconds()
    seconds = np.asarray(since, dtype=np.float64)
    for began, length in breaks:
        seconds = np.where(seconds > began + length / 2, seconds - length, seconds)
    return seconds


def _complete(lane: Lane, now: float) -> None:
    """Set the times and items of a lane that its attempts show better than its task.

    An execution that has not ended ends `now`.
    """
    attempts = lane.attempts
    if len(attempts):
        first_start = float(attempts.start[0])
        last_end = float(attempts.end.max())
        lane.start = min(lane.start, first_start) if lane.started else first_start
        if lane.status != "running":
            lane.end = float(np.nanmax([lane.end, last_end]))
        lane.items = max(lane.items, len(np.unique(attempts.item)))
    lane.has_items = lane.items > 1

    if lane.started:
        lane.start = max(lane.start, 0.0)
        end = now if np.isnan(lane.end) else lane.end
        lane.end = max(end, lane.start)

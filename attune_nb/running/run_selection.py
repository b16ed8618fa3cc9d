"""The choice of runs on record: by status, workflow and age."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, get_args

from attune_nb.errors import ParameterError, nearest
from attune_nb.events import RunStatus
from attune_nb.language.describe import is_positive_integer
from attune_nb.values.describe import describe_with_value

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["DEFAULT_LIMIT", "RUN_STATUSES", "Age", "RunSelection", "read_age"]

Age = str | date | timedelta
"""A point in the past: a date, or how long ago it was (`2d`, `3h`)."""

RUN_STATUSES: tuple[str, ...] = get_args(RunStatus)
"""The statuses that a run on record can have."""

DEFAULT_LIMIT = 20
"""The most runs that a command lists, unless its line says otherwise."""

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]+)\s*")


@dataclass(frozen=True, kw_only=True)
class RunSelection:
    """Which runs are listed.

    Attributes:
        statuses: The statuses of the listed runs; None for all.
        workflow: The name of their workflow; None for any.
        since: They began at this time or later, in seconds since the epoch; None for any time.
        limit: The most runs, counted from the newest; None for all.
    """

    statuses: frozenset[str] | None = None
    workflow: str | None = None
    since: float | None = None
    limit: int | None = None

    @classmethod
    def read(
        cls,
        status: str | Iterable[str] | None = None,
        workflow: str | None = None,
        since: Age | None = None,
        limit: int | None = None,
    ) -> RunSelection:
        """Return the selection of the arguments of `attune_nb.runs`.

        Raises:
            ParameterError: An argument cannot be used; the message names it.
        """
        if workflow is not None and not isinstance(workflow, str):
            raise ParameterError(
                f"`workflow` must be the name of a workflow, not {describe_with_value(workflow)}"
            )
        if limit is not None and not is_positive_integer(limit):
            raise ParameterError(
                f"`limit` must be an integer of 1 or more, not {describe_with_value(limit)}"
            )

        since_epoch = None
        if since is not None:
            since_epoch = read_age(since, "since")
        return cls(
            statuses=_read_statuses(status), workflow=workflow, since=since_epoch, limit=limit
        )

    @property
    def since_date(self) -> datetime | None:
        """`since` as a date, in UTC."""
        if self.since is None:
            return None
        return datetime.fromtimestamp(self.since, UTC)

    def includes(self, *, status: str, workflow: str, started: float) -> bool:
        """Return whether a run is listed, as far as the limit allows.

        Args:
            status: Its status.
            workflow: The name of its workflow.
            started: When it began, in seconds since the epoch, UTC.
        """
        if self.statuses is not None and status not in self.statuses:
            return False
        if self.workflow is not None and workflow != self.workflow:
            return False
        return self.since is None or started >= self.since


def read_age(value: Any, option: str) -> float:
    """Return a point in the past in seconds since the epoch.

    Args:
        value: A date, with a time or without one (midnight), in UTC unless it names a time
            zone; a `timedelta`; or text: such a date as `2024-12-24` or `2024-12-24 18:30`, or
            a number with a unit: `90s`, `15m`, `3h`, `2d`, `1w`.
        option: The name of the argument, for the message.

    Raises:
        ParameterError: It is neither.
    """
    moment = _read_date(value)
    if moment is None:
        seconds = _read_seconds(value)
        if seconds is not None:
            return datetime.now(UTC).timestamp() - seconds
    if moment is None:
        raise ParameterError(
            f"`{option}` must be a date such as 2024-12-24, or a time ago such as 90s, 15m, 3h, "
            f"2d or 1w, not {describe_with_value(value)}"
        )

    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _read_statuses(status: str | Iterable[str] | None) -> frozenset[str] | None:
    if status is None:
        return None

    statuses: list[Any] = [status]
    if isinstance(status, list | tuple | set | frozenset):
        statuses = list(status)
    for name in statuses:
        if not isinstance(name, str) or name not in RUN_STATUSES:
            hint = nearest(name, RUN_STATUSES) if isinstance(name, str) else ""
            raise ParameterError(
                f"`status` must be one of {', '.join(RUN_STATUSES)}, "
                f"not {describe_with_value(name)}{hint}"
            )
    return frozenset(statuses)


def _read_date(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if not isinstance(value, str):
        return None

    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def _read_seconds(value: Any) -> float | None:
    """Return the seconds of a `timedelta`, or of a text such as `3h`; None for anything else."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
        return seconds if seconds >= 0 else None

    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _SECONDS:
        return None
    return float(match[1]) * _SECONDS[match[2]]

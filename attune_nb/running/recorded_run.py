"""A run that was opened from a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Self

from attune_nb.errors import AttuneError
from attune_nb.running.run import BaseRun

if TYPE_CHECKING:
    from collections.abc import Generator

    from attune_nb.conductor.state import RunState
    from attune_nb.events import Event

__all__ = ["RecordedRun", "ReplayedRun"]


class ReplayedRun(NamedTuple):
    """The events of a record, and the state that follows from them."""

    state: RunState
    events: list[Event]


class RecordedRun(BaseRun):
    """A run as its record stands: it can be read, forked and retried, but not controlled."""

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - as in `Run`
        """Return True at once: a record does not change."""
        return True

    def __await__(self) -> Generator[Any, None, Self]:
        """Return the run at once: a record does not change."""
        yield from ()
        return self

    def cancel(self, *, force: bool = False) -> NoReturn:  # noqa: ARG002 - as in `Run`
        """Raise `AttuneError`."""
        self._refuse("cancel")

    def pause(self) -> NoReturn:
        """Raise `AttuneError`."""
        self._refuse("pause")

    def resume(self) -> NoReturn:
        """Raise `AttuneError`; `attune_nb.resume` continues an interrupted run."""
        self._refuse("resume")

    def answer(self, task: str, value: Any) -> NoReturn:  # noqa: ARG002 - as in `Run`
        """Raise `AttuneError`."""
        self._refuse("answer")

    def rerun(self, task: str, index: int | None = None) -> NoReturn:  # noqa: ARG002 - as in `Run`
        """Raise `AttuneError`."""
        self._refuse("rerun")

    def accept(self, task: str, result: Any, index: int | None = None) -> NoReturn:  # noqa: ARG002
        """Raise `AttuneError`."""
        self._refuse("accept")

    def _refuse(self, verb: str) -> NoReturn:
        hint = "; `attune_nb.resume` continues it" if self.status == "interrupted" else ""
        raise AttuneError(
            f"`{verb}` needs a run of this process; run {self.run_id} was opened from its "
            f"record{hint}"
        )

"""Readers of a run and of the runs within it: each run gets a reader of its own."""

from __future__ import annotations

import abc
import logging
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attune_nb.actions.registry import Action
    from attune_nb.engine.child_runs import ParentAttempt
    from attune_nb.engine.driver import Driver
    from attune_nb.events import Event, Key

__all__ = ["FollowedRun", "FollowerSet", "RunFollower", "RunReader"]

_log = logging.getLogger("attune_nb")


@dataclass(frozen=True, kw_only=True)
class FollowedRun:
    """A run before its start, as a follower gets it.

    Attributes:
        run_id: Its id.
        root_id: The id of the outermost run; that of the run itself if it is no child run.
        parent_id: The id of its parent; empty if it is no child run.
        parent_attempt: The attempt of its parent that it is: task, visit, index of the item, and
            number of the attempt; None if it is no child run.
        backend: The name of the backend.
        past: The events from before a resume, which no reader gets any more.
        hide: Replaces the secrets of the run in a text, also those that it gets later.
    """

    run_id: str
    root_id: str
    parent_id: str = ""
    parent_attempt: tuple[str, int, int, int] | None = None
    backend: str = ""
    past: Sequence[Event] = ()
    hide: Callable[[str], str] = str


class RunReader(abc.ABC):
    """Reads the events of one run, in the engine's thread."""

    @abc.abstractmethod
    def read(self, events: Sequence[Event]) -> None:
        """Read new events. If this raises, the reader is removed, and an alert says so."""

    def adapt_action(self, _key: Key, action: Action) -> Action:
        """Return the action that the attempts of an execution of a task call.

        It is only called if the follower says so. The reader has read the task's start before.
        """
        return action


class RunFollower(abc.ABC):
    """Follows runs. It may stand in the `readers` of a run, among functions.

    It does not get the results of tasks with `keep_results: none`.

    Attributes:
        adapts_actions: Whether its readers adapt actions.
    """

    adapts_actions: bool = False

    @abc.abstractmethod
    def follow(self, run: FollowedRun) -> RunReader:
        """Return a reader of a run that is about to start, or about to continue.

        If this raises, the run goes on without the reader, and an alert says so.
        """


class FollowerSet:
    """The followers of an outermost run and of the runs within it.

    Args:
        followers: The followers.
        root_id: The id of the outermost run.
        backend: The name of its backend.
    """

    def __init__(self, followers: Sequence[RunFollower], root_id: str, backend: str) -> None:
        self._followers = followers
        self._root_id = root_id
        self._backend = backend

    def connect(
        self,
        driver: Driver,
        run_id: str,
        *,
        attempt: ParentAttempt | None = None,
        past: Sequence[Event] = (),
    ) -> None:
        """Let the followers read a run.

        Args:
            driver: Its driver, before the run starts.
            run_id: Its id.
            attempt: The attempt that it is; None for the outermost run.
            past: Its events from before a resume.
        """
        if not self._followers:
            return

        parent_id = ""
        parent_attempt = None
        if attempt is not None:
            parent_id = attempt.driver.run_id
            parent_attempt = (attempt.task, attempt.visit, attempt.index, attempt.attempt)
        followed = FollowedRun(
            run_id=run_id,
            root_id=self._root_id,
            parent_id=parent_id,
            parent_attempt=parent_attempt,
            backend=self._backend,
            past=past,
            hide=_masking(driver),
        )

        adapting = []
        for follower in self._followers:
            try:
                reader = follower.follow(followed)
            except Exception as error:  # noqa: BLE001 - a follower may raise anything
                # as a reader that fails: it must not break the run
                driver.add_reader(_raising(error))
                continue
            driver.add_reader(reader.read)
            if follower.adapts_actions:
                adapting.append(reader)
        if adapting:
            driver.adapt_action = _adapting(adapting)


def _masking(driver: Driver) -> Callable[[str], str]:
    """Return a function that replaces the secrets which a run has got so far."""
    # the driver holds its readers, which must not keep it alive
    known_driver = weakref.ref(driver)
    first_mask = driver.state.context.mask

    def hide(text: str) -> str:
        live_driver = known_driver()
        mask = first_mask
        if live_driver is not None:
            mask = live_driver.state.context.mask
        return mask.text(text)

    return hide


def _adapting(readers: Sequence[RunReader]) -> Callable[[Key, Action], Action]:
    def adapt(key: Key, action: Action) -> Action:
        for reader in readers:
            try:
                action = reader.adapt_action(key, action)
            except Exception:  # noqa: BLE001 - logged here
                # the attempts are more important than their readers
                _log.exception("task %s calls its own action", key[0])
        return action

    return adapt


def _raising(error: Exception) -> Callable[[Sequence[Event]], None]:
    """Return a reader that fails with an error."""

    def fail(_events: Sequence[Event]) -> None:
        raise error

    return fail

"""Requests of users to a running driver."""

from __future__ import annotations

import queue
from array import array
from typing import TYPE_CHECKING, Any

from attune_nb.conductor.answer_schema import explain_answer_misfit, secret_parts
from attune_nb.errors import ParameterError
from attune_nb.events import (
    SUCCEEDED,
    AskAnswered,
    AttemptsEnded,
    Batch,
    CancelRequested,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
)
from attune_nb.values.frozen import freeze, freeze_guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.events import Input, Key

    # makes an input from its time and its seed; None if there is no more reason for one
    InputFactory = Callable[[float, int], Input | None]

__all__ = ["RequestQueue"]


class RequestQueue:
    """The requests that the driver has not processed yet. Any thread may add one.

    Attributes:
        answered: The questions that were answered, also those whose answer is not processed yet.
    """

    def __init__(self) -> None:
        self.answered: set[Key] = set()
        self._requests: queue.SimpleQueue[InputFactory] = queue.SimpleQueue()

    def pop_request(self) -> InputFactory | None:
        """Remove the oldest request and return it, or None if there is none."""
        try:
            return self._requests.get_nowait()
        except queue.Empty:
            return None

    def has_no_requests(self) -> bool:
        """Return whether all requests so far were processed, or are being processed."""
        return self._requests.empty()

    def cancel(self, reason: str = "", *, force: bool = False) -> None:
        """Request that the run stops."""
        self._requests.put(
            lambda time, seed: CancelRequested(time=time, seed=seed, reason=reason, force=force)
        )

    def pause(self) -> None:
        """Request that the run starts nothing more."""
        self._requests.put(lambda time, seed: PauseRequested(time=time, seed=seed))

    def resume(self) -> None:
        """Request that a paused run continues."""
        self._requests.put(lambda time, seed: ResumeRequested(time=time, seed=seed))

    def answer(
        self, task: str, visit: int, value: Any, schema: Any = None, *, by: str = ""
    ) -> None:
        """Answer a question.

        Args:
            task: The task's path.
            visit: The number of the execution of the task.
            value: The answer.
            schema: The question's `response_schema`.
            by: Who answers.

        Raises:
            ParameterError: The answer does not fit the schema, or contains itself.
        """
        problem = explain_answer_misfit(value, schema)
        if problem is not None:
            raise ParameterError(problem)

        value = freeze(value)
        secrets = secret_parts(schema)
        self.answered.add((task, visit))
        self._requests.put(
            lambda time, seed: AskAnswered(
                time=time, seed=seed, task=task, visit=visit, value=value, by=by, secrets=secrets
            )
        )

    def rerun(self, task: str, visit: int, index: int) -> None:
        """Repeat an attempt in doubt."""
        self._requests.put(
            lambda time, seed: RerunRequested(
                time=time, seed=seed, task=task, visit=visit, index=index
            )
        )

    def accept(self, task: str, visit: int, index: int, attempt: int, result: Any) -> None:
        """Accept a result for an attempt in doubt.

        Raises:
            ParameterError: The result contains itself.
        """
        try:
            frozen = freeze_guarded(result)
        except ValueError as error:
            raise ParameterError(f"the result cannot be used: {error}") from None

        def attempt_ended(time: float, seed: int) -> AttemptsEnded:
            batch = Batch(
                index=array("q", [index]),
                attempt=array("q", [attempt]),
                worker=array("q", [0]),
                start=array("d", [time]),
                duration=array("d", [0.0]),
                status=bytes([SUCCEEDED]),
                results=[frozen],
                errors={},
            )
            return AttemptsEnded(time=time, seed=seed, task=task, visit=visit, batch=batch)

        self._requests.put(attempt_ended)

"""Requests of users to a running driver."""

from __future__ import annotations

import queue
import threading
import time
from array import array
from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.conductor.answer_schema import (
    check_schema,
    explain_answer_misfit,
    secret_parts,
)
from attune_nb.conductor.state import Inquiry
from attune_nb.errors import ParameterError
from attune_nb.events import (
    SUCCEEDED,
    AskAnswered,
    AttemptsEnded,
    Batch,
    CancelRequested,
    InquiryOpened,
    KeyAdded,
    PauseRequested,
    RerunRequested,
    ResumeRequested,
)
from attune_nb.values.frozen import freeze, freeze_guarded

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.conductor.state import RunState
    from attune_nb.events import Input, QuestionKey

    # makes an input from its time and its seed; None if there is no more reason for one
    InputFactory = Callable[[float, int], Input | None]

__all__ = ["RequestQueue"]


class RequestQueue:
    """The requests that the driver has not processed yet. Any thread may add one.

    Attributes:
        state: The state of the run after the last input.
        answered: The questions that were answered, also those whose answer is not processed yet.
        awaited_inquiries: The ids of inquiries that an action waits for while it runs.

    Args:
        state: The state of the run before its first input.
    """

    def __init__(self, state: RunState) -> None:
        self.state = state
        self.answered: set[QuestionKey] = set()
        self.awaited_inquiries: set[int] = set()
        self._requests: queue.SimpleQueue[InputFactory] = queue.SimpleQueue()
        # the inquiries of which the conductor has no input yet
        self._new_inquiries: queue.SimpleQueue[Inquiry] = queue.SimpleQueue()
        self._inquiries: dict[int, Inquiry] = {}
        self._inquiries_lock = threading.Lock()
        # processed before the ends of the attempts that got them
        self._new_keys: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def pop_request(self) -> InputFactory | None:
        """Remove the oldest request and return it, or None if there is none."""
        try:
            return self._requests.get_nowait()
        except queue.Empty:
            return None

    def has_no_requests(self) -> bool:
        """Return whether all requests so far were processed, or are being processed."""
        return self._requests.empty()

    def cancel(self, reason: str = "", *, force: bool = False, by: str = "") -> None:
        """Request that the run stops."""
        self._requests.put(
            lambda time, seed: CancelRequested(
                time=time, seed=seed, reason=reason, force=force, by=by
            )
        )

    def pause(self, *, by: str = "") -> None:
        """Request that the run starts nothing more."""
        self._requests.put(lambda time, seed: PauseRequested(time=time, seed=seed, by=by))

    def resume(self, *, by: str = "") -> None:
        """Request that a paused run continues."""
        self._requests.put(lambda time, seed: ResumeRequested(time=time, seed=seed, by=by))

    def open_inquiry(
        self,
        task: str,
        visit: int,
        prompt: str,
        response_schema: Any = None,
        *,
        index: int = 0,
        purpose: str = "",
        assigned_to: Any = None,
        timeout: float | None = None,
    ) -> Inquiry:
        """Ask a question for an action that runs, and return at once.

        Another attempt for the same item that asks for the same purpose gets the same inquiry.

        Args:
            task: The path of the action's task.
            visit: The number of the execution of the task.
            prompt: The question.
            response_schema: The schema that the answer must fit: a JSON Schema, or a flat one.
            index: The index of the item.
            purpose: Distinguishes the inquiries of one item.
            assigned_to: Who shall answer.
            timeout: The seconds until the inquiry times out; None for no limit.

        Raises:
            ParameterError: The schema cannot be used, or an inquiry for this purpose has
                another question.
        """
        request = Inquiry(
            id=0,
            task=task,
            visit=visit,
            index=index,
            purpose=purpose,
            prompt=prompt,
            response_schema=freeze(check_schema(response_schema)),
            assigned_to=freeze(assigned_to),
            timeout=timeout,
            opened_at=0.0,
        )
        with self._inquiries_lock:
            earlier = self._find_earlier(request)
            if earlier is not None:
                return earlier

            inquiries = self._all_inquiries()
            inquiry = msgspec.structs.replace(
                request, id=max(inquiries, default=0) + 1, opened_at=time.time()
            )
            self._inquiries[inquiry.id] = inquiry
            self._new_inquiries.put(inquiry)
        return inquiry

    def find_inquiry(self, inquiry_id: int) -> Inquiry | None:
        """Return the current state of an inquiry of the run, or None if there is none."""
        return self._all_inquiries().get(inquiry_id)

    def list_inquiries(self) -> list[Inquiry]:
        """Return the current states of the inquiries of the run, oldest first."""
        inquiries = self._all_inquiries()
        return [inquiries[inquiry_id] for inquiry_id in sorted(inquiries)]

    def _all_inquiries(self) -> dict[int, Inquiry]:
        """Return all inquiries; the state of the run has the newest version of each."""
        return {**self._inquiries, **self.state.inquiries}

    def _find_earlier(self, request: Inquiry) -> Inquiry | None:
        """Return the inquiry that was opened before for the same item and purpose.

        Raises:
            ParameterError: That inquiry has another question.
        """
        if not request.purpose:
            return None

        for inquiry in self._all_inquiries().values():
            if _asker(inquiry) != _asker(request):
                continue
            if _question(inquiry) != _question(request):
                raise ParameterError(
                    f"inquiry {inquiry.id} has the same purpose `{request.purpose[:80]}` and "
                    "another question; give each question a purpose of its own"
                )
            return inquiry
        return None

    def pop_inquiry(self, time: float, seed: int) -> InquiryOpened | None:
        """Remove the oldest inquiry without an input for the conductor, and return that input."""
        try:
            inquiry = self._new_inquiries.get_nowait()
        except queue.Empty:
            return None
        return InquiryOpened(
            time=time,
            seed=seed,
            task=inquiry.task,
            visit=inquiry.visit,
            inquiry=inquiry.id,
            prompt=inquiry.prompt,
            response_schema=inquiry.response_schema,
            assigned_to=inquiry.assigned_to,
            timeout=inquiry.timeout,
            index=inquiry.index,
            purpose=inquiry.purpose,
        )

    def answer(
        self,
        task: str,
        visit: int,
        value: Any,
        schema: Any = None,
        *,
        by: str = "",
        inquiry: int = 0,
    ) -> None:
        """Answer a question.

        Args:
            task: The task's path.
            visit: The number of the execution of the task.
            value: The answer.
            schema: The question's `response_schema`.
            by: Who answers.
            inquiry: The id of the inquiry; 0 for `core.ask`.

        Raises:
            ParameterError: The answer does not fit the schema, or contains itself.
        """
        problem = explain_answer_misfit(value, schema)
        if problem is not None:
            raise ParameterError(problem)

        value = freeze(value)
        secrets = secret_parts(schema)
        self.answered.add((task, visit, inquiry))
        self._requests.put(
            lambda time, seed: AskAnswered(
                time=time,
                seed=seed,
                task=task,
                visit=visit,
                value=value,
                by=by,
                secrets=secrets,
                inquiry=inquiry,
            )
        )

    def add_key(self, ref: str, value: Any) -> None:
        """Hide the texts of a key, which an attempt gets or has made, in all that follows.

        Args:
            ref: Its ref.
            value: Its value.
        """
        self._new_keys.put((ref, freeze(value)))

    def has_new_keys(self) -> bool:
        """Return whether attempts have got keys that were not taken."""
        return not self._new_keys.empty()

    def pop_key(self, time: float, seed: int) -> KeyAdded | None:
        """Remove the oldest key that the run does not know yet, and return its input."""
        try:
            ref, value = self._new_keys.get_nowait()
        except queue.Empty:
            return None
        return KeyAdded(time=time, seed=seed, name=ref, value=value)

    def rerun(self, task: str, visit: int, index: int, *, by: str = "") -> None:
        """Repeat an attempt in doubt."""
        self._requests.put(
            lambda time, seed: RerunRequested(
                time=time, seed=seed, task=task, visit=visit, index=index, by=by
            )
        )

    def accept(
        self, task: str, visit: int, index: int, attempt: int, result: Any, *, by: str = ""
    ) -> None:
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
            return AttemptsEnded(time=time, seed=seed, task=task, visit=visit, batch=batch, by=by)

        self._requests.put(attempt_ended)


def _asker(inquiry: Inquiry) -> tuple[Any, ...]:
    """Return the fields that identify the inquiry of an item for a purpose."""
    return inquiry.task, inquiry.visit, inquiry.index, inquiry.purpose


def _question(inquiry: Inquiry) -> tuple[Any, ...]:
    """Return the parts of an inquiry that another attempt must not change."""
    return inquiry.prompt, inquiry.response_schema, inquiry.assigned_to, inquiry.timeout

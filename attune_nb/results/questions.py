"""The questions of a run, and who answered them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.events import AskAnswered, AskOpened
from attune_nb.html import shortened
from attune_nb.values.describe import preview

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from attune_nb.events import Event

__all__ = ["answers_frame", "describe_answers", "describe_question"]

_COLUMNS = ["task", "visit", "prompt", "response", "by", "asked", "answered"]

# characters of a prompt and of an answer in a line
_MAX_PROMPT = 200
_MAX_ANSWER = 80

# answers that a run's summary shows
_MAX_ANSWERS = 5


def answers_frame(events: Sequence[Event]) -> pd.DataFrame:
    """Return one row for each question: the answer, who gave it, and when.

    A question without an answer has no response. Times are in UTC.
    """
    import pandas as pd  # noqa: PLC0415 - slow to import

    from attune_nb.results.clock import RunClock  # noqa: PLC0415 - imports pandas

    answers = {event.key: event for event in _answers(events)}
    rows = []
    for event in events:
        if not isinstance(event, AskOpened):
            continue
        answer = answers.get(event.key)
        rows.append(
            {
                "task": event.task,
                "visit": event.visit,
                "prompt": event.prompt,
                "response": None if answer is None else answer.value,
                "by": None if answer is None else answer.by,
                "asked": event.time,
                "answered": None if answer is None else answer.time,
            }
        )

    frame = pd.DataFrame(rows, columns=_COLUMNS)
    for name in ("response", "by"):
        # as objects: pandas would turn None into NaN
        frame[name] = pd.Series([row[name] for row in rows], dtype=object)
    clock = RunClock(events)
    for name in ("asked", "answered"):
        frame[name] = clock.dates(frame[name].astype("float64"))
    return frame


def describe_answers(events: Iterable[Event]) -> list[str]:
    """Return a line for each answer whose author is known."""
    lines = []
    for answer in _answers(events):
        if answer.by:
            response = _preview(answer.value)
            lines.append(f"`{answer.task}` was answered by {answer.by}: {response}")

    if len(lines) > _MAX_ANSWERS:
        hidden_count = len(lines) - _MAX_ANSWERS
        lines = [*lines[:_MAX_ANSWERS], f"and {hidden_count:,} more; `run.answers` has them all"]
    return lines


def describe_question(question: AskOpened) -> str:
    """Return an open question as one line."""
    return f"`{question.task}` asks: {shortened(question.prompt, _MAX_PROMPT)}"


def _preview(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return shortened(value, _MAX_ANSWER)
    return preview(value, _MAX_ANSWER)


def _answers(events: Iterable[Event]) -> list[AskAnswered]:
    """Return the first answer of each question; a later one is not used."""
    answers: dict[Any, AskAnswered] = {}
    for event in events:
        if isinstance(event, AskAnswered):
            answers.setdefault(event.key, event)
    return list(answers.values())

"""The open questions of a run, read from its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.conductor.answer_schema import explain_answer_misfit
from attune_nb.errors import Source
from attune_nb.events import AskAnswered, AskOpened, InquiryEnded
from attune_nb.store.blobs import load_data
from attune_nb.store.database import connected
from attune_nb.store.event_rows import EventRow, event_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["explain_misfit", "find_schema", "open_questions"]

# the position of no error is read
_NO_SOURCE = Source("", "")


def open_questions(store: Path, run_id: str, task: str) -> list[AskOpened]:
    """Return the open questions of a task of a run, the oldest first.

    Raises:
        StoreError: The store cannot be read.
    """
    with connected(store) as connection:
        rows = connection.execute(
            "SELECT kind, time, task, visit, data, columns FROM events "
            "WHERE run = (SELECT number FROM runs WHERE run_id = ?) AND task = ? "
            "AND kind IN ('AskOpened', 'AskAnswered', 'InquiryEnded') ORDER BY number",
            (run_id, task),
        ).fetchall()

        questions = {}
        for columns in rows:
            row = EventRow(*columns)
            row = row._replace(data=load_data(connection, row.data))
            event = event_of(row, _NO_SOURCE)
            if isinstance(event, AskOpened):
                questions[event.key] = event
            elif isinstance(event, AskAnswered | InquiryEnded):
                questions.pop(event.key, None)
    return list(questions.values())


def explain_misfit(
    store: Path, run_id: str, task: str, answer: Any, inquiry: int | None = None
) -> str | None:
    """Return why an answer fits none of the questions that it may be for, or None if it may fit.

    A question that is not on record is left to the run's process: it may just have opened.

    Args:
        store: The store with the run.
        run_id: The id of the run.
        task: The path of the task that asks.
        answer: The answer.
        inquiry: The id of the inquiry; None if the task has one open question.

    Raises:
        StoreError: The store cannot be read.
    """
    problem = None
    for question in open_questions(store, run_id, task):
        if inquiry is not None and question.inquiry != inquiry:
            continue

        problem = explain_answer_misfit(answer, question.response_schema)
        if problem is None:
            return None
    return problem


def find_schema(
    store: Path, run_id: str, task: str, visit: int | None = None, inquiry: int | None = None
) -> Any:
    """Return the schema of the answer to an open question; None if it takes every answer.

    Args:
        store: The store with the run.
        run_id: The id of the run.
        task: The path of the task that asks.
        visit: The number of the execution of the task; None for any.
        inquiry: The id of the inquiry; None for any.

    Raises:
        StoreError: The store cannot be read.
    """
    for question in open_questions(store, run_id, task):
        is_visit = visit is None or question.visit == visit
        is_inquiry = inquiry is None or question.inquiry == inquiry
        if is_visit and is_inquiry:
            return question.response_schema
    return None

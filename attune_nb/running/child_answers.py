"""Answers for the questions of child runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_nb.errors import StoreError
from attune_nb.running.answers import check_secret_answers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["check_secrets_within", "select_answers"]


def select_answers(answers: Mapping[str, Any], task: str, index: int) -> Mapping[str, Any]:
    """Return the answers for the child run of an item, by the path of the task in it.

    Args:
        answers: The answers for the run that it is part of.
        task: The task that runs it.
        index: The item. An answer for it precedes one for all items.
    """
    if not answers:
        return answers

    prefixes = (f"{task}[{index}]/", f"{task}/")
    # those of the command line keep their type
    chosen: Any = type(answers)()
    for prefix in prefixes:
        for name, answer in answers.items():
            inner_name = name.removeprefix(prefix)
            if inner_name != name and inner_name not in chosen:
                chosen[inner_name] = answer
    selected: Mapping[str, Any] = chosen
    return selected


def check_secrets_within(
    path: Path, run_id: str, answers: Mapping[str, Any], prefix: str = ""
) -> None:
    """Check that the secret answers of the child runs that will be continued were passed again.

    Args:
        path: The store.
        run_id: The id of the run whose child runs are checked, and theirs.
        answers: The answers that were passed again, by the path from the run.
        prefix: The path of the run, if it is a child run itself.

    Raises:
        ParameterError: One was not.
    """
    from attune_nb.store import reading  # noqa: PLC0415 - SQLite is slow to import

    for stored in reading.children_of(path, run_id, texts=False):
        if stored.status in reading.ENDED:
            continue
        try:
            events = reading.events_of(path, stored)
        except StoreError:
            # its item fails, and the error says why
            continue

        inner_prefix = f"{prefix}{stored.parent_task}[{stored.parent_item}]/"
        inner_answers = select_answers(answers, stored.parent_task, stored.parent_item)
        check_secret_answers(stored.run_id, events, inner_answers, inner_prefix)
        check_secrets_within(path, stored.run_id, inner_answers, inner_prefix)

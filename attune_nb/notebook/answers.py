"""The values of `--answer` in a line of a notebook."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from attune_nb.running.answers import is_answer_word, read_answer_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attune_nb.running.answers import OptionAnswers

__all__ = ["read_answers"]

# a variable, or an attribute of one
_REFERENCE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def read_answers(options: Iterable[str], variables: Mapping[str, Any]) -> OptionAnswers:
    """Return the answers of `--answer TASK=VALUE` and `--answer FILE`, by task.

    A value that is the name of a variable is the variable's value. Any other is read as on the
    command line; so are the words that answer a question with two buttons, such as `yes`.

    Args:
        options: The values of the option.
        variables: The notebook's variables.

    Raises:
        ParameterError: One has another form, a file cannot be read, or a task has two answers.
    """
    options = list(options)
    answers = read_answer_options(options)
    for option in options:
        task, sign, text = option.partition("=")
        if not sign or is_answer_word(text) or not _REFERENCE.fullmatch(text):
            continue
        if text.partition(".")[0] not in variables:
            continue

        try:
            answers[task.strip()] = eval(text, {}, dict(variables))  # noqa: S307 - a name of the user's own
        except Exception:  # noqa: BLE001, S112 - an attribute of the user's can raise any error
            continue
    return answers

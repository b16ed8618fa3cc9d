"""Answers that are passed before their questions open: `answers=` and `--answer`."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.conductor.answer_schema import explain_answer_misfit
from attune_nb.context import TASK_SPACES
from attune_nb.errors import ParameterError, WorkflowError, nearest
from attune_nb.events import AskAnswered, AskOpened
from attune_nb.language.model import ASK
from attune_nb.language.reading import yaml_source
from attune_nb.language.reading.data_files import read_object_document
from attune_nb.templates.compiler.parse import has_template
from attune_nb.values.secrets import MASKED, NOT_SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from attune_nb.conductor.recovery import Recovered
    from attune_nb.engine.driver import Driver
    from attune_nb.events import Event, QuestionKey
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.values.secrets import Mask

__all__ = [
    "AdvanceAnswers",
    "AnswerText",
    "OptionAnswers",
    "answers_of_dry_run",
    "bind_answers",
    "check_open_questions",
    "check_secret_answers",
    "is_answer_word",
    "read_answer_options",
    "restore_mask",
    "user_name",
    "value_for",
]

# the words that answer a question of `type: boolean`, beside true and false
_BOOLEANS = {
    "true": True,
    "yes": True,
    "y": True,
    "on": True,
    "false": False,
    "no": False,
    "n": False,
    "off": False,
}

_NULLS = ("null", "~")
_QUOTES = ("'", '"')


_ANSWER_FILES = (".yaml", ".yml", ".json")

# names in a message
_MAX_NAMES = 20

# stands for a schema that is known only when the question opens
_UNKNOWN: Any = object()


class AnswerText(NamedTuple):
    """An answer as a person typed it; its value follows from the question's schema.

    Attributes:
        text: The text.
        value: The value that the text has in YAML.
    """

    text: str
    value: Any

    @classmethod
    def parse(cls, text: str) -> AnswerText:
        """Return the answer that a text gives."""
        try:
            value = yaml_source.parse(text).data
        except WorkflowError:
            # null, or no YAML
            return cls(text, None if text.strip() in _NULLS else text)

        if isinstance(value, str) and text[:1] in _QUOTES:
            # the quotes are YAML's, no part of the text
            return cls(value, value)
        return cls(text, value)

    def read_as(self, schema: Any) -> Any:
        """Return the value for a question with a `response_schema`.

        A question for text gets the text itself, also if it looks like a number.
        """
        if not isinstance(schema, Mapping):
            return self.text

        choices = schema.get("enum")
        if isinstance(choices, list):
            return self._choose(choices)
        kind = schema.get("type")
        if kind == "boolean":
            return _BOOLEANS.get(self.text.strip().lower(), self.value)
        if kind == "string":
            return self.text
        return self.value

    def _choose(self, choices: Sequence[Any]) -> Any:
        for choice in choices:
            label = choice if isinstance(choice, str) else json.dumps(choice, default=str)
            if label == self.text.strip():
                return choice
        return self.value


class OptionAnswers(dict[str, Any]):
    """Answers from the option `--answer`, which messages and the record name."""


def read_answer_options(options: Iterable[str]) -> OptionAnswers:
    """Return the answers of `--answer TASK=VALUE` and `--answer FILE.yaml`, by task.

    Raises:
        ParameterError: One has another form, a file cannot be read, or a task has two answers.
    """
    from pathlib import Path  # noqa: PLC0415 - for types only elsewhere

    answers = OptionAnswers()
    for option in options:
        name, sign, text = option.partition("=")
        if sign and name.strip():
            new_answers: dict[str, Any] = {name.strip(): AnswerText.parse(text)}
        elif not sign and Path(option).suffix in _ANSWER_FILES:
            new_answers = _read_answer_file(Path(option))
        else:
            raise ParameterError(
                "--answer takes TASK=VALUE or a file (.yaml, .yml, .json), and one is neither; "
                f"{NOT_SHOWN}"
            )

        for task, answer in new_answers.items():
            if task in answers:
                raise ParameterError(f"--answer gives two answers for `{task}`; remove one")
            answers[task] = answer
    return answers


def _read_answer_file(path: Path) -> dict[str, Any]:
    try:
        document = read_object_document(path, "answers")
    except ParameterError as error:
        raise ParameterError(f"--answer: {error}") from None

    answers: dict[str, Any] = {}
    for task, value in document.data.items():
        raw_text = document.raw_text((task,))
        answers[task] = value if raw_text is None else AnswerText(raw_text, value)
    return answers


def is_answer_word(text: str) -> bool:
    """Return whether a text is a word for true, false or null."""
    return text.strip().lower() in (*_BOOLEANS, *_NULLS)


def user_name() -> str:
    """Return the name of the user of this process, or an empty string if it has none."""
    name = os.environ.get("JUPYTERHUB_USER", "")
    if name:
        return name
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


class AdvanceAnswers:
    """Answers for questions that are not open yet.

    An answer is used once: a task that asks again in a cycle is not answered again.

    Attributes:
        problems: The reason why an answer was not used, by the question.

    Args:
        answers: The answers by the task's path.
        option: The option that the answers come from, for the record.
    """

    def __init__(self, answers: Mapping[str, Any], option: str = "answers") -> None:
        self.problems: dict[QuestionKey, str] = {}
        self._answers = dict(answers)
        self._by = f"{user_name()} ({option})".strip()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return the answers that were not used yet, by the task's path."""
        return self._answers.items()

    def give(self, driver: Driver, question: AskOpened) -> None:
        """Answer a question that has just opened, if there is an answer for it."""
        if question.task not in self._answers:
            return

        schema = question.response_schema
        value = value_for(self._answers.pop(question.task), schema)
        try:
            driver.answer(
                question.task,
                question.visit,
                value,
                schema,
                by=self._by,
                inquiry=question.inquiry,
            )
        except ParameterError as error:
            self.problems[question.key] = str(error)

    def drop_used(self, events: Iterable[Event]) -> None:
        """Drop the answers to questions that were answered: they only restore secrets."""
        for event in events:
            if isinstance(event, AskAnswered) and event.secrets:
                self._answers.pop(event.task, None)


def bind_answers(
    workflow: WorkflowSpec,
    answers: Mapping[str, Any],
    mocked: Iterable[str] = (),
    asking: Iterable[str] = (),
    prefix: str = "",
) -> AdvanceAnswers:
    """Check answers against a workflow, as far as it is known before a run.

    Args:
        workflow: The workflow.
        answers: The answers by task; for a task within a parallel task its name is enough.
        mocked: The paths of the tasks that have a mock, and ask nothing.
        asking: The paths of the tasks whose actions may ask while they run.
        prefix: Stands before the names in messages, as the path to a run within a run.

    Raises:
        ParameterError: An answer is for no question, or does not fit its `response_schema`.
    """
    option = _option_of(answers)
    inquirers = _find_inquirers(workflow).union(asking)
    questions = {}
    paths = []
    for path, task in workflow.walk():
        paths.append(path)
        if task.action == ASK or path in inquirers:
            questions[path] = task
    bound: dict[str, Any] = {}

    for name, answer in answers.items():
        label = f"{option} `{prefix}{name}`"
        matches = [path for path in questions if name in (path, path.rpartition("/")[2])]
        if name in matches:
            matches = [name]
        if not matches:
            raise ParameterError(f"{label}: {_explain_no_question(name, paths, questions, prefix)}")
        if len(matches) > 1:
            raise ParameterError(f"{label}: several tasks ask: {', '.join(matches)}")

        path = matches[0]
        if path in mocked:
            raise ParameterError(f"{label}: the task has a mock, so it asks nothing")
        _check_answer(option, prefix + name, answer, _written_schema(questions[path]))
        bound[path] = answer
    return AdvanceAnswers(bound, option)


def _find_inquirers(workflow: WorkflowSpec) -> set[str]:
    """Return the tasks whose inquiries `wait_for` names directly, as `task.ask.inquiry_id`."""
    names: set[str] = set()
    for _, task in workflow.walk():
        if task.wait_for is None:
            continue
        for path, _ in task.wait_for.references:
            if path[0] in TASK_SPACES and len(path) > 1:
                names.add(path[1])
    return names


def answers_of_dry_run(workflow: WorkflowSpec, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return answers as mocks: in a dry run no task asks, and these are its results.

    Those for child runs are left out: a dry run has none.
    """
    own_answers: Any = type(answers)()
    for name, answer in answers.items():
        if not _is_below_task(name, workflow):
            own_answers[name] = answer
    bound = bind_answers(workflow, own_answers)
    mocks: dict[str, Any] = {}
    for path, answer in bound.items():
        if workflow.task(path).action != ASK:
            # no action runs, so none asks
            continue
        schema = _written_schema(workflow.task(path))
        mocks[path] = {"response": value_for(answer, schema)}
    return mocks


def _is_below_task(name: str, workflow: WorkflowSpec) -> bool:
    """Return whether a name leads into a child run of a task: `deploy[3]/approve`."""
    paths = [path for path, _ in workflow.walk()]
    for path in paths:
        is_parallel = any(inner.startswith(f"{path}/") for inner in paths)
        if not is_parallel and re.match(rf"{re.escape(path)}(\[\d+\])?/", name):
            return True
    return False


def check_open_questions(past: Recovered, answers: Mapping[str, Any]) -> None:
    """Check answers against the questions that are open in a run that is continued.

    Raises:
        ParameterError: An answer does not fit.
    """
    option = _option_of(answers)
    for event in past.events:
        if not isinstance(event, AskOpened) or not past.state.is_open(event.key):
            continue
        for name in (event.task, event.task.rpartition("/")[2]):
            if name in answers:
                _check_answer(option, name, answers[name], event.response_schema)


def restore_mask(mask: Mask, events: Iterable[Event], answers: Mapping[str, Any]) -> Mask:
    """Return a mask with which the secret answers of a record can be read again.

    Args:
        mask: The other secrets.
        events: The recorded events, in which secret answers are `***`.
        answers: The answers that were passed again.
    """
    schemas: dict[str, Any] = {}
    for event in events:
        if isinstance(event, AskOpened):
            schemas[event.task] = event.response_schema
        elif isinstance(event, AskAnswered) and event.secrets:
            for name in (event.task, event.task.rpartition("/")[2]):
                if name in answers:
                    value = value_for(answers[name], schemas.get(event.task))
                    mask = mask.with_secret(f"answers.{event.task}", value)
    return mask


def check_secret_answers(
    run_id: str,
    events: Iterable[Event],
    answers: Mapping[str, Any] | None = None,
    prefix: str = "",
) -> None:
    """Check that no secret answer is missing in events that were read from a record.

    Args:
        run_id: The id of their run.
        events: The events.
        answers: Answers that were passed again, and are not in the events yet.
        prefix: The path of the run, if it is a child run.

    Raises:
        ParameterError: One was not passed again.
    """
    passed: Mapping[str, Any] = {}
    if answers is not None:
        passed = answers

    for event in events:
        if not isinstance(event, AskAnswered) or not event.secrets:
            continue
        if event.task in passed or event.task.rpartition("/")[2] in passed:
            continue
        if _is_masked(event.secret_value):
            path = prefix + event.task
            raise ParameterError(
                f"the record of run {run_id} does not hold the secret answer to "
                f"`{path}`; pass it again with `--answer {path}=...` or `answers=`"
            )


def _is_masked(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_masked(part) for part in value.values())
    if isinstance(value, list | tuple):
        return any(_is_masked(part) for part in value)
    return isinstance(value, str) and value == MASKED


def _option_of(answers: Mapping[str, Any]) -> str:
    if isinstance(answers, OptionAnswers):
        return "--answer"
    return "answers"


def _explain_no_question(
    name: str, paths: Sequence[str], questions: Iterable[str], prefix: str
) -> str:
    fault = "the task asks no question" if name in paths else "there is no such task"
    names = [prefix + path for path in questions]
    if not names:
        return f"{fault}; no task of the workflow asks a question"

    hint = nearest(prefix + name, names)
    if not hint:
        listed = ", ".join(f"`{path}`" for path in names[:_MAX_NAMES])
        hint = f"; tasks that ask: {listed}"
    return f"{fault}{hint}"


def _written_schema(task: Any) -> Any:
    """Return the schema of a question as far as the workflow's text says it.

    A schema with expressions is known only when the question opens.
    """
    if task.action != ASK:
        # the action asks, whatever its input is
        return _UNKNOWN
    source = task.input.source
    schema = source.get("response_schema") if isinstance(source, dict) else None
    if has_template(schema):
        return _UNKNOWN
    return schema


def _check_answer(option: str, name: str, answer: Any, schema: Any) -> None:
    if schema is _UNKNOWN:
        return
    problem = explain_answer_misfit(value_for(answer, schema), schema)
    if problem is not None:
        raise ParameterError(f"{option} `{name}`: {problem}")


def value_for(answer: Any, schema: Any) -> Any:
    """Return the value of an answer to a question with a `response_schema`."""
    if type(answer) is AnswerText:
        return answer.read_as(schema)
    return answer

"""The questions of `core.ask` in a terminal: one after the other, field by field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attune_nb.display.outputs import TerminalDisplay
from attune_nb.display.terminal import Terminal
from attune_nb.errors import AttuneError
from attune_nb.html import printable
from attune_nb.values.secrets import is_secret_schema
from attune_nb.values.strict_json import parse_finite, parse_strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attune_nb.display.outputs import Display
    from attune_nb.events import AskOpened
    from attune_nb.results.protocols import LiveRun

    # returns why a value does not fit a schema, or None
    Check = Callable[[Any, Any], str | None]

__all__ = ["TerminalForms"]

# the value of a field that was left out
_OMITTED: Any = object()

_YES = ("y", "yes", "true")
_NO = ("n", "no", "false")

# keys that leave open which kind of value fits
_COMBINATIONS = ("anyOf", "oneOf", "allOf", "$ref", "const")

# characters of a prompt
_MAX_PROMPT = 2_000


class _NoLongerNeeded(Exception):  # noqa: N818 - not an error
    """The question was closed while a person was typing."""


class TerminalForms:
    """Asks the questions of a run in a terminal.

    Attributes:
        is_closed: Whether no more questions are asked, because the input has ended.

    Args:
        terminal: The terminal.
        display: The progress that must not be drawn while a person types.
        check: Returns why a value does not fit a schema, or None.
    """

    def __init__(self, terminal: Terminal, display: Display | None, check: Check) -> None:
        self.is_closed = False
        self._terminal = terminal
        self._display = display
        self._check = check

    @classmethod
    def open(cls, display: Display | None, check: Check) -> TerminalForms | None:
        """Return the forms for the terminal of this process; None if there is none."""
        terminal = Terminal.open()
        if terminal is None:
            return None
        return cls(terminal, display, check)

    def close(self) -> None:
        """Ask no more questions."""
        self.is_closed = True

    def ask(self, run: LiveRun) -> None:
        """Ask the questions that are open, one after the other, until each is answered.

        Raises:
            KeyboardInterrupt: The person broke an answer off.
        """
        while not self.is_closed:
            questions = run.questions
            if not questions or run.pause_reason:
                return

            self._hold_progress()
            try:
                self._ask_one(run, questions[0])
            finally:
                self._release_progress()

    def _ask_one(self, run: LiveRun, question: AskOpened) -> None:

        def is_over() -> bool:
            open_keys = {open_question.key for open_question in run.questions}
            return question.key not in open_keys or bool(run.pause_reason)

        def answer(value: Any) -> None:
            run.answer(question.task, value, inquiry=question.inquiry)

        problem = run.answer_problems.get(question.key)
        if problem:
            self._terminal.write(f"{question.task}: {problem}\n")
        form = _TerminalForm(self._terminal, self._check, is_over)
        try:
            form.fill_in(question, answer)
        except _NoLongerNeeded:
            self._terminal.drop_typed()
            self._terminal.write(f"\nthe question of `{question.task}` is no longer open\n")
        except EOFError:
            self._terminal.write("\n")
            self.close()
        except KeyboardInterrupt:
            self._terminal.drop_typed()
            self._terminal.write("\n")
            raise

    def _hold_progress(self) -> None:
        if isinstance(self._display, TerminalDisplay):
            self._display.hold()

    def _release_progress(self) -> None:
        if isinstance(self._display, TerminalDisplay):
            self._display.release()


class _TerminalForm:
    """Reads the answer to one question, checks it, and asks again until it fits."""

    def __init__(self, terminal: Terminal, check: Check, is_over: Callable[[], bool]) -> None:
        self._terminal = terminal
        self._check = check
        self._is_over = is_over

    def fill_in(self, question: AskOpened, answer: Callable[[Any], None]) -> None:
        """Read an answer and pass it on; read again if it is refused.

        Raises:
            EOFError: The input has ended.
            _NoLongerNeeded: The question was closed.
        """
        prompt = printable(question.prompt)[:_MAX_PROMPT]
        label = f"{question.task}: {prompt}"
        schema = question.response_schema
        while True:
            value = self._read(label, schema, indent="", is_required=True)
            try:
                answer(value)
            except AttuneError as error:
                self._terminal.write(f"  {error}\n")
            else:
                return

    def _read(self, label: str, schema: Any, *, indent: str, is_required: bool) -> Any:
        """Read a value of a schema, or `_OMITTED`."""
        if not isinstance(schema, dict):
            schema = {}

        properties = schema.get("properties")
        if schema.get("type") == "object" and isinstance(properties, dict) and properties:
            return self._read_object(label, schema, indent)

        if schema.get("enum"):
            self._write_choices(label, schema["enum"], indent)
            label = "number or value"
            indent += "  "
        while True:
            line = self._read_line(_prompt(label, schema, indent, is_required), schema)
            if not line.strip() and ("default" in schema or not is_required):
                return schema.get("default", _OMITTED)

            try:
                value = _value_of(line, schema)
            except ValueError as error:
                self._terminal.write(f"{indent}  {error}\n")
                continue
            problem = self._explain_misfit(value, schema)
            if problem is None:
                return value
            self._terminal.write(f"{indent}  {problem}\n")

    def _read_object(self, label: str, schema: Mapping[str, Any], indent: str) -> dict[str, Any]:
        self._terminal.write(f"{indent}{label}\n")
        required = schema.get("required", [])
        values: dict[str, Any] = {}
        for name, field in schema["properties"].items():
            field_label = _field_label(name, field)
            value = self._read(
                field_label, field, indent=f"{indent}  ", is_required=name in required
            )
            if value is not _OMITTED:
                values[name] = value
        return values

    def _read_line(self, prompt: str, schema: Mapping[str, Any]) -> str:
        self._terminal.write(prompt)
        echo = not is_secret_schema(schema)
        line = self._terminal.read_line(self._is_over, echo=echo)
        if line is None:
            raise _NoLongerNeeded
        return line

    def _write_choices(self, label: str, choices: Sequence[Any], indent: str) -> None:
        lines = [f"{indent}{label}"]
        for number, choice in enumerate(choices, start=1):
            lines.append(f"{indent}  {number}) {printable(_to_text(choice))}")
        self._terminal.write("\n".join(lines) + "\n")

    def _explain_misfit(self, value: Any, schema: Mapping[str, Any]) -> str | None:
        # a reference leads to the whole schema, with which the whole answer is checked
        if "$ref" in json.dumps(schema, default=str):
            return None
        return self._check(value, schema)


def _field_label(name: str, schema: Any) -> str:
    if not isinstance(schema, dict):
        return name
    label = str(schema.get("title", name))
    description = schema.get("description")
    if description:
        label += f" ({description})"
    return printable(label)[:_MAX_PROMPT]


def _prompt(label: str, schema: Mapping[str, Any], indent: str, is_required: bool) -> str:
    """Return what stands before the place where a person types."""
    notes = [note for note in (_kind_note(schema), _default_note(schema, is_required)) if note]
    note = f" [{', '.join(notes)}]" if notes else ""
    end = " " if not note and label.endswith(("?", ":")) else ": "
    return f"{indent}{label}{note}{end}"


def _kind_note(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if schema.get("enum"):
        return ""
    if kind == "boolean":
        return "y/n"
    if kind == "array":
        return "a, b, c, or JSON"
    if kind in ("integer", "number"):
        return f"a{'n' * (kind == 'integer')} {kind}"
    if _takes_text(schema):
        return ""
    return "JSON"


def _default_note(schema: Mapping[str, Any], is_required: bool) -> str:
    if is_secret_schema(schema) or schema.get("default") is None:
        return "" if is_required else "Enter skips it"
    default = schema["default"]
    if schema.get("type") == "boolean":
        default = "y" if default else "n"
    return f"Enter: {_to_text(default)}"


def _takes_text(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    if kind is None:
        return not any(key in schema for key in _COMBINATIONS)
    return bool(kind == "string")


def _value_of(line: str, schema: Mapping[str, Any]) -> Any:
    """Return the value that a person typed.

    Raises:
        ValueError: The line is no value of this kind.
    """
    text = line.strip()
    kind = schema.get("type")
    if schema.get("enum"):
        return _choice_of(text, schema["enum"])
    if kind == "boolean":
        return _boolean_of(text)
    if _takes_text(schema):
        if not line:
            raise ValueError("an answer is needed")
        return line
    if kind == "array" and not text.startswith("["):
        items = schema.get("items")
        item_schema: Mapping[str, Any] = items if isinstance(items, dict) else {}
        parts = [part.strip() for part in text.split(",")]
        return [_value_of(part, item_schema) for part in parts if part]
    return _json_of(text, kind)


def _json_of(text: str, kind: Any) -> Any:
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return parse_finite(text)
        return parse_strict_json(text)
    except ValueError:
        expected = {"integer": "an integer", "number": "a number"}.get(kind, "JSON")
        raise ValueError(f"it must be {expected}, not `{text}`") from None


def _boolean_of(text: str) -> bool:
    if text.lower() in _YES:
        return True
    if text.lower() in _NO:
        return False
    raise ValueError("type y for yes or n for no")


def _choice_of(text: str, choices: Sequence[Any]) -> Any:
    for choice in choices:
        if _to_text(choice) == text:
            return choice
    if text.isdecimal() and 1 <= int(text) <= len(choices):
        return choices[int(text) - 1]
    raise ValueError(f"type one of the values, or a number from 1 to {len(choices)}")


def _to_text(value: Any) -> str:
    """Return a string as it is, and any other value as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str)

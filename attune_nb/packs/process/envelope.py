"""The result of an action's process: the envelope that workflows read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from attune_nb.actions.json_text import parse_json
from attune_nb.actions.to_text import to_text
from attune_nb.errors import ActionError, WorkflowError

if TYPE_CHECKING:
    from attune_nb.actions.run_command import CommandEnd
    from attune_nb.packs.model import OutputFormat

__all__ = ["describe_failure", "make_envelope"]

# Lines of the error output that are the message as they are.
_MAX_LINES = 5
# Characters of the error output that become the message.
_LONGEST_MESSAGE = 10_000
# The formats as a message names them.
_FORMAT_NAMES = {"json": "JSON", "yaml": "YAML", "jsonl": "lines of JSON"}


class _Parsed(NamedTuple):
    """A value that was read from an output, or why there is none.

    Attributes:
        value: The value.
        is_read: Whether there is a value.
        problem: Why there is none, for the user; None if that is plain.
    """

    value: Any
    is_read: bool = True
    problem: str | None = None


def _unread(problem: str | None = None) -> _Parsed:
    return _Parsed(None, is_read=False, problem=problem)


def make_envelope(
    end: CommandEnd, output_format: OutputFormat, duration: float, warnings: list[str]
) -> dict[str, Any]:
    """Return the result of a process.

    Args:
        end: How the process ended.
        output_format: The format of its output.
        duration: The seconds that it took.
        warnings: Warnings from before the process started. The envelope has these and those about
            its output.

    Returns:
        `{exit_code, duration_ms, succeeded, stdout or data, stderr}`, and `warnings` if there
        are any. `data` is the parsed output of a process that succeeded.
    """
    has_succeeded = end.exit_code == 0 and not end.was_cancelled
    envelope: dict[str, Any] = {
        "exit_code": end.exit_code,
        "duration_ms": round(duration * 1000),
        "succeeded": has_succeeded,
    }
    notes = list(warnings)
    for name, output in (("stdout", end.stdout), ("stderr", end.stderr)):
        if output.is_cut:
            notes.append(f"`{name}` was cut: 10 MB of it are kept")

    envelope["stdout"] = end.stdout.text
    if has_succeeded and output_format != "text":
        parsed = _parse(end, output_format)
        if parsed.is_read:
            del envelope["stdout"]
            envelope["data"] = parsed.value
        elif parsed.problem is not None:
            notes.append(parsed.problem)

    envelope["stderr"] = end.stderr.text
    if notes:
        envelope["warnings"] = notes
    return envelope


def describe_failure(end: CommandEnd) -> str:
    """Return the error of a process that failed.

    It is the `error` of a JSON object in the output; else the error output, of which only the
    last line if it is long; else the exit code.
    """
    message = _error_in(end.stdout.text)
    if message:
        return message

    lines = end.stderr.text.strip().splitlines()
    if len(lines) > _MAX_LINES:
        return lines[-1].strip()[:_LONGEST_MESSAGE]
    if lines:
        return "\n".join(lines)[:_LONGEST_MESSAGE]

    message = f"Command exited with code {end.exit_code}"
    if end.exit_code < 0:
        message += f" ({_signal_name(-end.exit_code)})"
    return message


def _parse(end: CommandEnd, output_format: OutputFormat) -> _Parsed:
    promise = f"`output_format: {output_format}` promises {_FORMAT_NAMES[output_format]}"
    text = end.stdout.text
    if not text.strip():
        return _unread(f"{promise}, but nothing was printed")
    if end.stdout.is_cut:
        return _unread(f"{promise}, but the output was cut")

    if output_format == "json":
        parsed = _parse_json(text)
    elif output_format == "jsonl":
        parsed = _parse_lines(text)
    else:
        parsed = _parse_yaml(text)
    if parsed.is_read:
        return parsed

    problem = f"{promise}, but the output has none"
    if parsed.problem is not None:
        problem += f": {parsed.problem}"
    return _unread(problem)


def _parse_json(text: str) -> _Parsed:
    """Read all of a text, or else its last line."""
    parsed = _read_json(text)
    if parsed.is_read or parsed.problem is not None:
        return parsed
    return _read_json(text.strip().splitlines()[-1])


def _parse_lines(text: str) -> _Parsed:
    """Read the lines that are JSON."""
    values = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        parsed = _read_json(line)
        if parsed.is_read:
            values.append(parsed.value)

    if not values:
        return _unread()
    return _Parsed(values)


def _parse_yaml(text: str) -> _Parsed:
    from attune_nb.language.reading import yaml_source  # noqa: PLC0415 - few actions write YAML

    try:
        document = yaml_source.parse(text, "stdout", noun="the output")
    except WorkflowError as error:
        problem = error.problems[0]
        return _unread(str(problem))
    return _Parsed(document.data)


def _read_json(text: str) -> _Parsed:
    value, problem = parse_json(text)
    if value is None and text.strip() != "null":
        return _unread(problem)
    return _Parsed(value)


def _error_in(stdout: str) -> str | None:
    """Return the `error` of a JSON object that is the output, or its last line."""
    text = stdout.strip()
    if not text.endswith("}"):
        return None

    parsed = _parse_json(text)
    if not isinstance(parsed.value, dict):
        return None
    error = parsed.value.get("error")
    if not error:
        return None

    try:
        return to_text(error, "error")
    except ActionError:
        return None


def _signal_name(number: int) -> str:
    import signal  # noqa: PLC0415 - seldom needed

    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"

"""How statuses look and read, wherever a run is shown."""

from __future__ import annotations

__all__ = [
    "COLOURS",
    "RESUME",
    "STATUSES",
    "UNATTENDED",
    "format_attention",
    "format_handled",
    "format_losses",
    "format_pause",
]

STATUSES = ("succeeded", "failed", "timed_out", "cancelled", "running")
"""In the order of a legend."""

COLOURS = {
    "succeeded": "#009E73",
    "failed": "#D55E00",
    "timed_out": "#E69F00",
    "cancelled": "#CC79A7",
    "running": "#56B4E9",
}
"""Okabe and Ito's colours, which people with any kind of colour vision can distinguish."""

UNATTENDED = "it waits for an answer; `run.answer(task, value)` continues"
"""The reason for the pause of a run with open questions that is unattended."""

RESUME = "`run.resume()`"
"""How a person continues a run that a variable holds."""


def format_losses(failed: int, cancelled: int, skipped: int = 0, retrying: int = 0) -> str:
    """Format the counts of items without a result: `3 failed, 2 cancelled`, or an empty string."""
    parts = []
    if failed:
        parts.append(f"{failed:,} failed")
    if retrying:
        parts.append(f"{retrying:,} retrying")
    if cancelled:
        parts.append(f"{cancelled:,} cancelled")
    if skipped:
        parts.append(f"{skipped:,} skipped")
    return ", ".join(parts)


def format_handled(count: int) -> str:
    """Format the count of handled failures: `, 2 failures handled`, or an empty string."""
    if not count:
        return ""
    return f", {count:,} {'failure' if count == 1 else 'failures'} handled"


def format_attention(attention: str, questions: int) -> str:
    """Format why a run on record needs a person; an empty string if it needs none.

    Args:
        attention: The reason, as in the list of runs.
        questions: How many questions wait for an answer.
    """
    match attention:
        case "question":
            return "1 question is open" if questions == 1 else f"{questions:,} questions are open"
        case "doubt":
            return "attempts are in doubt"
        case "paused":
            return "it waits to be resumed"
    return ""


def format_pause(reason: str, command: str = RESUME) -> str:
    """Format the reason for a pause, if there is one, and how to continue the run.

    Args:
        reason: The reason, which may say so itself.
        command: The command that continues it.
    """
    if RESUME in reason or reason == UNATTENDED:
        return reason

    hint = f"{command} continues"
    return f"{reason}; {hint}" if reason else hint

"""Log lines as text: the attempt that wrote a line, its level, and the text itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from attune_nb.html import printable
from attune_nb.log_batches import severity

if TYPE_CHECKING:
    from collections.abc import Collection

    from attune_nb.log_lines import LogLine

__all__ = ["ShownLine", "clean_text", "format_more", "shown_line"]

# Sequences that a terminal obeys. They begin with an escape character, such as colours, titles and
# links. Each part of the pattern ends where another sequence begins, so that it looks at a
# character once.
_ESCAPE_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
)

# how many characters of escape sequences a line may have for each one that is shown
_MOST_HIDDEN = 4

# characters of the name of a level
_MAX_LEVEL = 30

# the level from which a line is marked: WARNING
_MARKED = 30

# the sequences of our own colours
_DIM = "\x1b[2m"
_YELLOW = "\x1b[33m"
_PLAIN = "\x1b[0m"


class ShownLine(NamedTuple):
    """A line as it is shown.

    Attributes:
        label: The attempt; empty for a line about the whole run.
        level: The level; empty for standard output.
        text: The text, without characters that a terminal would obey.
        time: The date; empty where it is not shown.
    """

    label: str
    level: str
    text: str
    time: str = ""

    @property
    def head(self) -> str:
        """The words before the text."""
        words = [word for word in (self.time, self.label, self.level) if word]
        return f"{' '.join(words)} | " if words else ""

    @property
    def is_marked(self) -> bool:
        """Whether it deserves a look: a warning, or written to standard error."""
        return self.level == "stderr" or severity(self.level) >= _MARKED

    def coloured(self) -> str:
        """Return the line for a terminal."""
        colour = _YELLOW if self.is_marked else _DIM
        return f"{colour}{self.head}{_PLAIN}{self.text}"

    def __str__(self) -> str:
        return f"{self.head}{self.text}"


def shown_line(
    line: LogLine, with_items: Collection[str], max_length: int, time: str = ""
) -> ShownLine:
    """Return a line as it is shown.

    Args:
        line: The line.
        with_items: The paths of the tasks with items.
        max_length: Characters after which its text is cut, and says so.
        time: Its date.
    """
    level = "" if line.level == "stdout" else clean_text(line.level, _MAX_LEVEL)
    text = clean_text(line.text, max_length)
    return ShownLine(_format_attempt(line, with_items), level, text, time)


def _format_attempt(line: LogLine, with_items: Collection[str]) -> str:
    """Return the attempt of a line: `check[3]`; of a retry in a loop `check#2[3] attempt 2`."""
    if not line.task:
        return ""

    label = printable(line.task)
    if line.visit > 1:
        label += f"#{line.visit}"
    if line.task in with_items:
        label += f"[{line.index}]"
    if line.attempt > 1:
        label += f" attempt {line.attempt}"
    return label


def clean_text(text: str, max_length: int) -> str:
    """Return the text of a line without characters that a terminal would obey.

    Args:
        text: The text.
        max_length: Characters after which it is cut, and says so.
    """
    length = len(text)
    is_cut = length > max_length * _MOST_HIDDEN
    if is_cut:
        # the rest is not even looked at
        text = text[: max_length * _MOST_HIDDEN]
    if not text.isprintable():
        text = printable(_ESCAPE_SEQUENCE.sub("", text)).replace("\n", " ").expandtabs()

    if len(text) > max_length or is_cut:
        return f"{text[:max_length]} … ({length:,} characters)"
    return text


def format_more(hidden: int, command: str) -> str:
    """Return how to see the lines that are not shown: `1,900 more lines: run.logs()`.

    Args:
        hidden: How many they are.
        command: The command that shows them.
    """
    if not hidden:
        return ""
    count = "1 more line" if hidden == 1 else f"{hidden:,} more lines"
    return f"{count}: {command}"

"""The options with which a server starts, resumes and retries runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from attune_nb.html import printable
from attune_nb.server.web.problems import StartRefused, problems_by_field

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["CodeOptions", "RepeatOptions", "StartOptions"]

# characters of a value in a message
_MAX_VALUE = 60


class CodeOptions(NamedTuple):
    """The code that started runs may use. The administrator sets it, never a request.

    Attributes:
        allow_imports: Whether actions may be `module:function`.
        action_files: Python files whose functions are actions.
        packs: The folders of packs.
        python: The Python that executes it, which needs this version of attune_nb.
    """

    allow_imports: bool = False
    action_files: Sequence[Path] = ()
    packs: Sequence[Path] = ()
    python: str = sys.executable

    @property
    def is_empty(self) -> bool:
        """Whether only the `core` actions can be used."""
        return not self.allow_imports and not self.action_files and not self.packs

    def words(self) -> list[str]:
        """Return the options as words of the command line."""
        words = []
        for path in self.action_files:
            words += ["--actions", str(path)]
        for path in self.packs:
            words += ["--pack", str(path)]

        if self.allow_imports:
            words.append("--allow-imports")
        return words


class RepeatOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of a resumed or retried run. Those that are left out are as in that run.

    Attributes:
        backend: Where attempts run.
        workers: The threads for a task, or the worker processes.
        concurrency: Overrides the concurrency of every task.
    """

    backend: str | None = None
    workers: int | None = None
    concurrency: int | None = None

    def words(self) -> list[str]:
        """Return the options as words of the command line.

        Raises:
            StartRefused: 422: one cannot be used.
        """
        from attune_nb.running.prepare import BACKENDS  # noqa: PLC0415 - a server starts without it

        words = []
        if self.backend is not None:
            if self.backend not in BACKENDS:
                names = ", ".join(f"`{name}`" for name in BACKENDS)
                value = printable(self.backend[:_MAX_VALUE])
                message = f"there is no backend `{value}`; there are {names}"
                raise StartRefused(422, message, problems_by_field({"backend": message}))
            words += ["--backend", self.backend]

        for name, number in (("workers", self.workers), ("concurrency", self.concurrency)):
            if number is None:
                continue
            if number < 1:
                message = f"`{name}` must be an integer of 1 or more, not {number}"
                raise StartRefused(422, message, problems_by_field({name: message}))
            words += [f"--{name}", str(number)]
        return words


class StartOptions(RepeatOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of a new run. They have the defaults of `attune-nb run`.

    Attributes:
        backend: Where attempts run.
        workers: The threads for a task, or the worker processes.
        concurrency: Overrides the concurrency of every task.
        dry_run: Whether the workflow runs without its actions.
    """

    dry_run: bool = False

    def words(self) -> list[str]:
        """Return the options as words of the command line.

        Raises:
            StartRefused: 422: one cannot be used.
        """
        words = super().words()
        if self.dry_run:
            words.append("--dry-run")
        return words

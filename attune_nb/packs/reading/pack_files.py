"""Open the files of a pack, and none outside it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attune_nb.errors import Problem, WorkflowError
from attune_nb.language.reading import yaml_source

if TYPE_CHECKING:
    from pathlib import Path, PurePath

    from attune_nb.language.reading.yaml_source import Document

__all__ = ["LISTED_FOLDERS", "MISSING", "PackFolder", "explain_os_error", "file_exists"]

# folders of a pack that are listed, and not run
LISTED_FOLDERS = (
    "caches", "dashboards", "permission_sets", "policies", "queues", "rules", "runtimes",
    "sensors", "triggers",
)  # fmt: skip


# the fault of a path without a file
MISSING = "does not exist"

# bytes of a file that are read: more than a YAML text may have
_MAX_BYTES = yaml_source.MAX_BYTES + 1

# YAML files of a folder
_MAX_FILES = 10_000

# characters of a path in a message
_MAX_PATH_LENGTH = 200

# endings of the names of YAML files
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class PackFolder:
    """The folder of a pack.

    Attributes:
        shown: The folder as the user names it; messages show paths below it.
        real: The folder, absolute and without links.
    """

    shown: Path
    real: Path

    @classmethod
    def open(cls, folder: Path) -> PackFolder:
        """Return a folder that exists.

        Raises:
            WorkflowError: It cannot be opened, or is no folder.
        """
        try:
            real = folder.resolve(strict=True)
            is_folder = stat.S_ISDIR(real.stat().st_mode)
        except (OSError, ValueError, RuntimeError) as error:
            message = f"cannot open the pack {_quote(folder)}: {explain_os_error(error)}"
            raise WorkflowError([Problem(message)], noun="the pack") from None

        if not is_folder:
            message = f"{_quote(folder)} is a file; a pack is a folder with `pack.yaml`"
            raise WorkflowError([Problem(message)], noun="the pack")
        return cls(folder, real)

    def name_of(self, path: Path) -> str:
        """Return a path below `real` as a message shows it."""
        return str(self.shown / path.relative_to(self.real))

    def list_yaml_files(self, name: str) -> list[Path]:
        """Return the YAML files directly within a folder of the pack, sorted by name.

        Raises:
            WorkflowError: The folder cannot be read, or leads out of the pack.
        """
        folder = self.real / name
        problem = self.find_escape(folder)
        if problem:
            raise WorkflowError([Problem(f"`{self.name_of(folder)}` {problem}")], noun="the pack")

        try:
            paths = sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            message = f"cannot read `{self.name_of(folder)}`: {explain_os_error(error)}"
            raise WorkflowError([Problem(message)], noun="the pack") from None

        files = [path for path in paths if _is_yaml_file(path)]
        if len(files) > _MAX_FILES:
            message = f"`{self.name_of(folder)}` has more than {_MAX_FILES:,} YAML files"
            raise WorkflowError([Problem(message)], noun="the pack")
        return files

    def has_file(self, name: str) -> bool:
        """Return whether there is a file of a name, also one that cannot be read."""
        return self.find_fault(self.real / name) != MISSING

    def find_escape(self, path: Path) -> str | None:
        """Return why a path is not one of a file in the pack, or None if it is."""
        try:
            target = path.resolve()
        except (OSError, ValueError, RuntimeError) as error:
            return f"cannot be opened: {explain_os_error(error)}"

        if target.is_relative_to(self.real):
            return None
        if path.is_symlink():
            return f"is a link that leads out of the pack, to {_quote(target)}"
        return f"leads out of the pack, to {_quote(target)}"

    def find_fault(self, path: Path) -> str | None:
        """Return why a path cannot be used as a file of the pack, or None if it can."""
        escape = self.find_escape(path)
        if escape:
            return escape

        try:
            mode = path.stat().st_mode
        except (OSError, ValueError) as error:
            if isinstance(error, FileNotFoundError):
                return MISSING
            return f"cannot be opened: {explain_os_error(error)}"
        if stat.S_ISDIR(mode):
            return "is a folder"
        if not stat.S_ISREG(mode):
            return "is no ordinary file"
        return None

    def read_yaml(self, path: Path, noun: str) -> Document:
        """Return a file of the pack as a document.

        Args:
            path: The file.
            noun: The text as a message calls it: "an action".

        Raises:
            WorkflowError: The file cannot be read, is too large, or is not plain YAML.
        """
        return yaml_source.parse(self.read_text(path), self.name_of(path), noun=noun)

    def read_text(self, path: Path) -> str:
        """Return the text of a file of the pack.

        Raises:
            WorkflowError: The file cannot be read, or leads out of the pack.
        """
        name = self.name_of(path)
        fault = self.find_fault(path)
        if fault:
            raise WorkflowError([Problem(f"`{name}` {fault}")], noun="the pack")

        try:
            with path.open("rb") as file:
                content = file.read(_MAX_BYTES)
        except OSError as error:
            message = f"cannot read `{name}`: {explain_os_error(error)}"
            raise WorkflowError([Problem(message)], noun="the pack") from None

        # a character that the limit has cut counts as too large, not as broken
        errors = "ignore" if len(content) == _MAX_BYTES else "strict"
        try:
            return content.decode("utf-8", errors)
        except UnicodeDecodeError:
            message = f"cannot read `{name}`: it is not UTF-8 text"
            raise WorkflowError([Problem(message)], noun="the pack") from None


def file_exists(path: Path) -> bool:
    """Return whether there is a file; one in a folder that cannot be read counts as missing.

    `Path.exists` raises an error for such a folder.
    """
    return os.path.exists(path)  # noqa: PTH110 - see above


def explain_os_error(error: Exception) -> str:
    """Return the reason of an error about a path, without the path."""
    reason = getattr(error, "strerror", None)
    if reason:
        return str(reason)
    if isinstance(error, RuntimeError):
        # of `resolve` in Python before 3.13
        return "the links form a loop"
    return str(error)


def _is_yaml_file(path: PurePath) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def _quote(path: Path) -> str:
    return f"`{str(path)[:_MAX_PATH_LENGTH]}`"

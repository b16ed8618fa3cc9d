"""The settings of a run for the processes of its pack actions: plain data.

The engine makes one `PackOptions` before the run starts. It is pickled with the actions, so that
an attempt in a process or on a cluster has it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Interpreter", "PackOptions"]


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """The program that runs the entry point of an action.

    Attributes:
        program: The absolute path on the engine's machine. None: the action cannot run.
        module_folders: Folders of installed modules that the program does not find by itself:
            they become `NODE_PATH`, or stand behind `lib` in `PYTHONPATH`.
        problem: The reason why there is no program, and the remedy; a sentence for the user.
    """

    program: str | None = None
    module_folders: tuple[str, ...] = ()
    problem: str | None = None


class PackOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a run that the processes of its pack actions need.

    Attributes:
        passed_env: Variables of the engine's environment that a process gets beside the usual
            ones. The values may be secrets: they are not shown.
        interpreters: The interpreter of each action, by the action's ref. An action that is not
            named is run by `/bin/bash`, by the Python of its backend, or by the `node` on PATH.
        api_url: The address of the loopback API; None if there is none.
        api_key: The run's own secret, from which each attempt gets a token of its own.
        api_machine: The machine on which the address works, see `packs.machine`; empty if it is
            every one.
        artifacts_folder: The folder of the run's artifacts; None if there is none.
    """

    passed_env: Mapping[str, str] = {}
    interpreters: Mapping[str, Interpreter] = {}
    api_url: str | None = None
    api_key: str = ""
    api_machine: str = ""
    artifacts_folder: str | None = None

    def __repr__(self) -> str:
        shown: dict[str, Any] = {
            "passed_env": sorted(self.passed_env),
            "interpreters": sorted(self.interpreters),
            "api_url": self.api_url,
            "artifacts_folder": self.artifacts_folder,
        }
        fields = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"PackOptions({fields})"

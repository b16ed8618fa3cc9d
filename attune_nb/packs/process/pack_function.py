"""The function of a pack's action. Each call runs one process."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_nb.actions.hidden_values import HIDDEN_KEY
from attune_nb.actions.registry import Action
from attune_nb.actions.run_command import CommandEnd, run_command
from attune_nb.errors import ActionError
from attune_nb.language.parameter_specs import secret_names
from attune_nb.packs.model import BASH
from attune_nb.packs.process.code_version import code_version
from attune_nb.packs.process.documents import write_document
from attune_nb.packs.process.envelope import describe_failure, make_envelope
from attune_nb.packs.process.environment import (
    has_api,
    make_attempt_variables,
    make_environment,
)
from attune_nb.packs.process.parameters import ParameterJudge
from attune_nb.values.secrets import Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attune_nb.actions.cancel import CancelToken
    from attune_nb.packs.model import PackAction
    from attune_nb.packs.options import PackOptions

__all__ = ["GRACE", "PackFunction"]

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL."""

# Seconds in which a process that was killed has ended, on a busy machine.
_TIME_TO_KILL = 3.0
_API_IS_ELSEWHERE = (
    " (it ran on {}, where it cannot reach the run's API for keys and artifacts, which serves only "
    "the engine's own machine: if it needs that, use the backend `threads` or `processes`)"
)
# Errors of a system that has too many open files, or processes.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.EAGAIN)
# The parts of an envelope that the process printed.
_PRINTED = ("stdout", "data", "stderr", "warnings")
# The parts that are the result of a process that succeeded.
_OUTPUT = ("stdout", "data")


class PackFunction:
    """A pack's action as a function of its parameters; it can be pickled.

    A task runs it like any registered function: pass it with `actions={ref: function}`.

    Args:
        action: The action.
        options: The settings of the run.
        task: The path of the task that runs it; empty if it may ask no question.
    """

    def __init__(self, action: PackAction, options: PackOptions, task: str = "") -> None:
        self.action = action
        self.options = options
        self.task = task
        self.__name__ = action.ref
        self.__doc__ = action.description
        self._judge = ParameterJudge(action)
        self._secret_names = secret_names(action.parameters)
        self._secret_fields = secret_names(action.output)
        # the command and the environment of every process; the first call looks them up
        self._program: tuple[list[str], dict[str, str]] | None = None

    @property
    def __attune_action__(self) -> Action:
        """The action that a workflow's task runs."""
        return Action(
            name=self.action.ref,
            function=self,
            cancellable=True,
            whole_input=True,
            can_ask=True,
            version=code_version(self.action),
            timeout=self.action.timeout,
            # the process is killed, and its output read, before the attempt is given up
            grace=GRACE + _TIME_TO_KILL,
            secret_fields=tuple(self._secret_fields),
            secret_parameters=tuple(self._secret_names),
        )

    def __repr__(self) -> str:
        return f"PackFunction({self.action.ref!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return PackFunction, (self.action, self.options, self.task)

    def __call__(
        self, parameters: Mapping[str, Any], *, cancel: CancelToken | None = None
    ) -> dict[str, Any]:
        """Run the action's process, and wait until it ends.

        Args:
            parameters: The parameters; defaults are added.
            cancel: When set, the process and all that it has started get SIGTERM, and SIGKILL
                10 s later.

        Returns:
            The envelope: `{exit_code, duration_ms, succeeded: true, stdout or data, stderr}`.

        Raises:
            ActionError: The parameters do not fit, the process cannot start, its exit code is
                not 0, or it was cancelled. Of a process that started, the error's data is the
                envelope with `succeeded: false` and `error`.
        """
        action = self.action
        if not action.enabled:
            raise ActionError(
                f"action `{action.ref}` is disabled; set `enabled: true` in {action.file}"
            )
        bound = self._judge.bind(parameters)
        document, warnings = write_document(bound, action.parameter_format)
        if cancel is not None and cancel.cancelled:
            raise ActionError(f"action `{action.ref}` was cancelled before it started")

        command, usual_environment = self._find_program()
        environment = usual_environment | make_attempt_variables(action, self.options, self.task)
        secrets = self._secrets_in(bound)
        token = environment.get("ATTUNE_API_TOKEN")
        start = time.perf_counter()
        try:
            end = self._run(command, environment, document, cancel, _LineMask(secrets, token))
        except (OSError, ValueError) as error:
            raise ActionError(self._start_message(error, command)) from error
        duration = time.perf_counter() - start

        end = _without_token(end, token)
        envelope = make_envelope(end, action.output_format, duration, warnings)
        mask = Mask(secrets)
        if secrets:
            _hide_secrets(envelope, secrets, mask)
        if envelope["succeeded"]:
            return envelope

        message = mask.text(describe_failure(end))
        if end.was_cancelled:
            message = f"action `{action.ref}` was cancelled"
        elif self.options.api_url is not None and not has_api(self.options):
            message += _API_IS_ELSEWHERE.format(platform.node())
        raise ActionError(message, data={**envelope, "error": message})

    def certain_mismatches(self, written: Mapping[str, Any]) -> list[tuple[str | None, str]]:
        """Return the parameters that do not fit, in the input as a workflow's text has it."""
        return self._judge.find_misfits(written)

    def _secrets_in(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the secret parameters. The run may not know all of them."""
        secrets = {name: parameters.get(name) for name in self._secret_names}
        return {name: value for name, value in secrets.items() if value is not None}

    def _find_program(self) -> tuple[list[str], dict[str, str]]:
        """Return the command of every process, and its environment.

        Raises:
            ActionError: As `_command` does.
        """
        if self._program is None:
            self._program = self._command(), make_environment(self.action, self.options)
        return self._program

    def _command(self) -> list[str]:
        """Return the program and its arguments.

        Raises:
            ActionError: The interpreter or the script is missing, or the script is outside the
                pack.
        """
        action = self.action
        script = action.entry_point
        folder = os.path.realpath(action.pack.folder)
        real_script = os.path.realpath(script)
        # a file that was a link only after it was checked must not run either
        if os.path.commonpath([folder, real_script]) != folder:
            raise ActionError(f"action `{action.ref}`: {script} leads out of the pack's folder")
        if not Path(real_script).is_file():
            raise ActionError(
                f"action `{action.ref}`: there is no file {script} on {os.uname().nodename}; the "
                "pack must be in the same folder wherever its actions run"
            )

        if action.runner == "native":
            return [str(script)]
        program = self._interpreter()
        if action.runner == "python":
            return [program, "-u", str(script)]
        return [program, str(script)]

    def _interpreter(self) -> str:
        action = self.action
        interpreter = self.options.interpreters.get(action.ref)
        if interpreter is not None:
            if interpreter.program is None:
                problem = interpreter.problem
                raise ActionError(f"action `{action.ref}` cannot run: {problem}")
            return interpreter.program

        if action.runner == "shell":
            return BASH
        if action.runner == "python":
            return sys.executable
        node = shutil.which("node")
        if node is None:
            raise ActionError(
                f"action `{action.ref}` needs Node.js, and there is no `node` on PATH; install it"
            )
        return node

    def _run(
        self,
        command: list[str],
        environment: dict[str, str],
        document: str,
        cancel: CancelToken | None,
        hide: Callable[[str], str],
    ) -> CommandEnd:
        content = document.encode()
        stdin: int | bytes = content
        path = None
        with ExitStack() as stack:
            if self.action.delivery == "file":
                stdin = subprocess.DEVNULL
                path = _write_parameter_file(content, self.action.parameter_format)
                stack.callback(path.unlink, missing_ok=True)
                environment["ATTUNE_PARAMETER_FILE"] = str(path)

            return run_command(
                command,
                environment=environment,
                folder=self.action.pack.folder,
                stdin=stdin,
                grace=GRACE,
                cancel=cancel,
                private_file=path,
                hide=hide,
                # a result with a secret field must not be shown before the engine has masked it
                logs_stdout=not self._secret_fields,
            )

    def _start_message(self, error: OSError | ValueError, command: list[str]) -> str:
        """Return the message of a process that cannot start."""
        action = self.action
        prefix = f"action `{action.ref}`: cannot start `{command[0]}`"
        if not isinstance(error, OSError):
            return f"{prefix}: {error}"

        if action.runner == "native" and error.errno == errno.EACCES:
            return f"{prefix}: it is not executable; run `chmod +x {command[0]}`"
        if action.runner == "native" and error.errno == errno.ENOEXEC:
            return f"{prefix}: it is no program for this machine, and has no `#!` line"
        if error.errno == errno.ENOENT and action.runner != "native":
            message = f"{prefix}: there is no such file on {os.uname().nodename}"
            if action.ref in self.options.interpreters:
                message += (
                    "; it was found on the machine of the run, so a worker on another machine "
                    "must have it at the same place"
                )
            return message
        if error.errno in _EXHAUSTED:
            return f"{prefix}: {error.strerror}; lower the `concurrency` of the task"
        return f"{prefix}: {error.strerror}"


def _write_parameter_file(content: bytes, text_format: str) -> Path:
    """Write the parameters to a temporary file that only its owner can read.

    Raises:
        ActionError: The folder for temporary files cannot be written.
    """
    try:
        fd, name = tempfile.mkstemp(prefix="attune-parameters-", suffix=f".{text_format}")
    except OSError as error:
        raise ActionError(f"the file of the parameters cannot be created: {error}") from error

    path = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        path.chmod(0o400)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ActionError(f"the file of the parameters: {error.strerror}") from error
        raise
    return path


def _hide_secrets(envelope: dict[str, Any], secrets: dict[str, Any], mask: Mask) -> None:
    """Hide the secret parameters that a process has printed.

    They become `***`. The output of a process that succeeded keeps them, since other tasks may
    need them: the envelope passes them to the engine, which masks them wherever the run is shown.
    """
    printed = {name: envelope[name] for name in _PRINTED if name in envelope}
    masked = mask.value(printed)
    if masked is printed:
        return

    if envelope["succeeded"]:
        output = {name: printed[name] for name in _OUTPUT if name in printed}
        masked = {**masked, **output}
        envelope[HIDDEN_KEY] = secrets
    envelope |= masked


class _LineMask:
    """Hides the secrets of one attempt in the lines that its process writes.

    Args:
        secrets: The secret parameters.
        token: The token of the attempt, if it has one.
    """

    def __init__(self, secrets: dict[str, Any], token: str | None) -> None:
        self._secrets = secrets
        self._token_parts: list[str] = []
        if token is not None:
            self._token_parts = [token, token.rpartition(".")[2]]
        self._mask: Mask | None = None

    def __call__(self, lines: str) -> str:
        """Return lines without the secrets."""
        if not self._secrets and not self._token_parts:
            return lines
        if self._mask is None:
            self._mask = Mask(self._secrets, self._token_parts)
        return self._mask.text(lines)


def _without_token(end: CommandEnd, token: str | None) -> CommandEnd:
    """Return the end of a process whose output does not hold the token of its attempt."""
    if token is None:
        return end

    # making a mask takes longer than this search for a part that no text has by chance
    signature = token.rpartition(".")[2]
    if signature not in end.stdout.text and signature not in end.stderr.text:
        return end

    mask = Mask([token, signature])
    stdout = end.stdout._replace(text=mask.text(end.stdout.text))
    stderr = end.stderr._replace(text=mask.text(end.stderr.text))
    return end._replace(stdout=stdout, stderr=stderr)

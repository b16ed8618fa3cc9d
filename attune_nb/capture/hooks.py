"""Other ways of actions to print: threads, pools, processes, logging and warnings.

Each of these functions of the standard library is replaced while a run is alive. Outside of
attempts, the replacement only calls the original.
"""

from __future__ import annotations

import bdb
import builtins
import contextlib
import logging
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from functools import wraps
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any

from attune_nb.capture.attempt_output import current_outlet
from attune_nb.capture.streams import StreamRouter, cover, is_console

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.capture.attempt_output import AttemptOutput, Outlet

__all__ = ["install_hooks", "remove_hooks"]

# seconds that the end of a process waits for its output: a child of it may hold the pipe longer
_OUTPUT_WAIT = 0.5

# the class of `redirect_stdout` and `redirect_stderr`
_Redirection: Any = contextlib.redirect_stdout.__mro__[1]

_formatter = logging.Formatter()

# where the function that prints warnings is defined; from Python 3.14 on in the second
_WARNING_MODULES = ("warnings", "_py_warnings")

# the original and its replacement, by the owner and the name
_replaced: dict[tuple[Any, str], tuple[Any, Any]] = {}


def install_hooks() -> None:
    """Replace the functions."""
    _replace(threading.Thread, "start", _start_thread)
    _replace(ThreadPoolExecutor, "submit", _submit)

    _replace(subprocess.Popen, "__init__", _start_process)
    _replace(os, "system", _run_system)

    _replace(logging.Logger, "callHandlers", _call_handlers)
    _replace(warnings, "_showwarnmsg", _show_warning)

    _replace(_Redirection, "__enter__", _enter_redirection, after_original=cover)
    _replace(_Redirection, "__exit__", _exit_redirection)

    _replace(bdb.Bdb, "set_trace", _set_trace)
    if "IPython.utils.capture" in sys.modules:
        # `%%capture`: the attempts of a run in the background are no output of its cell
        capture_output = sys.modules["IPython.utils.capture"].capture_output
        _replace(capture_output, "__enter__", _call_original, after_original=cover)
    # a notebook's own function asks in the browser
    if isinstance(builtins.input, BuiltinFunctionType):
        _replace(builtins, "input", _read_input)


def remove_hooks() -> None:
    """Put the originals back, except where other code has put a function of its own."""
    for (owner, name), (original, replacement) in _replaced.items():
        if vars(owner).get(name) is replacement:
            setattr(owner, name, original)
    _replaced.clear()


def _replace(
    owner: Any,
    name: str,
    hook: Callable[..., Any],
    after_original: Callable[[], None] | None = None,
) -> None:
    """Let a hook be called in place of a function within attempts.

    Args:
        owner: The class or the module.
        name: The function's name.
        hook: Called with the original, the outlet and the arguments of the call.
        after_original: Called after each call outside of attempts.
    """
    original = vars(owner).get(name)
    if original is None:
        return

    @wraps(original)
    def replacement(*args: Any, **options: Any) -> Any:
        outlet = current_outlet.get()
        if outlet is None or outlet.open() is None:
            result = original(*args, **options)
            if after_original is not None:
                after_original()
            return result
        return hook(original, outlet, *args, **options)

    setattr(owner, name, replacement)
    _replaced[owner, name] = (original, replacement)


def _call_original(original: Callable[..., Any], _outlet: Outlet, *args: Any) -> Any:
    return original(*args)


# Threads and pools.


def _start_thread(original: Callable[..., None], outlet: Outlet, thread: threading.Thread) -> None:
    """Start a thread whose output is that of the attempt."""
    pinned = outlet.pin()
    run = thread.run

    def run_into_outlet() -> None:
        del thread.__dict__["run"]
        current_outlet.set(pinned)
        run()

    thread.__dict__["run"] = run_into_outlet
    try:
        original(thread)
    except BaseException:
        thread.__dict__.pop("run", None)
        raise


def _submit(
    original: Callable[..., Any],
    outlet: Outlet,
    pool: ThreadPoolExecutor,
    function: Callable[..., Any],
    /,
    *args: Any,
    **options: Any,
) -> Any:
    """Submit a call whose output is that of the attempt."""
    pinned = outlet.pin()
    # `asyncio.to_thread` calls its function in a copy of the context
    context = getattr(getattr(function, "func", None), "__self__", None)
    if isinstance(context, Context):
        # one that is in use cannot be changed
        with contextlib.suppress(RuntimeError):
            context.run(current_outlet.set, pinned)

    def call_into_outlet(*call_args: Any, **call_options: Any) -> Any:
        with pinned.used():
            return function(*call_args, **call_options)

    # a thread that the pool starts now does not belong to the attempt
    token = current_outlet.set(None)
    try:
        return original(pool, call_into_outlet, *args, **options)
    finally:
        current_outlet.reset(token)


# Processes.


def _start_process(
    original: Callable[..., None],
    outlet: Outlet,
    process: subprocess.Popen[Any],
    args: Any,
    bufsize: int = -1,
    executable: Any = None,
    stdin: Any = None,
    stdout: Any = None,
    stderr: Any = None,
    *more: Any,
    **options: Any,
) -> None:
    """Start a process; its output to inherited streams is the attempt's."""
    output = outlet.open()
    pipes: list[tuple[str, int, int]] = []
    if output is not None and _is_inherited(stdout):
        pipes.append((_level_of(stdout, "stdout"), *os.pipe()))
        stdout = pipes[-1][2]
    if output is not None and _is_inherited(stderr):
        pipes.append((_level_of(stderr, "stderr"), *os.pipe()))
        stderr = pipes[-1][2]

    has_started = False
    try:
        original(process, args, bufsize, executable, stdin, stdout, stderr, *more, **options)
        has_started = True
    finally:
        for _, reading_end, writing_end in pipes:
            os.close(writing_end)
            if not has_started:
                os.close(reading_end)

    if output is not None and pipes:
        _read_pipes(output, process, pipes)


def _is_inherited(stream: Any) -> bool:
    """Return whether a process writes to a standard stream: by default, or to `sys.stdout`."""
    return stream is None or isinstance(stream, StreamRouter)


def _level_of(stream: Any, default: str) -> str:
    return stream.level if isinstance(stream, StreamRouter) else default


def _run_system(_original: Callable[..., int], _outlet: Outlet, command: Any) -> int:
    """Run a command as `os.system` does; return its status in the same form."""
    # a process of `subprocess` writes to the output
    code = subprocess.call(command, shell=True)  # noqa: S602 - it is what the action asks for
    return code << 8 if code >= 0 else -code


def _read_pipes(
    output: AttemptOutput, process: subprocess.Popen[Any], pipes: list[tuple[str, int, int]]
) -> None:
    """Read the output of a process in threads; its end waits for them."""
    threads = []
    # these threads write to the output that they were given
    token = current_outlet.set(None)
    try:
        for level, reading_end, _ in pipes:
            thread = threading.Thread(
                target=_read_pipe,
                args=(output, level, reading_end),
                name="attune output",
                daemon=True,
            )
            thread.start()
            threads.append(thread)
    finally:
        current_outlet.reset(token)

    wait = process.wait

    def wait_for_output(timeout: float | None = None) -> int:
        code = wait(timeout)
        for thread in threads:
            thread.join(_OUTPUT_WAIT)
        return code

    process.__dict__["wait"] = wait_for_output


def _read_pipe(output: AttemptOutput, level: str, reading_end: int) -> None:
    with open(reading_end, encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            output.write(level, line)


# Logging and warnings.


def _call_handlers(
    original: Callable[..., None],  # noqa: ARG001 - it would write to the console
    outlet: Outlet,
    logger: logging.Logger,
    record: logging.LogRecord,
) -> None:
    """Add a record to the output; call the handlers of files and others, not of the console."""
    output = outlet.open()
    if output is not None:
        output.add_lines(record.levelname, _format_record(record))

    with outlet.muted():
        owner: logging.Logger | None = logger
        while owner is not None:
            for handler in owner.handlers:
                if record.levelno >= handler.level and not _writes_to_console(handler):
                    handler.handle(record)
            owner = owner.parent if owner.propagate else None


def _format_record(record: logging.LogRecord) -> str:
    try:
        return _formatter.format(record)
    except Exception as error:  # noqa: BLE001 - arguments that do not fit are no failure
        return f"{record.msg!r} with the arguments {record.args!r}: {error}"


def _writes_to_console(handler: logging.Handler) -> bool:
    if not isinstance(handler, logging.StreamHandler) or isinstance(handler, logging.FileHandler):
        return False
    return is_console(handler.stream)


def _show_warning(original: Callable[..., None], outlet: Outlet, message: Any) -> None:
    """Add a warning to the output, unless the action or the user shows warnings otherwise."""
    module: Any = warnings
    is_usual = (
        module.showwarning is module._showwarning_orig
        and getattr(module._showwarnmsg_impl, "__module__", "") in _WARNING_MODULES
        and message.file is None
    )
    output = outlet.open()
    if output is None or not is_usual:
        original(message)
        return

    text = warnings.formatwarning(
        message.message, message.category, message.filename, message.lineno, line=""
    )
    output.add_lines("WARNING", text.rstrip("\n"))


# Redirections, and functions that need the terminal.


def _enter_redirection(
    original: Callable[..., Any],  # noqa: ARG001 - it would redirect all attempts
    outlet: Outlet,
    redirection: Any,
) -> Any:
    """Redirect a stream for this attempt alone."""
    output = outlet.open()
    level = redirection._stream
    if output is not None:
        output.redirections.setdefault(level, []).append(redirection._new_target)
    redirection.__dict__.setdefault("_attune_outputs", []).append(output)
    # for an end after the run
    redirection._old_targets.append(getattr(sys, level))
    return redirection._new_target


def _exit_redirection(
    original: Callable[..., Any], _outlet: Outlet, redirection: Any, *error: Any
) -> Any:
    outputs = redirection.__dict__.get("_attune_outputs")
    if not outputs:
        return original(redirection, *error)

    output = outputs.pop()
    targets = output.redirections[redirection._stream]
    targets.pop()
    if not targets:
        del output.redirections[redirection._stream]
    redirection._old_targets.pop()
    return None


def _set_trace(
    original: Callable[..., Any], outlet: Outlet, debugger: Any, frame: Any = None, *more: Any
) -> Any:
    """Open a debugger: the rest of the attempt goes to the console."""
    outlet.release()
    if frame is None:
        frame = sys._getframe(2)
    return original(debugger, frame, *more)


def _read_input(original: Callable[..., str], _outlet: Outlet, *prompt: Any) -> str:
    """Read a line from the terminal, where the prompt is shown."""
    token = current_outlet.set(None)
    try:
        return original(*prompt)
    finally:
        current_outlet.reset(token)

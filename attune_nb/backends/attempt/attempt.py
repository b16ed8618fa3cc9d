"""One attempt: render the input, call the action, freeze the result; and the errors of attempts."""

from __future__ import annotations

import inspect
import traceback
from functools import partial
from pathlib import Path
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar

from attune_nb.backends.attempt.context_slice import may_read_tables, slice_context
from attune_nb.context import ItemScope
from attune_nb.errors import ActionError, AttuneError, TemplateError, Timeout
from attune_nb.events import FAILED, TIMED_OUT, ErrorInfo
from attune_nb.values.frozen import copy_tables, freeze, thaw
from attune_nb.values.guard import LONGEST_MESSAGE, ask, cut_text, error_text, type_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from attune_nb.actions.cancel import CancelToken
    from attune_nb.actions.registry import Action
    from attune_nb.backends.attempt.run_coroutine import CoroutineRunner
    from attune_nb.context import WorkflowContext
    from attune_nb.templates.template import Template

__all__ = [
    "GRACE",
    "MANY_ITEMS",
    "THREAD_TIMEOUT_EFFECT",
    "Call",
    "cancelled_error",
    "not_sendable_error",
    "timeout_error",
    "worker_lost_error",
]

GRACE = 2.0
"""Seconds that a cancelled action has to return its partial result, or to raise with it."""

MANY_ITEMS = 1_000
"""Items from which on it pays to prepare a call for very many attempts."""

# what happens to a plain function at its timeout, in a thread
THREAD_TIMEOUT_EFFECT = (
    "a Python function in a thread cannot be stopped, so it may still be running; "
    "its result will be dropped"
)

# exceptions whose text, such as `'url'` or `3`, is unclear without the name of the type
_NAMED_ERRORS = (LookupError, SystemExit, StopIteration)
# errors of an exception group that its message lists
_MAX_LEAVES = 20
# the properties themselves: a subclass of the group may have others of these names
_GROUP_ERRORS = BaseExceptionGroup.exceptions.__get__
_GROUP_MESSAGE = BaseExceptionGroup.message.__get__
# base classes that say nothing about an error
_GENERAL_ERRORS = (AttuneError, Exception, BaseException, object)
# the files of frames that are not of the user's code
_INTERNAL_FILES = (str(Path(__file__).parents[2]), "<template>")


class Call:
    """The action of a task, with its input template and context. Threads may share it.

    Attributes:
        hands_out_tables: Whether an input may hold a table. Each attempt then gets a shallow
            copy of it, so that no action changes the table that others see.
        is_async: Whether the action is a coroutine function, which runs in an event loop.
        is_cancellable: Whether the action can be cancelled while it runs: it takes a `cancel`
            argument, or is a coroutine function.
        longest_message: The most characters of an error's message, and of its traceback.
        freeze: Makes a result read-only; `drop_results` replaces it.
        runner: Runs the coroutines that `invoke` gets from the action; without one, each runs in a
            loop of its own.
        on_error: Called with each exception that an attempt raised in the engine's process.
    """

    longest_message: ClassVar[int] = LONGEST_MESSAGE

    __slots__ = (
        "_is_direct",
        "action",
        "context",
        "evaluate",
        "freeze",
        "function",
        "hands_out_tables",
        "is_async",
        "is_cancellable",
        "on_error",
        "runner",
        "template",
    )

    def __init__(
        self,
        action: Action,
        template: Template,
        context: WorkflowContext,
        on_error: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.action = action
        self.context = context
        self.evaluate = template.evaluate
        self.freeze: Callable[[Any], Any] = freeze
        self.function = action.function
        self.hands_out_tables = may_read_tables(context, template)
        # the input's keys are the arguments, and nothing else is to be done
        self._is_direct = not (action.mutable_input or action.whole_input or action.cancellable)
        self.on_error = on_error
        self.runner: CoroutineRunner | None = None
        self.template = template
        self.is_async = inspect.iscoroutinefunction(action.function)
        self.is_cancellable = action.cancellable or self.is_async

    @property
    def grace(self) -> float:
        """The seconds that a cancelled attempt has to end."""
        if self.action.grace is None:
            return GRACE
        return self.action.grace

    def expect_many(self) -> None:
        """Prepare for very many attempts."""
        self.evaluate = self.template.compile_fast()

    def drop_results(self) -> None:
        """Let every attempt that succeeds result in null: nothing keeps or reads its result."""
        self.freeze = _drop

    def slice_context(self) -> WorkflowContext:
        """Return the part of the context that the input reads."""
        return slice_context(self.context, self.template)

    def render(self, item: Any, index: Any) -> Any:
        """Return the input of one item.

        Raises:
            TemplateError: An expression fails.
        """
        return self.evaluate(ItemScope(self.context, item, index))

    def start(self, rendered: Any, token: CancelToken) -> Any:
        """Call the action with a rendered input; return its result or its coroutine."""
        if self._is_direct and not self.hands_out_tables:
            return self.function(**rendered)

        argument = rendered
        if self.hands_out_tables:
            argument = copy_tables(argument)
        if self.action.mutable_input:
            argument = thaw(argument)

        if self.action.whole_input:
            if self.action.cancellable:
                return self.function(argument, cancel=token)
            return self.function(argument)

        if self.action.cancellable:
            return self.function(cancel=token, **argument)

        return self.function(**argument)

    def invoke(self, rendered: Any, token: CancelToken) -> Any:
        """Call the action with a rendered input; return its frozen result."""
        result = self.start(rendered, token)
        if type(result) is CoroutineType:
            result = self._run_coroutine(result, token)

        return self.freeze(result)

    def _run_coroutine(self, coroutine: CoroutineType[Any, Any, Any], token: CancelToken) -> Any:
        if self.runner is not None:
            return self.runner.run(coroutine, token)

        # asyncio is a tenth of the time to import this package
        from attune_nb.backends.attempt.run_coroutine import run_coroutine  # noqa: PLC0415

        return run_coroutine(coroutine, token)

    def describe_error(self, error: BaseException) -> tuple[int, ErrorInfo]:
        """Return the status and the error of an attempt that raised, without secrets.

        The traceback holds the frames of the user's own code. The message and the traceback are
        cut to `longest_message` characters.
        """
        try:
            return self._describe_error(error)
        except KeyboardInterrupt:
            raise
        except BaseException as problem:  # noqa: BLE001 - an exception's own code may raise anything
            message = (
                f"an error of type `{type_name(type(error))}`, which cannot be described: its own "
                f"code raises {type_name(type(problem))}"
            )
            return FAILED, ErrorInfo(type=type_name(type(error)), message=message)

    def _describe_error(self, error: BaseException) -> tuple[int, ErrorInfo]:
        leaves = _leaves_of(error)
        bases = _base_names(error, leaves)
        if len(leaves) == 1:
            # a group of one, as an `asyncio.TaskGroup` raises it, says no more than its error
            error = leaves[0]
        if self.on_error is not None:
            self.on_error(error)

        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_INTERNAL_FILES):
            trace = trace.tb_next

        is_template_error = isinstance(error, TemplateError)
        message = _group_message(error, leaves) if len(leaves) > 1 else _error_message(error)
        lines = _format_traceback(error, trace)
        if is_template_error and trace is None:
            lines = []  # the position of the expression says where it failed

        mask = self.context.mask
        data = _data_of(error, leaves)
        position = error.position if isinstance(error, TemplateError) else None
        info = ErrorInfo(
            type=mask.text(type_name(type(error))),
            message=self._hide_and_cut(message),
            traceback=self._hide_and_cut("".join(lines)),
            data=self._freeze_data(data),
            retryable=not is_template_error,
            position=position,
            bases=bases,
        )
        has_timed_out = all(isinstance(leaf, Timeout) for leaf in leaves)
        code = TIMED_OUT if has_timed_out else FAILED
        return code, info

    def describe_timeout(self, seconds: float, error: BaseException | None) -> ErrorInfo:
        """Return the error of an attempt that was cancelled at its timeout, without secrets.

        Args:
            seconds: The timeout.
            error: The exception that the action raised then. Its data is kept.
        """
        data = None
        if isinstance(error, ActionError):
            data = ask(partial(getattr, error, "data", None))
        return timeout_error(seconds, data=self._freeze_data(data))

    def _hide_and_cut(self, text: str) -> str:
        """Return a text without secrets, cut to `longest_message` characters."""
        longest = self.longest_message
        # a long text is cut first: it takes a while to search all of it for secrets
        shown = self.context.mask.text(cut_text(text, 2 * longest))
        return cut_text(shown, longest)

    def _freeze_data(self, data: Any) -> Any:
        """Return the data of an error, without secrets; why it cannot be used, if it cannot."""
        try:
            return freeze(self.context.mask.value(data))
        except Exception as error:  # noqa: BLE001 - the parts of the data may raise anything
            return f"(without its data: {self.context.mask.text(_error_message(error))})"


def _drop(_result: Any) -> None:
    """Return null in place of a result."""


def _leaves_of(error: BaseException) -> list[BaseException]:
    """Return the errors that an exception group holds, in their order; else the error itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]

    leaves: list[BaseException] = []
    pending: list[BaseException] = [error]
    while pending:
        inner_error = pending.pop()
        if isinstance(inner_error, BaseExceptionGroup):
            pending += reversed(_GROUP_ERRORS(inner_error))
        else:
            leaves.append(inner_error)
    return leaves


def _data_of(error: BaseException, leaves: list[BaseException]) -> Any:
    """Return the data of an error, or of the first error of a group that has any."""
    for candidate in (error, *leaves):
        if not isinstance(candidate, ActionError):
            continue
        data = ask(partial(getattr, candidate, "data", None))
        if data is not None:
            return data
    return None


def _base_names(error: BaseException, leaves: list[BaseException]) -> tuple[str, ...]:
    """Return the names of the base classes of an error's type, without the most general ones.

    Those of a group are also the types of its errors, and their base classes.
    """
    bases = [*type(error).__mro__[1:]]
    if isinstance(error, BaseExceptionGroup):
        bases.append(type(error))
        for leaf in leaves:
            bases += type(leaf).__mro__

    names = [type_name(base) for base in bases if base not in _GENERAL_ERRORS]
    return tuple(dict.fromkeys(names))


def _group_message(error: BaseException, leaves: list[BaseException]) -> str:
    """Return the message of a group: its own, and that of each of its errors."""
    heading = _error_message(error)
    if isinstance(error, BaseExceptionGroup):
        heading = _GROUP_MESSAGE(error)

    messages = []
    for leaf in leaves[:_MAX_LEAVES]:
        name = type_name(type(leaf))
        message = _error_message(leaf)
        if message == name or isinstance(leaf, _NAMED_ERRORS):
            messages.append(message)
        else:
            messages.append(f"{name}: {message}")
    if len(leaves) > _MAX_LEAVES:
        messages.append(f"and {len(leaves) - _MAX_LEAVES:,} more")
    return f"{heading} ({len(leaves):,} errors): {'; '.join(messages)}"


def _format_traceback(error: BaseException, trace: TracebackType | None) -> list[str]:
    try:
        return traceback.format_exception(type(error), error, trace)
    except SystemError:
        # CPython 3.11 parses a line to mark its columns, which two threads cannot do at once
        return traceback.format_exception_only(type(error), error)
    except Exception:  # noqa: BLE001 - the notes and causes of an exception may raise anything
        return traceback.format_tb(trace)


def _error_message(error: BaseException) -> str:
    name = type_name(type(error))
    message = error_text(error)
    if not message:
        return name
    if isinstance(error, _NAMED_ERRORS):
        return f"{name}: {message}"
    return message


def timeout_error(seconds: float, effect: str = "it was stopped", data: Any = None) -> ErrorInfo:
    """Return the error of an attempt that reached its timeout.

    Args:
        seconds: The timeout.
        effect: What happened to the attempt.
        data: The data of the exception that the cancelled action raised, without secrets.
    """
    return ErrorInfo(type="Timeout", message=f"no end within {seconds:g} s; {effect}", data=data)


def cancelled_error() -> ErrorInfo:
    """Return the error of an attempt that was not made or was cancelled as the run stopped."""
    return ErrorInfo(type="Cancelled", message="the run was cancelled", retryable=False)


def not_sendable_error(message: str) -> ErrorInfo:
    """Return the error of an attempt whose input or task cannot be sent to a worker."""
    return ErrorInfo(type="NotSendable", message=message, retryable=False)


def worker_lost_error(deaths: int, reason: str, *, idempotent: bool) -> ErrorInfo:
    """Return the error of an attempt whose worker died.

    Args:
        deaths: How many workers died while they ran this item alone.
        reason: Why, as far as it is known.
        idempotent: Whether the attempt may be made again.
    """
    if idempotent:
        message = (
            f"the worker died {deaths} times while it ran this item alone ({reason}); look for a "
            "crash in compiled code, or for more memory than there is"
        )
    else:
        message = (
            f"the worker died while it ran this item ({reason}); the action is declared not "
            "idempotent, so it is not run again automatically: check whether it took effect"
        )

    return ErrorInfo(type="WorkerLost", message=message, retryable=idempotent)

"""The action, input template and context of a task, sent once to each worker."""

from __future__ import annotations

import inspect
import pickle
import threading
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any

from attune_nb.backends.attempt.context_slice import fetch_context, find_references
from attune_nb.backends.chunks.serialize import pack_value
from attune_nb.errors import NotSendable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attune_nb.actions.registry import Action
    from attune_nb.context import WorkflowContext
    from attune_nb.events import Key
    from attune_nb.templates.template import Template
    from attune_nb.values.remote import RemoteReference

__all__ = ["TaskSpec"]


class TaskSpec:
    """The action, input template and context of a task, on their way to a worker and there.

    It is pickled when it is sent and unpickled when it is first used, so each process holds the
    context once. Any thread may use it.

    Args:
        key: The execution of the task.
        action: Its action.
        template: The template of its input.
        context: The part of the context that the template reads.
        timeout: Seconds for one attempt.
        timeout_effect: What happens to a function at its timeout, for the error's message.
        drops_results: Whether attempts drop their results.
        log: The name of the log for the lines of attempts; empty if nothing is captured.
    """

    def __init__(
        self,
        key: Key,
        action: Action,
        template: Template,
        context: WorkflowContext,
        timeout: float | None,
        timeout_effect: str,
        *,
        drops_results: bool = False,
        log: str = "",
    ) -> None:
        settings = (timeout, timeout_effect, drops_results, log)
        self._parts: tuple[Any, ...] | None
        self._parts = (key, action, template, context, *settings)
        self._packed: bytes | None = None
        self._lock = threading.Lock()
        self._size = context.size_bytes
        self._is_checked = False
        self._references: list[RemoteReference] | None = None  # None until they are searched for

    @classmethod
    def from_bytes(cls, packed: bytes) -> TaskSpec:
        """Return a task spec from bytes that another process has packed."""
        task_spec = cls.__new__(cls)
        task_spec.__setstate__({"size": len(packed), "packed": packed})
        return task_spec

    def __getstate__(self) -> dict[str, Any]:
        packed = self.to_bytes()
        if self._parts is not None:
            self._packed = None  # the bytes that `check_sendable` kept are sent now
        return {"size": self._size, "packed": packed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._packed = state["packed"]
        self._size = state["size"]
        self._parts = None
        self._lock = threading.Lock()
        self._references = None

    def __sizeof__(self) -> int:
        return self._size + object.__sizeof__(self)

    def check_sendable(self) -> None:
        """Check that it can be pickled, and keep the bytes until it is sent.

        Raises:
            NotSendable: Something in it cannot be pickled.
        """
        if not self._is_checked:
            self._packed = self.to_bytes()
            self._is_checked = True

    def to_bytes(self) -> bytes:
        """Return it as bytes.

        Raises:
            NotSendable: Something in it cannot be pickled.
        """
        with self._lock:
            if self._packed is not None:
                return self._packed

            try:
                return pack_value(self._parts)
            except Exception as error:  # noqa: BLE001 - a value's own code may raise anything
                raise NotSendable(_describe_unsendable(self._parts, error)) from None

    def find_references(self) -> list[RemoteReference]:
        """Return the remote references in its context."""
        if self._parts is not None and self._references is None:
            self._references = find_references(self._parts[3])

        return [] if self._references is None else self._references

    def load(self, fetched: Mapping[str, Any] = MappingProxyType({})) -> tuple[Any, ...]:
        """Return its parts, with the remote references in the context replaced by their values.

        Args:
            fetched: Chunks of results that were fetched already, by key.

        Raises:
            NotSendable: It cannot be unpickled in this process.
        """
        with self._lock:
            if self._parts is None:
                packed = b"" if self._packed is None else self._packed
                try:
                    parts = pickle.loads(packed)  # noqa: S301 - packed by our own process
                    context = fetch_context(parts[3], fetched)
                except BaseException as error:  # noqa: BLE001 - not even `sys.exit` may end a worker
                    raise NotSendable(_describe_unloadable(error)) from None

                self._parts = (*parts[:3], context, *parts[4:])
                self._packed = None

            return self._parts


def _describe_unsendable(parts: Any, error: Exception) -> str:
    key, action, *_ = parts
    culprit = "the part of the context that its input reads"
    if not _can_pack(action):
        culprit = "the action"
        names = ", ".join(f"`{name}`" for name in _unsendable_names(action.function))
        if names:
            culprit = f"the action refers to {names}"

    return (
        f"task `{key[0]}` cannot be sent to a worker process: {culprit}, which cannot be pickled "
        f"({type(error).__name__}: {error}); open such objects within the action, or use the "
        "threads backend"
    )


def _can_pack(value: Any) -> bool:
    try:
        pack_value(value)
    except Exception:  # noqa: BLE001 - a value's own code may raise anything
        return False

    return True


def _unsendable_names(function: Any) -> list[str]:
    """Return the names to which a function refers and whose values cannot be pickled."""
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType):
        return []

    code = function.__code__
    cells = function.__closure__
    values = {}
    if cells is not None:
        for name, cell in zip(code.co_freevars, cells, strict=False):
            values[name] = cell.cell_contents

    for name in code.co_names:
        if name in function.__globals__:
            values[name] = function.__globals__[name]

    return [name for name, value in values.items() if not _can_pack(value)]


def _describe_unloadable(error: BaseException) -> str:
    hint = ""
    if isinstance(error, ImportError):
        hint = "; install it on the workers, or define the function in the notebook"

    return (
        "the worker process cannot unpickle the task's action or context "
        f"({type(error).__name__}: {error}){hint}"
    )

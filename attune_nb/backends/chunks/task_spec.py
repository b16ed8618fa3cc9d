"""What a task does to each of its items, on its way to worker processes: sent once to each."""

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
    """What a task does to each of its items, on its way to a worker and there.

    It is packed when it is sent and unpacked when it is first used, so each side holds the
    context once.

    Args:
        key: The execution of the task.
        action: Its action.
        template: Its input.
        context: What the template reads.
        timeout: Seconds for one attempt.
        leaves: What becomes of a function that is past its time, for the error's message.
    """

    def __init__(
        self,
        key: Key,
        action: Action,
        template: Template,
        context: WorkflowContext,
        timeout: float | None,
        leaves: str,
    ) -> None:
        self._parts: tuple[Any, ...] | None = (key, action, template, context, timeout, leaves)
        self._packed: bytes | None = None
        self._lock = threading.Lock()
        self._size = context.size_bytes
        self._checked = False
        self._elsewhere: list[RemoteReference] | None = None  # once it was looked for

    @classmethod
    def from_bytes(cls, packed: bytes) -> TaskSpec:
        """Give the definition that was packed, in another process."""
        made = cls.__new__(cls)
        made.__setstate__({"size": len(packed), "packed": packed})
        return made

    def __getstate__(self) -> dict[str, Any]:
        packed = self.to_bytes()
        if self._parts is not None:
            self._packed = None  # what `check` has made is on its way
        return {"size": self._size, "packed": packed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._packed, self._size = state["packed"], state["size"]
        self._parts, self._lock, self._elsewhere = None, threading.Lock(), None

    def __sizeof__(self) -> int:
        return self._size + object.__sizeof__(self)

    def check_sendable(self) -> None:
        """See that it can be sent.

        Raises:
            NotSendable: Something in it cannot.
        """
        if not self._checked:
            self._packed = self.to_bytes()  # for the way, which comes next
            self._checked = True

    def to_bytes(self) -> bytes:
        """Give it as bytes.

        Raises:
            NotSendable: Something in it cannot be sent.
        """
        with self._lock:
            if self._packed is not None:
                return self._packed
            try:
                return pack_value(self._parts)
            except Exception as error:  # noqa: BLE001 - as a value's own code raises it
                raise NotSendable(_not_sent(self._parts, error)) from None

    def find_references(self) -> list[RemoteReference]:
        """Give what its context refers to that was left elsewhere."""
        if self._parts is not None and self._elsewhere is None:
            self._elsewhere = find_references(self._parts[3])
        return self._elsewhere or []

    def load(self, near: Mapping[str, Any] = MappingProxyType({})) -> tuple[Any, ...]:
        """Give what it is made of, with what was left elsewhere fetched from what is near.

        Raises:
            NotSendable: It cannot be made again in this process.
        """
        with self._lock:
            if self._parts is None:
                try:
                    parts = pickle.loads(self._packed or b"")  # noqa: S301 - our own
                    self._parts = (*parts[:3], fetch_context(parts[3], near), *parts[4:])
                except BaseException as error:  # noqa: BLE001 - as above
                    raise NotSendable(_not_made(error)) from None
                self._packed = None
            return self._parts or ()


def _not_sent(parts: Any, error: Exception) -> str:
    key, action, *_ = parts
    what = "what its input reads of the context"
    if not _goes(action):
        names = ", ".join(f"`{name}`" for name in _culprits(action.function))
        what = f"the action refers to {names}" if names else "the action"
    return (
        f"task `{key[0]}` cannot be sent to a worker process: {what}, which no other process can "
        f"be given ({type(error).__name__}: {error}); have the action open what it needs, or run "
        "it on the threads backend"
    )


def _goes(value: Any) -> bool:
    try:
        pack_value(value)
    except Exception:  # noqa: BLE001 - as a value's own code raises it
        return False
    return True


def _culprits(function: Any) -> list[str]:
    """Give the names of what a function refers to and cannot be sent."""
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType):
        return []
    held = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
    found = {name: cell.cell_contents for name, cell in held.items()}
    found |= {
        name: function.__globals__[name]
        for name in function.__code__.co_names
        if name in function.__globals__
    }
    return [name for name, value in found.items() if not _goes(value)]


def _not_made(error: BaseException) -> str:
    hint = ""
    if isinstance(error, ImportError):
        hint = "; install it on the workers, or define the function in the notebook"
    return (
        "the worker process cannot make the task's action or context again "
        f"({type(error).__name__}: {error}){hint}"
    )

"""What a task needs that was left on a cluster, brought to where its attempts are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.backends.attempt.attempt import Call
from attune_nb.backends.attempt.context_slice import fetch_context, find_references
from attune_nb.context import ItemScope
from attune_nb.errors import AttuneError, NotSendable
from attune_nb.values.remote import RemoteReference, fetch, gather, remote_references

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.context import WorkflowContext

__all__ = ["fetch_inputs"]


def fetch_inputs(job: Job) -> None:
    """Fetch what a job's inputs refer to that was left elsewhere; most runs left nothing.

    What cannot be had fails the attempts that need it, and those only. What passes a value on, as
    `core.echo` does, passes on what stands for it.
    """
    call, source = job.spec.call, job.source
    if not RemoteReference.in_use or call.action.local:
        return
    read = call.slice_context()
    items = [] if source.lazy else [*remote_references(list(source.items))]
    needed = find_references(read) + items
    if not needed:
        return
    near = gather(needed)
    job.replace_call(_NearCall(call, read, near))
    if items:
        source.replace_items([_brought(each, near) for each in source.items])


def _brought(item: Any, near: dict[str, Any]) -> Any:
    try:
        return fetch(item, near)
    except AttuneError:
        return item  # what it is given to says so


class _NearCall(Call):
    """A call whose inputs are made of what was fetched."""

    __slots__ = ("_lost", "_near", "_read")

    def __init__(self, call: Call, read: WorkflowContext, near: dict[str, Any]) -> None:
        super().__init__(call.action, call.template, call.context)
        self._near, self._lost = near, ""
        try:
            read = fetch_context(read, near)
        except AttuneError as error:
            self._lost = str(error)
        self._read = msgspec.structs.replace(read, moments=call.context.moments)

    def slice_context(self) -> WorkflowContext:
        """Give the part of the context that the input reads."""
        return self._read

    def render(self, item: Any, index: Any) -> Any:
        """Render the input for one item."""
        if self._lost:
            raise NotSendable(self._lost)
        return self.evaluate(ItemScope(self._read, fetch(item, self._near), index))

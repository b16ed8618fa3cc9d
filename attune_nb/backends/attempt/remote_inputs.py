"""Fetch results kept on a cluster (`keep_results`) before a local backend uses them as input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from attune_nb.backends.attempt.attempt import Call
from attune_nb.backends.attempt.context_slice import fetch_context, find_references
from attune_nb.context import ItemScope
from attune_nb.errors import AttuneError, NotSendable
from attune_nb.templates.stored_values import evaluate
from attune_nb.values.remote import RemoteReference, fetch, gather, remote_references

if TYPE_CHECKING:
    from attune_nb.backends.attempt.job import Job
    from attune_nb.context import WorkflowContext

__all__ = ["fetch_inputs"]


def fetch_inputs(job: Job) -> None:
    """Fetch the kept results that a job's inputs refer to, if there are any.

    Those on a cluster are fetched at once, those on the disk with each input that needs them.

    If one cannot be fetched, only the attempts that need it fail. An action such as `core.echo`,
    which passes values on unread, passes on the reference.
    """
    call = job.spec.call
    source = job.source
    if not RemoteReference.in_use or call.action.local:
        return

    context = call.slice_context()
    item_references: list[RemoteReference] = []
    if not source.lazy:
        item_references.extend(remote_references(list(source.items)))

    references = find_references(context) + item_references
    if not references:
        return

    fetched = gather(references)
    job.replace_call(_FetchedCall(call, context, fetched))
    if fetched and item_references:
        # what is on the disk is read for each item: all of them may be too much for the memory
        source.replace_items([_fetch_item(item, fetched) for item in source.items])


def _fetch_item(item: Any, fetched: dict[str, Any]) -> Any:
    try:
        return fetch(item, fetched)
    except AttuneError:
        return item  # `render` fetches it again, and raises


class _FetchedCall(Call):
    """A call whose context and items have their remote references replaced by values."""

    __slots__ = ("_fetched", "_problem", "_slice")

    def __init__(self, call: Call, context: WorkflowContext, fetched: dict[str, Any]) -> None:
        super().__init__(call.action, call.template, call.context, call.on_error)
        self.freeze = call.freeze
        self.hands_out_tables = True
        self._fetched = fetched
        self._problem = ""
        try:
            context = fetch_context(context, fetched)
        except AttuneError as error:
            self._problem = str(error)
        self._slice = msgspec.structs.replace(context, moments=call.context.moments)

    def slice_context(self) -> WorkflowContext:
        """Return the part of the context that the input reads."""
        return self._slice

    def render(self, item: Any, index: Any) -> Any:
        """Return the input of one item.

        Raises:
            NotSendable: A result that the context refers to could not be fetched.
        """
        if self._problem:
            raise NotSendable(self._problem)

        scope = ItemScope(self._slice, fetch(item, self._fetched), index)
        return fetch(evaluate(self.template, scope), self._fetched)

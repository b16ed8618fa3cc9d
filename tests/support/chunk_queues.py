"""Chunk queues over a test's items, and workers in this process that run their chunks."""

import asyncio
import pickle
import time

from attune_nb.actions.registry import Action
from attune_nb.backends.attempt.attempt import Call
from attune_nb.backends.attempt.context_slice import slice_context
from attune_nb.backends.attempt.job import Job
from attune_nb.backends.attempt.job_spec import JobSpec
from attune_nb.backends.chunks.chunk_queue import ChunkQueue
from attune_nb.backends.chunks.task_spec import TaskSpec
from attune_nb.backends.worker import chunk_status, remote_functions
from attune_nb.context import WorkflowContext
from attune_nb.templates.template import Template

INPUT = Template({"x": "{{ item }}"})


def make_queue(
    items,
    function=lambda x: x,
    *,
    concurrency=4,
    retries=False,
    idempotent=True,
    total=None,
    target=0.001,
    partial_reports=True,
    max_failures=None,
    **options,
):
    """Return a chunk queue over items, and the task spec as a worker has unpacked it."""
    action = Action(name="work", function=function, idempotent=idempotent)
    context = WorkflowContext.create()
    zero = time.perf_counter()
    spec = JobSpec(
        key=("a", 1),
        call=Call(action, INPUT, context),
        total=total,
        concurrency=concurrency,
        clock=lambda: time.perf_counter() - zero,
        retries=retries,
        max_failures=max_failures,
    )
    queue = ChunkQueue(
        Job(spec, items), 3, target, lambda: None, partial_reports=partial_reports, **options
    )

    task_spec = TaskSpec(("a", 1), action, INPUT, slice_context(context, INPUT), None, "")
    return queue, pickle.loads(pickle.dumps(task_spec))


def take_chunk(queue):
    """Take the next chunk; wait for it if the items are read in a thread."""
    while not queue.is_ready and not queue.job.source.exhausted:
        time.sleep(0.0001)

    return queue.take_chunk(queue.job.spec.concurrency)


def assume_quick_items(queue, last_size):
    """Make a queue assume that items are quick, and that its last chunk had that size."""
    queue._sizer.seconds_per_item = 1e-9  # noqa: SLF001 - stands for the reports of many chunks
    queue._sizer.record_size(last_size)  # noqa: SLF001


def number_worker(_, number):
    """Number workers by their number in their process."""
    return number


def run_once(queue, task_spec, chunk, *, can_extend=False):
    """Run a chunk until its next report; return the part of it that is still running, or None."""
    if chunk.is_remainder:
        report = remote_functions.continue_chunk()
    else:
        report = remote_functions.run_chunk(task_spec, chunk.message)

    return queue.handle_report(chunk, number_worker, report, can_extend=can_extend)


def run_to_end(queue, task_spec, chunk):
    """Run a chunk until none of it is still running."""
    while chunk is not None:
        chunk = run_once(queue, task_spec, chunk)

    # a worker must forget the chunks that have ended
    assert not chunk_status._runners  # noqa: SLF001


def statuses_by_index(batches):
    """Return the statuses of the attempts of each item."""
    statuses = {}
    for batch in batches:
        for index, status in zip(batch.index, batch.status, strict=True):
            statuses.setdefault(index, []).append(status)

    return statuses


def sometimes_sleep(x):
    """Take longer than the target time of a chunk for one item in 15."""
    if x % 15 == 14:
        time.sleep(0.003)

    return x


async def sometimes_wait(x):
    """Wait longer than the target time of a chunk for one item in 15."""
    await asyncio.sleep(0.01 if x % 15 == 14 else 0)
    return x

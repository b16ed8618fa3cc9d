"""The record of a run within a run."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from attune_nb.running.record_columns import option_columns, source_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attune_nb.engine.child_runs import ParentAttempt
    from attune_nb.events import Event
    from attune_nb.log_batches import RunLogs
    from attune_nb.running.child_workflow import ChildWorkflow
    from attune_nb.running.prepared_run import PreparedRun
    from attune_nb.store.claims import Claim
    from attune_nb.store.recorder import ChildRecorder, Recorder
    from attune_nb.values.secrets import Mask

__all__ = ["open_child_record"]


def open_child_record(
    recorder: Recorder,
    workflow: ChildWorkflow,
    prepared: PreparedRun,
    attempt: ParentAttempt,
    run_id: str,
    *,
    mask: Mask,
    logs: RunLogs,
    origin: str = "",
    claim: Claim | None = None,
    past: Sequence[Event] = (),
) -> ChildRecorder:
    """Open the record of a run, beside that of the outermost run.

    Args:
        recorder: The recorder of the outermost run.
        workflow: The workflow of the run.
        prepared: The run.
        attempt: The attempt that it is.
        run_id: Its id.
        mask: Masks its secrets.
        logs: Its log lines, which grow.
        origin: The run that it is made from, as in `RunStarted`.
        claim: The right to continue its record.
        past: The events of that record.
    """
    from attune_nb.store.run_writer import ParentColumns, RunRecord, RunWriter  # noqa: PLC0415 - SQLite is slow

    bound = workflow.bound()

    record = RunRecord(
        run_id=run_id,
        workflow=mask.text(workflow.name),
        text=workflow.recorded_text(mask),
        **source_columns(bound.workflow, mask),
        options={
            **option_columns(bound.options, bound.code, mask),
            "mocked": [],
            "origin": origin,
            "secrets": sorted(prepared.parameters.keys() - prepared.recorded_parameters.keys()),
            "masked_text": workflow.holds_secret(mask),
        },
        versions={"python": platform.python_version()},
    )
    parent = ParentColumns(
        parent=attempt.driver.run_id,
        parent_task=attempt.task,
        parent_visit=attempt.visit,
        parent_item=attempt.index,
        parent_attempt=attempt.attempt,
    )
    writer = RunWriter(recorder.path, record, mask, claim, past, (), logs, parent)
    return recorder.open_child(writer)

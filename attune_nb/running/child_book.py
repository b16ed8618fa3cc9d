"""The runs within a run: made, found again, kept."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

from attune_nb.engine.child_runs import Child
from attune_nb.engine.driver import Driver

if TYPE_CHECKING:
    from attune_nb.engine.child_runs import Channel, ParentAttempt
    from attune_nb.running.child_workflow import ChildWorkflow

__all__ = ["ChildBook"]


class ChildBook:
    """Makes the runs within a run, and keeps them."""

    def open_child(
        self, attempt: ParentAttempt, function: Any, rendered: Any, channel: Channel
    ) -> Child:
        """Make the run of an attempt.

        Args:
            attempt: The attempt.
            function: The function of the task's action: a `ChildWorkflow`.
            rendered: The parameters.
            channel: The backend of the run.

        Raises:
            AttuneError: The workflow or a parameter cannot be used.
        """
        workflow = cast("ChildWorkflow", function)
        bound = workflow.bound()
        parent = attempt.driver
        prepared = bound.prepare(rendered, parent.state.context.mask)
        driver = Driver(prepared.state, channel, bound.actions, skip_delays=prepared.skip_delays)
        driver.share_with(parent)

        run_id = uuid.uuid4().hex[:12]
        return Child(
            driver,
            lambda: driver.begin(run_id, workflow.name, prepared.recorded_parameters),
            lambda: workflow.outcome_of(driver),
        )

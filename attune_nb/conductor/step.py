"""One step in progress: the state so far, the decisions so far, and the agenda."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune_nb.context import Moment, TaskScope
from attune_nb.errors import TemplateError
from attune_nb.events import RunResumed, RunStarted, secret_of
from attune_nb.values.guard import LONGEST_RUN_ERROR, cut_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.conductor.state import (
        Alarm,
        Execution,
        RetryItem,
        RunState,
        SetPaused,
        StartTask,
        StopTask,
        Token,
    )
    from attune_nb.context import Outcome, WorkflowContext
    from attune_nb.events import ErrorInfo, Fact, Input, Key
    from attune_nb.language.model import Task

    Decision = Fact | StartTask | RetryItem | StopTask | SetPaused | Alarm

__all__ = ["Handlers", "Step"]


class Handlers(NamedTuple):
    """The functions of the conductor that its other modules call through a step.

    The end of a task can start tasks, and the start of a task can end it. The modules of these
    stages would import each other; instead, `machine` puts the functions into this table.

    Attributes:
        begin: Runs or skips a task that a branch has reached (`task_start.begin`).
        wait: Lets a prepared task wait for an inquiry (`inquiries.wait`).
        launch: Starts the work of a prepared task (`task_start.launch`).
        end: Records the end of a task and fires its transitions (`task_end.end`).
    """

    begin: Callable[[Step, str, int, Token, Key | None], None]
    wait: Callable[[Step, Key], None]
    launch: Callable[[Step, Key], None]
    end: Callable[[Step, Key, Outcome, ErrorInfo | None], None]


class Step:
    """The state and the decisions of one step, shared by the modules of the conductor.

    Consequences are put on the agenda instead of being called: a chain of a thousand skipped
    tasks is a thousand entries of a list, not a thousand frames of the stack.

    Args:
        state: The state before the input.
        event: The input. Its time and seed are those of all evaluations in this step.
        handlers: The functions that modules call through the step.
    """

    def __init__(self, state: RunState, event: Input, handlers: Handlers) -> None:
        self.state = state
        self.handlers = handlers
        self.time = event.time
        self.decisions: list[Decision] = []
        self._agenda: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()

        epoch = state.started_at
        if isinstance(event, RunStarted | RunResumed):
            epoch = event.started_at
        self.epoch_time = epoch + event.time
        moment = Moment(self.epoch_time, event.seed)
        self._moment = lambda: moment

    def later(self, action: Callable[..., None], *arguments: Any) -> None:
        """Put a call on the agenda. The step becomes its first argument."""
        self._agenda.append((action, arguments))

    def run_agenda(self) -> None:
        """Make the calls on the agenda, and those they add, until none remain."""
        while self._agenda:
            action, arguments = self._agenda.popleft()
            action(self, *arguments)

    def decide(self, *decisions: Decision) -> None:
        """Add facts and commands to the decisions."""
        self.decisions += decisions

    def update(self, **changes: Any) -> None:
        """Change fields of the state."""
        self.state = msgspec.structs.replace(self.state, **changes)

    def store(self, execution: Execution, **changes: Any) -> Execution:
        """Store an execution with some fields changed, and return it."""
        if changes:
            execution = msgspec.structs.replace(execution, **changes)
        self.update(executions=self.state.executions.set(execution.key, execution))
        return execution

    def open_execution(self, key: Key) -> Execution | None:
        """Return an execution that has not ended, or None."""
        execution = self.state.executions.get(key)
        if execution is None or execution.outcome is not None:
            return None
        return execution

    def task_of(self, execution: Execution) -> Task:
        """Return the task of an execution."""
        return self.state.workflow.task(execution.task)

    def scope(
        self, outcome: Outcome | None = None, context: WorkflowContext | None = None
    ) -> TaskScope:
        """Return the scope of an expression that is evaluated in this step.

        Args:
            outcome: How the task of the expression ended.
            context: The context that it sees; by default the latest one.
        """
        if context is None:
            context = self.state.context
        return TaskScope(context.with_clock(self._moment), outcome)

    def publish(self, name: str, value: Any) -> None:
        """Set a variable for all later expressions.

        Raises:
            TemplateError: The value cannot be frozen.
        """
        try:
            context = self.state.context.publish(name, value)
        except ValueError as error:
            raise TemplateError(f"cannot publish `{name}`: {error}") from None

        self.update(context=context)

    def fail_run(self, reason: str) -> None:
        """Record why the run will end `failed` once its open tasks have ended."""
        failures = self.state.failures.append(self.mask(reason))
        self.update(failures=failures)

    def hide_secret(self, event: Input) -> None:
        """Add the secret that an event brings, if it brings one, to those that are never shown."""
        secret = secret_of(event)
        if secret is None:
            return

        context = self.state.context
        self.update(context=context.replace(mask=context.mask.with_secret(*secret)))

    def mask(self, text: str) -> str:
        """Return a text without secrets; a very long one is cut."""
        return cut_text(self.state.context.mask.text(text), LONGEST_RUN_ERROR)

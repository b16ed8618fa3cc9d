"""One step under way: the state so far, what was decided so far, and what is still to do."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from attune_nb.context import Moment, TaskScope
from attune_nb.errors import TemplateError
from attune_nb.events import RunResumed, RunStarted

if TYPE_CHECKING:
    from collections.abc import Callable

    from attune_nb.conductor.state import (
        Alarm,
        Execution,
        Hold,
        RetryItem,
        RunState,
        StartTask,
        StopTask,
        Token,
    )
    from attune_nb.context import Outcome, WorkflowContext
    from attune_nb.events import ErrorInfo, Fact, Input, Key
    from attune_nb.language.model import Task

    Decision = Fact | StartTask | RetryItem | StopTask | Hold | Alarm

__all__ = ["Handlers", "Step"]


class Handlers(NamedTuple):
    """The functions of the conductor that its other modules call through a step.

    A task's end can start tasks, and its start can end it. The modules of these stages would
    import each other; instead `machine` puts the functions into this table.

    Attributes:
        begin: Runs or skips a task that a branch has reached (`task_start.begin`).
        launch: Lets a prepared task do its work (`task_start.launch`).
        end: Records the end of a task and fires its transitions (`task_end.end`).
    """

    begin: Callable[[Step, str, int, Token, Key | None], None]
    launch: Callable[[Step, Key], None]
    end: Callable[[Step, Key, Outcome, ErrorInfo | None], None]


class Step:
    """What the parts of the conductor share while they take one event in.

    What follows from something is put on the agenda, never called: a chain of a thousand
    skipped tasks is a thousand entries of a list, not a thousand frames of a stack.
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
        moment = Moment(epoch + event.time, event.seed)
        self._moment = lambda: moment

    def later(self, action: Callable[..., None], *arguments: Any) -> None:
        """Put something on the agenda; it is called with this step first."""
        self._agenda.append((action, arguments))

    def carry_on(self) -> None:
        """Do what is on the agenda, until nothing is left."""
        while self._agenda:
            action, arguments = self._agenda.popleft()
            action(self, *arguments)

    def decide(self, *decisions: Decision) -> None:
        """Add facts and commands."""
        self.decisions += decisions

    def update(self, **changes: Any) -> None:
        """Change fields of the state."""
        self.state = msgspec.structs.replace(self.state, **changes)

    def keep(self, execution: Execution, **changes: Any) -> Execution:
        """Store an execution, changed, and give it back."""
        if changes:
            execution = msgspec.structs.replace(execution, **changes)
        self.update(executions=self.state.executions.set(execution.key, execution))
        return execution

    def execution(self, key: Key) -> Execution | None:
        """Give an execution that has not ended, or None."""
        found = self.state.executions.get(key)
        return found if found is not None and found.outcome is None else None

    def task(self, execution: Execution) -> Task:
        """Give the task that an execution runs."""
        return self.state.workflow.task(execution.task)

    def scope(
        self, outcome: Outcome | None = None, context: WorkflowContext | None = None
    ) -> TaskScope:
        """Give what an expression sees at this moment."""
        return TaskScope((context or self.state.context).with_clock(self._moment), outcome)

    def publish(self, name: str, value: Any) -> None:
        """Set a variable for everything that comes after.

        Raises:
            TemplateError: The value cannot be shared.
        """
        try:
            context = self.state.context.publish(name, value)
        except ValueError as error:
            raise TemplateError(f"cannot publish `{name}`: {error}") from None
        self.update(context=context)

    def fail_run(self, why: str) -> None:
        """Note why the run will end `failed`, once what is under way has ended."""
        failures = self.state.failures.append(self.mask(why))
        self.update(failures=failures)

    def mask(self, text: str) -> str:
        """Take secrets out of a text."""
        return self.state.context.mask.text(text)

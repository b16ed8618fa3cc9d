"""A run that was checked, and the workflow with its actions that it is prepared from."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from attune_nb.backends.inline import InlineBackend
from attune_nb.conductor.machine import initial_state
from attune_nb.engine.child_runs import ChildRuns
from attune_nb.engine.driver import Driver
from attune_nb.errors import BackendError
from attune_nb.language import parameter_specs
from attune_nb.running.answers import AdvanceAnswers, bind_answers
from attune_nb.running.bind_actions import find_asking_tasks
from attune_nb.running.child_paths import match_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_nb.actions.registry import Action
    from attune_nb.backends.protocol import Backend
    from attune_nb.conductor.state import RunState
    from attune_nb.engine.child_runs import Channel, OpenChild
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.running.pack_session import PackSession
    from attune_nb.running.request import EventReader, RunOptions
    from attune_nb.values.secrets import Mask

__all__ = ["BoundWorkflow", "PreparedRun"]


@dataclass(frozen=True, kw_only=True)
class PreparedRun:
    """Everything that a run needs, checked.

    Attributes:
        state: The state that the run begins with.
        parameters: All parameters.
        recorded_parameters: Those that are not secret.
        mocked: The paths of the tasks whose results are made up.
        code: For each task the fingerprint of its action, which changes with the action's code.
        answers: The answers to questions that are not open yet.
        pack_session: The services of the run for its packs.
        backend: Where its attempts run. A child run does not use its own.
    """

    state: RunState
    parameters: dict[str, Any]
    recorded_parameters: dict[str, Any]
    mocked: frozenset[str]
    code: dict[str, str]
    actions: Mapping[str, Action]
    answers: AdvanceAnswers
    skip_delays: bool
    pack_session: PackSession | None = None
    backend: Backend = field(default_factory=InlineBackend)

    @property
    def mask(self) -> Mask:
        """Hides the run's secrets."""
        return self.state.context.mask

    @property
    def has_children(self) -> bool:
        """Whether tasks of the run may run workflows."""
        return any(action.runs_workflow for action in self.actions.values())

    def make_driver(
        self,
        readers: Sequence[EventReader],
        result_readers: Sequence[EventReader] = (),
        open_child: OpenChild | None = None,
    ) -> Driver:
        """Return a driver of the run, and reserve the backend for it.

        Args:
            readers: Called with lists of new events, in the engine's thread.
            result_readers: The same; they also get the results that no log and no record keeps.
            open_child: Makes the runs within the run; without it no task runs a workflow.

        Raises:
            BackendError: Another run uses the backend.
        """
        backend: Backend = self.backend
        root: Channel | None = None
        if self.has_children and open_child is not None:
            root = ChildRuns(self.backend, open_child).open_root()
            backend = root

        driver = Driver(
            self.state,
            backend,
            self.actions,
            readers,
            result_readers=result_readers,
            skip_delays=self.skip_delays,
        )
        driver.on_question = self.answers.give
        if root is not None:
            root.serve(driver)

        _reserve_backend(self.backend, driver)
        return driver


@dataclass(frozen=True, kw_only=True)
class BoundWorkflow:
    """A workflow and its actions, from which runs with any parameters are prepared.

    Attributes:
        workflow: The workflow, without the parallel tasks that have a mock.
        options: The options of its runs.
        actions: The action of each task, by the task's path.
        code: For each task the fingerprint of its action.
        mocked: The paths of the tasks whose results are made up.
        unmade: The paths of the tasks without a result in a dry run.
        written_secrets: The secret parameters of actions that stand in the workflow's text.
    """

    workflow: WorkflowSpec
    options: RunOptions
    actions: Mapping[str, Action]
    code: dict[str, str]
    mocked: frozenset[str]
    unmade: frozenset[str]
    written_secrets: Mapping[str, Any]

    def prepare(
        self,
        parameters: Mapping[str, Any],
        outer_mask: Mask | None = None,
        *,
        answers: Mapping[str, Any] | None = None,
    ) -> PreparedRun:
        """Check the parameters of a run, and prepare it.

        Args:
            parameters: The parameters.
            outer_mask: Hides the secrets of the run that this run is part of.
            answers: The answers to its questions; by default those of the options.

        Raises:
            AttuneError: A parameter or an answer cannot be used.
        """
        workflow = self.workflow
        options = self.options
        values = parameter_specs.bind(workflow.parameters, parameters)
        secret_names = parameter_specs.secret_names(workflow.parameters)
        secrets = {name: values.pop(name) for name in secret_names if name in values}

        if answers is None:
            answers = options.answers
        own_answers, answers_within = self._split_answers(answers)
        advance_answers = self._bind_answers(own_answers)
        if not options.depth:
            # a run within the run would fail by an answer that does not fit
            self._check_answers_within(answers_within)
        hidden = dict(self.written_secrets)
        if options.keys is not None:
            hidden |= options.keys
        if options.pack_session is not None:
            hidden |= options.pack_session.keys.known_secrets()

        state = initial_state(
            workflow,
            options.config,
            options.keystore,
            options.concurrency,
            secrets=secrets,
            hidden=hidden,
            mocked=self.mocked,
            unmade=self.unmade,
            outer_mask=outer_mask,
        )
        return PreparedRun(
            state=state,
            parameters={**values, **secrets},
            recorded_parameters=values,
            mocked=self.mocked,
            code=self.code,
            actions=self.actions,
            answers=advance_answers,
            skip_delays=options.dry_run,
            pack_session=options.pack_session,
        )

    def _bind_answers(self, answers: Mapping[str, Any], prefix: str = "") -> AdvanceAnswers:
        asking = find_asking_tasks(self.actions)
        return bind_answers(self.workflow, answers, self.mocked, asking, prefix)

    def _split_answers(
        self, answers: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], dict[tuple[str, str], Mapping[str, Any]]]:
        """Separate the answers to questions of the run from those to runs within it.

        Returns:
            The answers by the task; and those to each run within, by the path of its task and the
            beginning of the names: `deploy[3]/`. The names of these answers lack it.
        """
        # those of the command line keep their type
        make: Any = type(answers)
        own_answers = make()
        answers_within: dict[tuple[str, str], Any] = {}
        tasks = [path for path, action in self.actions.items() if action.runs_workflow]
        for name, answer in answers.items():
            step = match_step(name, tasks)
            if step is None or not step.rest:
                own_answers[name] = answer
                continue

            head = name.removesuffix(step.rest)
            answers_within.setdefault((step.task, head), make())[step.rest] = answer
        return own_answers, answers_within

    def _check_answers_within(
        self, answers_within: Mapping[tuple[str, str], Mapping[str, Any]], prefix: str = ""
    ) -> None:
        """Check answers to runs within the run, as far as they are known before it begins.

        Raises:
            ParameterError: One is for no question, or does not fit its `response_schema`.
        """
        for (path, head), answers in answers_within.items():
            function: Any = self.actions[path].function
            bound: BoundWorkflow = function.bound()
            own_answers, inner_answers = bound._split_answers(answers)
            bound._bind_answers(own_answers, prefix + head)
            bound._check_answers_within(inner_answers, prefix + head)


# the backend that each driver uses, until it ends
_reserved_backends: WeakKeyDictionary[Driver, Backend] = WeakKeyDictionary()
_reservation_lock = threading.Lock()


def _reserve_backend(backend: Backend, driver: Driver) -> None:
    """Reserve a backend for one run: job keys are unique only within a run.

    Raises:
        BackendError: Another run uses it.
    """
    with _reservation_lock:
        for user, reserved in _reserved_backends.items():
            if reserved is backend and not user.ended.is_set():
                raise BackendError(
                    f"this {type(backend).__name__} is in use by another run; make one for each "
                    "run (of the same Dask client, if you like), or wait until that run has ended"
                )
        _reserved_backends[driver] = backend

"""Load a workflow from YAML, check it and run it."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from attune_nb.errors import ParameterError, Position, Problem, Source, WorkflowError
from attune_nb.language import parameter_specs
from attune_nb.language.checks import flow
from attune_nb.language.checks.traps import find_traps
from attune_nb.language.load import load_workflow
from attune_nb.language.reading.data_files import parse_object_text, read_object_file
from attune_nb.running.bind_actions import bind_actions, find_nested_workflows
from attune_nb.running.followers import RunFollower
from attune_nb.running.interrupts import HeldInterrupts
from attune_nb.running.open_packs import open_packs, read_variable_names
from attune_nb.running.prepare import binding_context, read_names, read_options
from attune_nb.running.request import ObservationOptions, RunOptions, RunRequest
from attune_nb.running.run import Run, start_run
from attune_nb.running.workflow_view import WorkflowView, check_type
from attune_nb.values.describe import describe, describe_with_value
from attune_nb.values.named_values import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from attune_nb.backends.protocol import Backend
    from attune_nb.display.workflow_form import WorkflowForm
    from attune_nb.language.model import WorkflowSpec
    from attune_nb.running.open_packs import Packs
    from attune_nb.running.request import (
        Actions,
        EventReader,
        FormOptions,
        LogsOption,
        ProgressOption,
    )

__all__ = ["Workflow", "load", "load_file", "load_parameters", "loads", "parse_parameters"]

# the beginning of an object of JSON, whose first key is in quotes
_JSON_OBJECT = re.compile(r'\s*\{\s*["}]')

# characters of a path in a message
_MAX_PATH_LENGTH = 200


class Workflow(WorkflowView):
    """A workflow that was read from text, ready to run."""

    def check(
        self,
        actions: Actions | None = None,
        *,
        allow_imports: bool = False,
        packs: Packs = (),
    ) -> list[Problem]:
        """Return every problem that can be found before a run, those of actions included.

        Args:
            actions: As in `run`.
            allow_imports: As in `run`.
            packs: The packs whose actions and workflows it may use, or their folders.
        """
        actions = read_names("actions", actions)
        if actions is None:
            actions = {}
        options = RunOptions(
            load=load_file,
            actions=actions,
            allow_imports=allow_imports,
            packs=open_packs(packs),
        )
        context = binding_context(options)
        _, problems = bind_actions(self.spec, context)
        return [*flow.find_problems(self.spec), *find_traps(self.spec), *problems]

    def nested_workflows(
        self, actions: Actions | None = None, *, packs: Packs = ()
    ) -> dict[str, WorkflowView]:
        """Return the workflows that tasks run, by the task's path.

        Args:
            actions: As in `run`.
            packs: As in `check`.
        """
        actions = read_names("actions", actions)
        if actions is None:
            actions = {}
        options = RunOptions(load=load_file, actions=actions, packs=open_packs(packs))
        nested_workflows = find_nested_workflows(self.spec, binding_context(options))
        return {path: nested for path, _, nested in nested_workflows}

    def graph(
        self,
        ax: Axes | None = None,
        *,
        dark: bool | None = None,
        actions: Actions | None = None,
        packs: Packs = (),
    ) -> Figure:
        """Draw the tasks and the transitions between them; `run.graph` draws a run of them.

        A task that runs a workflow shows the tasks in it.

        Args:
            ax: The axes to draw on; by default those of a new figure.
            dark: For a dark page; by default the picture is light or dark as its page.
            actions: As in `run`: workflows among them are drawn in the tasks that run them.
            packs: As in `check`.
        """
        from attune_nb.charts import graph  # noqa: PLC0415 - matplotlib is slow to import

        return graph(self, ax=ax, dark=dark, nested=self.nested_workflows(actions, packs=packs))

    def unset_parameters(self, parameters: Mapping[str, Any]) -> list[str]:
        """Return the names of optional parameters that have neither a value nor a default.

        Args:
            parameters: The values that a run would be given.
        """
        return parameter_specs.unset_names(self.parameters, parameters)

    def warnings(self) -> list[Problem]:
        """Return the warnings of `check` that need no actions: what is probably a mistake."""
        problems = [*flow.find_problems(self.spec), *find_traps(self.spec)]
        return [problem for problem in problems if problem.severity == "warning"]

    def run(
        self,
        parameters: Mapping[str, Any] | None = None,
        *,
        backend: str | Backend = "threads",
        workers: int | None = None,
        concurrency: int | None = None,
        answers: Mapping[str, Any] | None = None,
        mock: Mapping[str, Any] | None = None,
        dry_run: bool | None = None,
        actions: Actions | None = None,
        allow_imports: bool = False,
        config: Mapping[str, Any] | None = None,
        keystore: Mapping[str, Any] | None = None,
        packs: Packs = (),
        pass_env: Sequence[str] | None = None,
        keys: Mapping[str, Any] | None = None,
        progress: ProgressOption = "auto",
        readers: Sequence[EventReader | RunFollower] | None = None,
        background: bool = False,
        store: str | PathLike[str] | None = None,
        name: str | None = None,
        logs: LogsOption = None,
        run_id: str | None = None,
        attended: bool = False,
    ) -> Run:
        """Run the workflow.

        Args:
            parameters: Values for the declared parameters; defaults fill the rest.
            backend: "threads", "processes", "dask", "inline", or a backend.
            workers: The most threads for one task; or the number of worker processes, by
                default the number of cores. An existing Dask cluster has its own.
            concurrency: Overrides every task's own.
            answers: Answers to the questions of `core.ask` by task, for a run without a
                person: `{"approve": True}`. An answer is used once, when its question opens.
            mock: Made-up results by task: a value is the result, an exception the failure,
                `attune_nb.Timeout` a timeout; a callable is called with the rendered input,
                once for each item and attempt, and returns or raises.
            dry_run: Run no action at all and skip all delays; a task without a mock results in
                null. If an expression needs more than that, `run.alerts` names the mock to
                pass, and the run goes on. True by default if `mock` is passed; False runs the
                tasks without a mock.
            actions: Functions for this run, by name; or workflows, which run as one task.
            allow_imports: Whether an action may be `module:function`.
            config: The values of `config`.
            keystore: The values of `keystore`; their texts are never shown.
            packs: The packs whose actions and workflows tasks can name by their refs, such as
                `hostkit.disk`: packs, or the paths of their folders, or of folders of packs.
                Their code may run.
            pass_env: Names of variables of the environment that actions of packs get, besides
                the usual ones; `AWS_*` means all that begin so.
            keys: The values of the keys that actions of packs ask for, by ref, such as
                `{"jira.credentials": {"user": ...}}`; their texts are never shown. Further ones
                come from the keystore, from variables such as ATTUNE_KEY_JIRA_CREDENTIALS, and
                from the keyring of the system if the package `keyring` is installed.
            progress: "auto" shows it in a notebook and in a terminal; True anywhere, False
                nowhere. Or a function that opens a display.
            readers: Functions, each called with lists of new events (`attune_nb.events`), in the
                engine's thread. One that raises is removed, and `run.alerts` says so. Or
                followers of runs, such as `attune_nb.otel.reader()`.
            background: Return at once; `run.wait()` waits.
            store: The SQLite file that keeps a record of the run; by default that of the
                environment variable ATTUNE_NB_STORE, else `.attune/runs.db` in the current
                folder. "none": the run is kept in memory only.
            name: The workflow's name in this run.
            logs: How many of the lines that the actions print and log are shown: a number, "all"
                or "none"; by default 100 below a notebook's cell, and all elsewhere. `run.logs()`
                has all lines in any case.
            run_id: The id of the new run, 12 digits from 0 to 9 and a to f; by default a random
                one.
            attended: Whether other processes, such as the page of `attune-nb serve`, answer the
                questions of the run and decide its attempts in doubt. The call waits for them.

        Raises:
            BackendError: There is no such backend, or the system provides no thread.
            ParameterError: The parameters or the answers do not fit, or another option cannot
                be used.
            QuestionOpen: The run waits for an answer, and this is neither a terminal nor a
                notebook that a person sits at.
            StoreError: The store cannot be used.
            WorkflowError: An action does not exist or does not take the task's input.
        """
        with HeldInterrupts() as interrupts:
            _check_readers(readers)
            if dry_run is None:
                dry_run = mock is not None
            if mock is None:
                mock = {}
            if answers is None:
                answers = {}
            if actions is None:
                actions = {}
            if parameters is None:
                parameters = {}
            if readers is None:
                readers = []

            options = RunOptions(
                load=load_file,
                actions=actions,
                mock=mock,
                dry_run=dry_run,
                allow_imports=allow_imports,
                config=config,
                keystore=keystore,
                packs=open_packs(packs),
                pass_env=read_variable_names(pass_env),
                keys=keys,
                backend=backend,
                workers=workers,
                concurrency=concurrency,
                answers=answers,
            )
            options = read_options(options)
            observation = ObservationOptions(
                progress=progress,
                readers=tuple(readers),
                background=background,
                store=store,
                name=_check_name(name),
                logs=logs,
                run_id=run_id,
                attended=attended,
            )
            request = RunRequest(
                workflow=self,
                parameters=parameters,
                options=options,
                observation=observation,
            )
            return start_run(request, interrupts)

    def form(
        self, parameters: Mapping[str, Any] | None = None, **options: Unpack[FormOptions]
    ) -> WorkflowForm:
        """Return a form for the parameters, to be shown as the value of a notebook's cell.

        Its button starts a run in the background, whose panel appears below it; `form.run` is
        that run. A value that does not fit has a message beside its field. A secret has a
        password field, and no output and no saved notebook holds it.

        Args:
            parameters: Values to fill in instead of the defaults.
            options: Options of the runs, as in `run`.

        Raises:
            ParameterError: There is no such parameter or option, or a value does not fit.
        """
        from attune_nb.running.workflow_form import make_form  # noqa: PLC0415 - few need it

        return make_form(self, self.run, parameters, options)


def load(source: str | Path) -> Workflow:
    """Load a workflow from a path, or from text that contains a line break.

    Raises:
        WorkflowError: With every problem, each with its line and column.
    """
    if isinstance(source, str):
        is_text = "\n" in source or not source.strip()
        if is_text:
            return loads(source)
    return load_file(source)


def loads(text: str, name: str = "<text>", *, above: str = "") -> Workflow:
    """Load a workflow from text.

    Args:
        text: The YAML.
        name: The name of the text in errors.
        above: The lines above the text as its author sees it, such as a cell's first line;
            the line numbers of errors count from there.

    Raises:
        WorkflowError: With every problem, each with its line and column.

    Example:
        >>> import attune_nb as attune
        >>> workflow = attune.loads('''
        ... tasks:
        ...   - name: add
        ...     action: add
        ...     with_items: [1, 2, 3]
        ...     input: {number: "{{ item }}"}
        ... ''')
        >>> run = workflow.run(actions={"add": lambda number: number + 1})
        >>> run.status, run.result("add")
        ('succeeded', [2, 3, 4])
    """
    check_type(text, (str,), "a workflow must be a string")
    return Workflow(load_workflow(text, name, above))


def load_file(path: str | Path) -> Workflow:
    """Load a workflow from a file.

    The workflow of a pack has two files: one of its action, with the parameters, and one of its
    tasks. Either of them is loaded with the other.

    Raises:
        WorkflowError: The file cannot be read; or every problem, with its line and column.
    """
    check_type(path, (str, PathLike), "a workflow must be a path or a string")

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # a null byte in the path raises a ValueError
        name = str(path)
        hint = "; `loads` reads text of one line" if ":" in name else ""
        if isinstance(error, IsADirectoryError):
            hint = f"; if it is a pack, `load_pack({name[:_MAX_PATH_LENGTH]!r})` reads it"
        message = f"cannot read {name[:_MAX_PATH_LENGTH]!r}: {_reason(error)}{hint}"
        raise WorkflowError([Problem(message)]) from None

    path = Path(path)
    try:
        spec = _load_text_or_pair(path, text)
    except WorkflowError as error:
        from attune_nb.packs.reading.workflow_pair import explain_pack_file  # noqa: PLC0415 - slow

        explanation = explain_pack_file(path, text)
        if explanation is None:
            raise
        position = Position(Source(str(path), text), 1, 1)
        raise WorkflowError([Problem(explanation, position)]) from error
    return Workflow(spec)


def _load_text_or_pair(path: Path, text: str) -> WorkflowSpec:
    """Return the workflow of a file; of one of the two files of a pack's workflow, that of both."""
    is_action = "workflow_file" in text or "workflow-file" in text
    if is_action or "actions" in path.resolve().parent.parts:
        from attune_nb.packs.reading.workflow_pair import find_pair  # noqa: PLC0415 - slow

        spec = find_pair(path, text)
        if spec is not None:
            return spec
    return load_workflow(text, str(path))


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def load_parameters(
    path: Path, noun: str = "parameters", *, is_secret: bool = False
) -> dict[str, Any]:
    """Load parameters, or other names and values, from a YAML or JSON file.

    Args:
        path: The file; one whose name ends in `.json` is read as JSON, others as YAML.
        noun: The word for its values in messages.
        is_secret: Whether messages must not show lines of the file.

    Raises:
        ParameterError: The file cannot be read, or is not an object; with every problem of its
            text, each with its line and column.
    """
    return read_object_file(path, noun, is_secret=is_secret)


def parse_parameters(text: str, name: str) -> dict[str, Any]:
    """Return the parameters of a text: JSON if it begins as an object of JSON, else YAML.

    Messages show no line of it, as some of the parameters may be secret.

    Args:
        text: The text.
        name: Its name in messages.

    Raises:
        ParameterError: It is not an object; with every problem, each with its line and column.
    """
    is_json = _JSON_OBJECT.match(text) is not None
    document = parse_object_text(text, name, "parameters", is_json=is_json, is_secret=True)
    parameters: dict[str, Any] = document.data
    return parameters


def _check_name(name: Any) -> str | None:
    name = plain_text(name)
    if name is not None and type(name) is not str:
        raise ParameterError(f"`name` must be a string, not {describe_with_value(name)}")
    text: str | None = name
    return text


def _check_readers(readers: Any) -> None:
    if readers is None:
        return
    if not issubclass(type(readers), list | tuple):
        raise ParameterError(f"`readers` must be an array of functions, not {describe(readers)}")
    for reader in readers:
        if not callable(reader) and not isinstance(reader, RunFollower):
            raise ParameterError(f"`readers` must be functions, not {describe(reader)}")

"""The state of a notebook's session: its workflows, its runs, its own functions and values."""

from __future__ import annotations

import weakref
from inspect import isfunction
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.errors import LookupFailed, StoreError, nearest
from attune_nb.packs.pack_set import PackSet
from attune_nb.running.child_paths import find_child, split_path
from attune_nb.running.history import AnyRun, open_run, runs
from attune_nb.running.packed_workflow import workflow_of_ref
from attune_nb.running.run import BaseRun

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from IPython.core.interactiveshell import InteractiveShell

    from attune_nb.running.open_packs import PackView
    from attune_nb.running.workflow import Workflow

__all__ = ["UNNAMED", "Session"]

# The word for the workflow of a cell without a name, in lines of the notebook. Its runs are
# recorded under the name of its first task.
UNNAMED = "cell"

# paths of runs within a run that Tab offers
_MAX_PATHS = 100

# runs of other processes that completion offers, and their statuses
_MAX_IDS = 50
_LIVE_STATUSES = ("running", "paused", "cancelling")

# characters of an id in a message; the variable may hold any text
_MAX_ID_LENGTH = 40


class Session:
    """The workflows and runs of a notebook, and the names that a line may use.

    Attributes:
        shell: IPython's shell; its `user_ns` holds the notebook's variables.
        workflows: The workflows of the cells, by name.
        texts: Their texts, by the same names.
        packs: The packs of `%attune pack`, by ref.
        last_runs: The last run of each workflow that has run; the most recent run is last.
        runs: All runs of this session that are still referenced, by id.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.workflows: dict[str, Workflow] = {}
        self.texts: dict[str, str] = {}
        self.packs: dict[str, PackView] = {}
        self.last_runs: dict[str, AnyRun] = {}
        self.runs: weakref.WeakValueDictionary[str, AnyRun] = weakref.WeakValueDictionary()

    @property
    def store(self) -> str | None:
        """The configured store; None if only the environment may name one."""
        store: str = self.shell.magics_manager.registry["AttuneMagics"].store
        if not store:
            return None
        return store

    @property
    def allows_imports(self) -> bool:
        """Whether the configuration allows `module:function` as an action."""
        is_allowed: bool = self.shell.magics_manager.registry["AttuneMagics"].allow_imports
        return is_allowed

    def define(self, name: str, workflow: Workflow, text: str) -> None:
        """Define a workflow under a name; an earlier one of that name is replaced."""
        self.workflows[name] = workflow
        self.texts[name] = text

    @property
    def pack_set(self) -> PackSet:
        """The packs of `%attune pack`, as a run uses them."""
        return PackSet(pack.contents for pack in self.packs.values())

    def get_workflow(self, name: str, parameters: Collection[str] | None = None) -> Workflow:
        """Return the workflow with a name, or that of a ref in a pack.

        Args:
            name: The name or the ref.
            parameters: The names of the parameters that the run gets, as in `workflow_of_ref`.

        Raises:
            UsageError: No workflow has this name.
        """
        if name in self.workflows:
            return self.workflows[name]

        packs = self.pack_set
        if name.partition(".")[0] in self.packs:
            try:
                return workflow_of_ref(packs, name, parameters)
            except LookupFailed as error:
                raise UsageError(str(error)) from None

        hint = nearest(name, [*self.workflows, *packs.refs])
        if not hint:
            hint = "; `%attune list` shows the workflows"
        raise UsageError(f"there is no workflow `{name}`{hint}")

    def recorded_name(self, name: str) -> str:
        """Return the name under which the runs of a workflow are recorded."""
        if name == UNNAMED and name in self.workflows:
            return self.workflows[name].name
        return name

    def add_run(self, name: str, run: AnyRun) -> None:
        """Record a run as the last one of its workflow."""
        self.runs[run.run_id] = run

        # removed first, so that the most recent run is at the end
        self.last_runs.pop(name, None)
        self.last_runs[name] = run

    def drop_runs(self, run_ids: Collection[str]) -> None:
        """Drop runs from this session; variables may still hold them."""
        for run_id in run_ids:
            self.runs.pop(run_id, None)
        self.last_runs = {
            name: run for name, run in self.last_runs.items() if run.run_id not in run_ids
        }

    def latest_run(self) -> AnyRun | None:
        """Return the most recent run of this session, or None."""
        if not self.last_runs:
            return None
        return next(reversed(self.last_runs.values()))

    def get_run(self, word: str | None) -> AnyRun:
        """Return the run that a word of a line refers to.

        Args:
            word: A variable that holds a run, the name of a workflow (its last run), a run's
                id or the beginning of one in the store; None or "" for the latest run. After a
                slash the path of a run within it, such as `health/deploy[3]`.

        Raises:
            UsageError: There is no such run.
        """
        if not word:
            return self._get_outer_run(word)
        name, path = split_path(word)
        try:
            run: AnyRun = find_child(self._get_outer_run(name), path)
        except LookupFailed as error:
            raise UsageError(str(error)) from None
        return run

    def _get_outer_run(self, word: str | None) -> AnyRun:
        """Return the run that a word without a path refers to.

        Raises:
            UsageError: There is no such run.
        """
        if not word:
            run = self.latest_run()
            if run is None:
                raise UsageError("nothing has run yet: run a workflow in a cell with `%%attune`")
            return run

        run = self.find_run(word)
        if run is None:
            run = self.find_stored_run(word)
        if run is None:
            hint = nearest(word, self.run_names())
            if not hint:
                hint = "; `%attune runs` lists the runs"
            if self._as_id(word) != word:
                raise UsageError(
                    f"there is no run `{self._as_id(word)[:_MAX_ID_LENGTH]}`, which the variable "
                    f"`{word}` holds{hint}"
                )
            raise UsageError(
                f"there is no run `{word}`: it is not a variable that holds a Run, not a "
                f"workflow that has run, and not the id of a run{hint}"
            )
        return run

    def run_names(self) -> list[str]:
        """Return the names of this session's runs: workflows, ids and variables."""
        return [*self.last_runs, *self.runs, *self.variables_of_type(BaseRun)]

    def find_run(self, word: str) -> AnyRun | None:
        """Return this session's run of a variable, a workflow or an id, or None.

        The variable may hold the run's id, too. A path leads to a run within it.
        """
        name, path = split_path(word)
        if path:
            run = self.find_run(name)
            try:
                return None if run is None else find_child(run, path)
            except LookupFailed:
                return None

        for namespace in (self.shell.user_ns, self.last_runs, self.runs):
            value = namespace.get(word)
            if isinstance(value, AnyRun):
                return value
        return self.runs.get(self._as_id(word))

    def child_paths(self, word: str) -> list[str]:
        """Return the paths of runs within the run that the beginning of a path leads to."""
        outer, _, _ = word.rpartition("/")
        run = self.find_run(outer)
        if run is None:
            return []

        places = run.children().drop_duplicates(["task", "index"])
        places = places[["task", "index"]].head(_MAX_PATHS)
        return [f"{outer}/{task}[{index}]" for task, index in places.itertuples(index=False)]

    def find_run_id(self, word: str) -> str:
        """Return the id of the run that `find_run` returns; without one, the id that a word is."""
        run = self.find_run(word)
        return self._as_id(word) if run is None else run.run_id

    def _as_id(self, word: str) -> str:
        """Return the text in a variable of that name; otherwise the word."""
        value = self.shell.user_ns.get(word)
        return value if isinstance(value, str) else word

    def find_stored_run(self, run_id: str) -> AnyRun | None:
        """Return the run of the store whose id begins with a text or a variable, or None."""
        try:
            return open_run(self._as_id(run_id), self.store)
        except (LookupFailed, StoreError):
            return None

    def get_earlier_run(self, name: str, word: str | None, store: str | None) -> AnyRun:
        """Return an earlier run of a workflow.

        Args:
            name: The workflow.
            word: The run, as in `get_run`; None or "" for the workflow's last run.
            store: The store where the last run is looked up if this session has none.

        Raises:
            UsageError: There is no such run.
        """
        if word:
            return self.get_run(word)
        if name in self.last_runs:
            return self.last_runs[name]

        recorded_name = self.recorded_name(name)
        rows = [row for row in self._stored_rows(store) if row["workflow"] == recorded_name]
        if not rows:
            raise UsageError(f"`{name}` has not run before, so there is nothing to reuse: run it")
        return open_run(rows[0]["run_id"], store)

    def get_interrupted_run_id(self, name: str | None, word: str | None, store: str | None) -> str:
        """Return the id of a run whose kernel is gone.

        Args:
            name: The workflow; None for any.
            word: The run, as in `find_run`, or its id; None or "" for the last interrupted one.
            store: The store that holds its record.

        Raises:
            UsageError: No run was interrupted.
        """
        if word:
            return self.find_run_id(word)

        rows = [row for row in self._stored_rows(store) if row["status"] == "interrupted"]
        if name is not None:
            recorded_name = self.recorded_name(name)
            rows = [row for row in rows if row["workflow"] == recorded_name]
        if not rows:
            subject = "no run" if name is None else f"no run of `{name}`"
            raise UsageError(f"{subject} on record was interrupted; `%attune runs` lists the runs")
        return str(rows[0]["run_id"])

    def live_run_ids(self) -> list[str]:
        """Return the ids of the runs of the store that a process drives just now."""
        try:
            frame = runs(self.store, status=_LIVE_STATUSES, limit=_MAX_IDS)
        except StoreError:
            return []
        return [*frame["run_id"]]

    def _stored_rows(self, store: str | None) -> list[dict[str, Any]]:
        """Return the runs of the store, the newest first; an empty list without a store."""
        if store is None:
            store = self.store
        try:
            frame = runs(store)
        except StoreError:
            return []

        rows: list[dict[str, Any]] = frame.to_dict("records")  # type: ignore[assignment]
        return rows

    def variables_of_type(self, kind: type) -> list[str]:
        """Return the names of the variables that hold a `kind`, without IPython's own."""
        return [name for name, value in self._variables() if isinstance(value, kind)]

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return the functions that the notebook itself defines."""
        return {name: value for name, value in self._variables() if _is_own_function(value)}

    def actions(self, workflow: Workflow) -> dict[str, Callable[..., Any] | Workflow]:
        """Return the actions that a workflow can use: functions and the other workflows.

        All functions of the notebook are offered, so that a typo gets a suggestion; other
        callables only if the workflow names them.
        """
        workflows = self.workflows.items()
        actions: dict[str, Callable[..., Any] | Workflow] = {
            name: candidate for name, candidate in workflows if candidate is not workflow
        }

        named_actions = {task.action for _, task in workflow.walk()}
        for name, value in self.shell.user_ns.items():
            is_named = name in named_actions and callable(value)
            is_offered = isfunction(value) and not name.startswith("_")
            if is_named or is_offered:
                actions[name] = value
        return actions

    def code_options(self, workflow: Workflow) -> dict[str, Any]:
        """Return the options that no record holds: the actions, and whether imports are allowed."""
        options: dict[str, Any] = {"actions": self.actions(workflow)}
        if self.packs:
            options["packs"] = self.pack_set
        if self.allows_imports:
            options["allow_imports"] = True
        return options

    def _variables(self) -> list[tuple[str, Any]]:
        """Return the notebook's variables and their values, without IPython's own."""
        variables = self.shell.user_ns.items()
        return [(name, value) for name, value in variables if not name.startswith("_")]


def _is_own_function(value: object) -> bool:
    """Return whether a value is a function that a cell defined."""
    return isfunction(value) and value.__module__ == "__main__"

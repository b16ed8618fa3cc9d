"""What a notebook's session knows: its workflows, its runs, its own functions and values."""

from __future__ import annotations

import sys
import weakref
from inspect import isfunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from attune_nb.errors import ParameterError, StoreError, nearest
from attune_nb.running.history import AnyRun, open_run, runs
from attune_nb.running.run import BaseRun
from attune_nb.running.workflow import Workflow, load_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Session"]


class Session:
    """The names that a line may use.

    Attributes:
        workflows: The workflows of the cells, by name.
        texts: Their texts.
        last: The last run of each, the latest last.
        runs: All runs that somebody still holds, by their id.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.workflows: dict[str, Workflow] = {}
        self.texts: dict[str, str] = {}
        self.last: dict[str, AnyRun] = {}
        self.runs: weakref.WeakValueDictionary[str, AnyRun] = weakref.WeakValueDictionary()

    def define(self, name: str, workflow: Workflow, text: str) -> None:
        """Keep a workflow under a name."""
        self.workflows[name], self.texts[name] = workflow, text

    def keep(self, name: str, run: AnyRun) -> None:
        """Keep a run as the last of its workflow."""
        self.last.pop(name, None)
        self.last[name] = self.runs[run.run_id] = run

    def workflow(self, name: str) -> Workflow:
        """Give a workflow by its name.

        Raises:
            UsageError: There is none.
        """
        if name not in self.workflows:
            hint = nearest(name, self.workflows) or "; `%attune list` shows them"
            raise UsageError(f"there is no workflow `{name}`{hint}")
        return self.workflows[name]

    def run(self, word: str | None) -> AnyRun:
        """Give the run that is meant: a variable, a workflow's last, an id; or the latest.

        Raises:
            UsageError: There is none.
        """
        if not word:
            if not self.last:
                raise UsageError("nothing has run yet")
            return next(reversed(self.last.values()))
        found = self.find(word) or self.stored(word)
        if found is None:
            hint = nearest(word, [*self.last, *self.runs, *self.names_of(BaseRun)])
            told = f"`{word}` is no variable with a Run, no workflow that ran and no id of a run"
            raise UsageError(told + hint)
        return found

    def find(self, word: str) -> AnyRun | None:
        """Give the run of that variable, workflow or id, or None."""
        for place in (self.shell.user_ns, self.last, self.runs):
            found = place.get(word)
            if isinstance(found, AnyRun):
                return found
        return None

    @property
    def store(self) -> str | None:
        """The record of runs that is configured; None where only the environment may name one."""
        store: str = self.shell.magics_manager.registry["AttuneMagics"].store
        return store or None

    @property
    def allows_imports(self) -> bool:
        """Whether an action may be `module:function`, as is configured."""
        allowed: bool = self.shell.magics_manager.registry["AttuneMagics"].allow_imports
        return allowed

    def stored(self, word: str) -> AnyRun | None:
        """Give the run of the store with that id, or whose id begins so; or None."""
        try:
            return open_run(word, self.store)
        except StoreError:
            return None

    def earlier(self, name: str, word: str, store: str | None) -> AnyRun:
        """Give an earlier run of a workflow: the one that is meant, or the last.

        Raises:
            UsageError: There is none.
        """
        if word:
            return self.run(word)
        if name in self.last:
            return self.last[name]
        found = [each for each in self._on_record(store) if each["workflow"] == name]
        if not found:
            raise UsageError(f"`{name}` has not run before, so there is nothing to reuse: run it")
        return open_run(found[-1]["run_id"], store)

    def interrupted(self, name: str | None, word: str, store: str | None) -> str:
        """Give the id of a run whose kernel is gone: the one that is meant, or the last.

        Raises:
            UsageError: There is none.
        """
        if word:
            known = self.find(word)
            return known.run_id if known is not None else word
        found = [
            each["run_id"]
            for each in self._on_record(store)
            if each["status"] == "interrupted" and name in (None, each["workflow"])
        ]
        if not found:
            of = f" of `{name}`" if name else ""
            raise UsageError(f"no run{of} on record was interrupted; `%attune runs` lists them")
        return str(found[-1])

    def _on_record(self, store: str | None) -> list[dict[str, Any]]:
        """Give the runs of the store, the oldest first; none where there is no store."""
        try:
            rows: list[dict[str, Any]] = runs(store or self.store).to_dict("records")  # type: ignore[assignment]
        except StoreError:
            return []
        return rows

    def names_of(self, kind: type) -> list[str]:
        """Give the variables that hold something of a kind; IPython's own left out."""
        return [
            name
            for name, value in self.shell.user_ns.items()
            if isinstance(value, kind) and not name.startswith("_")
        ]

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Give the functions that the notebook has defined itself."""
        return {
            name: value
            for name, value in self.shell.user_ns.items()
            if isfunction(value) and value.__module__ == "__main__" and not name.startswith("_")
        }

    def actions(self, workflow: Workflow) -> dict[str, Callable[..., Any] | Workflow]:
        """Give what an action may be here: the notebook's functions, and its other workflows.

        All functions are given, so that a mistyped name is told the nearest; of what else can
        be called, only what the workflow names.
        """
        named = {task.action for _, task in workflow.walk()}
        functions = {
            name: value
            for name, value in self.shell.user_ns.items()
            if (name in named and callable(value)) or (isfunction(value) and name[0] != "_")
        }
        others = {name: each for name, each in self.workflows.items() if each is not workflow}
        return {**others, **functions}

    def value(self, expression: str, what: str) -> Any:
        """Evaluate an expression in the notebook's namespace; what is none is text.

        Raises:
            UsageError: It raises.
        """
        try:
            return eval(expression, self.shell.user_ns)  # noqa: S307 - the user's own cell
        except (NameError, SyntaxError) as error:
            hint = nearest(expression, self.shell.user_ns) if isinstance(error, NameError) else ""
            if hint:
                told = f"{what}: `{expression}` is no variable here, so it is taken as text{hint}"
                print(told, file=sys.stderr)  # noqa: T201 - for the cell's own output
            return expression
        except Exception as error:  # noqa: BLE001 - whatever the expression raises
            raise UsageError(f"{what}={expression}: {type(error).__name__}: {error}") from None

    def values(self, pairs: Iterable[str], option: str) -> dict[str, Any]:
        """Evaluate `NAME=EXPR` each.

        Raises:
            UsageError: One is no such pair.
        """
        found: dict[str, Any] = {}
        for pair in pairs:
            name, sign, expression = pair.partition("=")
            if not sign or not name:
                raise UsageError(f"{option} takes NAME=EXPR, not `{pair}`")
            found[name] = self.value(expression, f"{option} {name}")
        return found

    def parameters(self, given: str | None, pairs: Iterable[str]) -> dict[str, Any]:
        """Put the parameters of a file or a variable and those of `NAME=EXPR` together.

        Raises:
            UsageError: There are none to be read.
        """
        found = self._all_of(given) if given else {}
        return {**found, **self.values(pairs, "--set")}

    def _all_of(self, given: str) -> Mapping[str, Any]:
        if Path(given).suffix in (".yaml", ".yml", ".json"):
            try:
                return load_parameters(Path(given))
            except ParameterError as error:
                raise UsageError(f"--params: {error}") from None
        value = self.value(given, "--params")
        if not isinstance(value, dict):
            raise UsageError(
                f"--params takes a file (.yaml, .json) or a dict, and `{given}` is "
                f"{'neither' if isinstance(value, str) else type(value).__name__}"
            )
        return value

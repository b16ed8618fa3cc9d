"""Names and functions of other tools' expressions, and what to write instead of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["explain_foreign_function", "explain_foreign_name"]

# Characters of a name that an example repeats.
_MAX_NAME_LENGTH = 40

# Members and arguments that are not the name of a variable.
_ENVIRONMENT_WORDS = ("env", "environ", "get", "getenv")

# What to write instead of a name. `{name}` stands for its member, or for NAME, and `{variable}` for
# the variable of the environment.
_KEYSTORE = (
    "pass it as a secret with `--secret-env {name}={variable}` (in Python: `keystore={{...}}`) and "
    "read `{{{{ keystore.{name} }}}}`"
)
_ENVIRONMENT = f"an expression reads no environment variables; {_KEYSTORE}"
_TASK = "a task's result is read as `{{{{ task.NAME.KEY }}}}`"
_PARAMETER = "a parameter is read as `{{{{ parameters.{name} }}}}`"
_VARIABLE = "a variable is read as `{{{{ workflow.{name} }}}}`"
_ITEM = "within `with_items`, `{{{{ item }}}}` is the item and `{{{{ index }}}}` its number"
_TIME = "the time is `{{{{ now() }}}}`, that of the run's start `{{{{ system.workflow_start }}}}`"

_NAMES = {
    **dict.fromkeys(("env", "environ", "ENV", "environment", "os", "process"), _ENVIRONMENT),
    **dict.fromkeys(("secrets", "secret", "vault", "credentials"), _KEYSTORE),
    **dict.fromkeys(
        ("steps", "needs", "jobs", "outputs", "results", "nodes", "states", "ti", "task_instance"),
        _TASK,
    ),
    **dict.fromkeys(("inputs", "input", "args", "arguments", "inventory", "payload"), _PARAMETER),
    **dict.fromkeys(("ctx", "context", "var", "variable", "hostvars", "globals"), _VARIABLE),
    **dict.fromkeys(("matrix", "loop", "each", "element", "it", "ansible_loop"), _ITEM),
    **dict.fromkeys(("ds", "ts", "execution_date", "logical_date", "data_interval_start"), _TIME),
    **dict.fromkeys(
        ("run_id", "workflow_id", "flow_run", "dag_run", "github"),
        "the run's id is `{{{{ system.execution_id }}}}`, and `{{{{ system.workflow_ref }}}}` the "
        "workflow",
    ),
}

_FUNCTIONS = {
    **dict.fromkeys(("env", "getenv", "environ", "lookup"), _ENVIRONMENT),
    **dict.fromkeys(("secret", "secrets", "vault"), _KEYSTORE),
    **dict.fromkeys(("ctx", "var"), _VARIABLE),
    **dict.fromkeys(("task", "tasks", "output", "outputs", "xcom_pull", "query"), _TASK),
    "item": _ITEM,
    "success": "write `succeeded()`",
    "failure": "write `failed()`",
    "always": "a transition without `when` always fires",
    "str": "write `string(...)`",
    "float": "write `number(...)`",
    "list": "write an array: `[...]`",
    "isinstance": "write `type_of(...) == 'string'`",
    "today": _TIME,
    "datetime": _TIME,
}


def explain_foreign_name(path: Sequence[str]) -> str:
    """Return what to write instead of a dotted name of another tool, or an empty string."""
    advice = _NAMES.get(path[0], "")
    return _fill(advice, path[1:])


def explain_foreign_function(name: str, arguments: Sequence[str] = ()) -> str:
    """Return what to write instead of a call of another tool's function, or an empty string.

    Args:
        name: The function.
        arguments: Its arguments that are strings.
    """
    return _fill(_FUNCTIONS.get(name, ""), arguments)


def _fill(advice: str, members: Sequence[str]) -> str:
    """Return advice about a name's member, after a semicolon."""
    if not advice:
        return ""

    # `os.environ.TOKEN` names a variable, as `env.TOKEN` does
    names = [member for member in members if member not in _ENVIRONMENT_WORDS]
    name = names[0] if names else ""
    if not name.isidentifier() or len(name) > _MAX_NAME_LENGTH:
        return f"; {advice.format(name='NAME', variable='VARIABLE')}"
    return f"; {advice.format(name=name, variable=name)}"

"""The names of expressions: namespaces, the fields of a task's record, values of the run."""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["NAMES"]

_NAMESPACES = (
    Entry(
        "namespace",
        "parameters",
        "The parameters of the run, with their defaults: `parameters.NAME`.",
        """
        parameters:
          region: {type: string, default: eu}
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ parameters.region }}"}
        """,
        related=("vars", "type", "secret"),
    ),
    Entry(
        "namespace",
        "workflow",
        "The variables: those of `vars`, and those that `publish` has set. `workflow.NAME` may be "
        "written as `NAME` alone.",
        """
        vars: {limit: 10}
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ workflow.limit }} is {{ limit }}"}
        """,
        related=("vars", "publish", "variables"),
    ),
    Entry(
        "namespace",
        "vars",
        "Another name of `workflow`.",
        """
        vars: {limit: 10}
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ vars.limit }}"}
        """,
        related=("workflow", "publish"),
    ),
    Entry(
        "namespace",
        "variables",
        "Another name of `workflow`.",
        """
        vars: {limit: 10}
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ variables.limit }}"}
        """,
        related=("workflow", "publish"),
    ),
    Entry(
        "namespace",
        "task",
        "The tasks that have ended. `task.NAME.KEY` is a key of the task's result if the result is "
        "an object that has it; otherwise a field such as `result`, `status` or `failed_items`.",
        """
        tasks:
          - name: count
            action: core.echo
            input: {message: [1, 2]}
        output_map:
          message: "{{ task.count.message }}"
          status: "{{ task.count.status }}"
        """,
        related=("result", "status", "error", "failures", "successes", "output_map"),
    ),
    Entry(
        "namespace",
        "tasks",
        "Another name of `task`.",
        """
        tasks:
          - name: count
            action: core.noop
        output_map: {status: "{{ tasks.count.status }}"}
        """,
        related=("task",),
    ),
    Entry(
        "namespace",
        "item",
        "The present item of a task with `with_items`; with `batch_size` an array of items. Of an "
        "object the items are `{key, value}`.",
        """
        tasks:
          - name: greet
            action: core.echo
            with_items: [{name: ann}, {name: bob}]
            input: {message: "hello {{ item.name }}"}
        """,
        related=("with_items", "index", "batch_size"),
    ),
    Entry(
        "namespace",
        "index",
        "The position of the item, counted from 0; with `batch_size` the number of the batch.",
        """
        tasks:
          - name: greet
            action: core.echo
            with_items: [ann, bob]
            input: {message: "{{ index }}: {{ item }}"}
        """,
        related=("with_items", "item"),
    ),
    Entry(
        "namespace",
        "config",
        "Settings that are passed to the run with `config=` in Python.",
        """
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ config.region|default('eu') }}"}
        """,
        related=("parameters", "keystore"),
    ),
    Entry(
        "namespace",
        "keystore",
        "Secrets that are passed to the run: `keystore.NAME`. They come with `--keystore "
        "FILE|DICT`, `--secret NAME`, `--secret-env NAME=VARIABLE`, or `keystore=` in Python. They "
        "are shown as `***` and are never recorded.",
        """
        tasks:
          - name: show
            action: core.echo
            input: {message: "token {{ keystore.token|default('none') }}"}
        """,
        related=("secret", "secrets", "config"),
    ),
    Entry(
        "namespace",
        "system",
        "Facts about the run: `system.execution_id`, `system.workflow_ref`, "
        "`system.workflow_start` and `system.timestamp`.",
        """
        tasks:
          - name: show
            action: core.echo
            input: {message: "run {{ system.execution_id }}"}
        """,
        related=("execution_id", "workflow_ref", "workflow_start", "timestamp", "now"),
    ),
    Entry(
        "namespace",
        "inquiry",
        "The inquiries that tasks have waited for, by the name of the task that waits: "
        "`inquiry.TASK.response` is the answer.",
        """
        tasks:
          - name: request_approval
            action: core.echo
            input: {message: an action of a pack opens the inquiry and returns its id}
            next: [{do: deploy}]
          - name: deploy
            action: core.echo
            wait_for: {inquiry: "{{ task.request_approval.inquiry_id }}"}
            input: {message: "{{ inquiry.deploy.responded_by }}"}
        """,
        related=("wait_for", "response", "responded_by", "core.ask"),
    ),
)


def _system(name: str, explanation: str) -> Entry:
    example = (
        "tasks:\n"
        "  - name: show\n"
        "    action: core.echo\n"
        f'    input: {{message: "{{{{ system.{name} }}}}"}}'
    )
    return Entry("system value", name, explanation, example, related=("system", "now"))


_SYSTEM = (
    _system("execution_id", "The id of the run, as `run.run_id` and `%attune runs` show it."),
    _system("workflow_ref", "The `ref` of the workflow, or its name."),
    _system("workflow_start", "The time when the run started, in seconds since 1970, UTC."),
    _system("timestamp", "The time when the run started, the same as `workflow_start`."),
)


def _inquiry_field(name: str, explanation: str, *related: str) -> Entry:
    example = (
        "tasks:\n"
        "  - name: request_approval\n"
        "    action: core.echo\n"
        "    input: {message: an action of a pack opens the inquiry and returns its id}\n"
        "    next: [{do: deploy}]\n"
        "  - name: deploy\n"
        "    action: core.echo\n"
        '    wait_for: {inquiry: "{{ task.request_approval.inquiry_id }}"}\n'
        f'    input: {{message: "{{{{ inquiry.deploy.{name} }}}}"}}'
    )
    return Entry("inquiry field", name, explanation, example, related=("inquiry", *related))


_INQUIRY = (
    _inquiry_field("id", "The id of the inquiry, an integer.", "wait_for"),
    _inquiry_field("status", "The end of the inquiry: `responded`, `timeout` or `cancelled`.",
                   "timed_out"),
    _inquiry_field("response", "The answer; null if there was none.", "responded_by"),
    _inquiry_field("assigned_to", "The person who should answer, as the action names it; or null.",
                   "responded_by"),
    _inquiry_field("responded_by", "The name of the user who answered; null without an answer.",
                   "responded_at"),
    _inquiry_field("responded_at", "When the answer was given, in UTC, as ISO 8601 text; or null.",
                   "timeout_at"),
    _inquiry_field("timeout_at", "When the inquiry times out, in UTC, as ISO 8601 text; or null.",
                   "timed_out"),
)  # fmt: skip


def _field(name: str, explanation: str, *related: str) -> Entry:
    example = (
        "tasks:\n"
        "  - name: check\n"
        "    action: core.echo\n"
        "    with_items: [1, 2]\n"
        '    input: {message: "{{ item }}"}\n'
        f'output_map: {{value: "{{{{ task.check.{name} }}}}"}}'
    )
    return Entry("task field", name, explanation, example, related=("task", *related))


_FIELDS = (
    _field(
        "result",
        "The result of the task: `task.NAME.result`. Of a task with items it is the array of their "
        "results, in the order of the items.",
        "succeeded",
    ),
    _field("status", "How the task ended: `succeeded`, `failed`, `timed_out`, `skipped` ...",
           "succeeded", "failed", "timed_out"),
    _field("error", "The message of its error; null if it succeeded.", "failed"),
    _field("succeeded", "Whether the task succeeded. A skipped task did.", "status"),
    _field("attempts", "The number of its attempts.", "retry"),
    _field("duration_ms", "How long it took, in milliseconds."),
    _field("total_count", "The number of items, of a task with items; otherwise null.",
           "with_items", "failed_items"),
    _field("failed_items", "How many items failed, of a task with items; otherwise null.",
           "with_items", "total_count", "failures"),
    _field(
        "failures",
        "The failed items of a task with items, otherwise null: an array of objects with `index`, "
        "`item`, `error` (the message), `error_type`, `attempts` and `result`, the data that the "
        "action left behind.",
        "failed_items", "successes", "with_items",
    ),
    _field(
        "successes",
        "The items that succeeded, of a task with items, otherwise null: an array of objects with "
        "`index`, `item` and `result`.",
        "failures", "with_items",
    ),
    _field(
        "data",
        "The result of the action; for an action of a pack or `core.shell` its output, if that was "
        "parsed as JSON or YAML. A key `data` of a result comes first. `result().data` is the same "
        "in `next`.",
        "result", "exit_code",
    ),
    _field(
        "exit_code",
        "The exit status of the process of `core.shell` or of an action of a pack; for other "
        "actions 0, or 1 if the task failed.",
        "data", "core.shell",
    ),
    Entry(
        "task field",
        "stdout",
        "The output of the process of `core.shell` or of an action of a pack, unless it was parsed "
        "into `data`; of `core.echo` its message.",
        """
        tasks:
          - name: check
            action: core.echo
            input: {message: done}
        output_map: {value: "{{ task.check.stdout }}"}
        """,
        related=("data", "core.shell", "core.echo"),
    ),
)  # fmt: skip

_TARGETS = (
    Entry(
        "target",
        "noop",
        "A target of `do` that starts nothing. A failure that leads to it counts as handled.",
        """
        tasks:
          - name: clean
            action: core.fail
            input: {message: nothing to clean}
            next:
              - when: "{{ failed() }}"
                do: noop
        """,
        related=("do", "fail", "failed"),
    ),
    Entry(
        "target",
        "fail",
        "A target of `do` that fails the run, after other tasks have handled the failure.",
        """
        tasks:
          - name: deploy
            action: core.noop
            next:
              - when: "{{ failed() }}"
                do: undo
          - name: undo
            action: core.noop
            next: [{do: fail}]
        """,
        related=("do", "noop", "failed"),
    ),
)

NAMES: tuple[Entry, ...] = (*_NAMESPACES, *_FIELDS, *_SYSTEM, *_INQUIRY, *_TARGETS)
"""All names, those of one place together."""

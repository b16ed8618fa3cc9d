"""Short introductions, which lead to the words of their subject."""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["TOPICS"]


def _topic(name: str, explanation: str, text: str, *related: str) -> Entry:
    return Entry("topic", name, explanation, text, related=related)


TOPICS: tuple[Entry, ...] = (
    _topic(
        "workflows",
        "A workflow is one YAML text: `parameters` come in, `tasks` run actions, `next` leads from "
        "task to task, and `output_map` makes the output. In a notebook it stands in a cell below "
        "`%%attune NAME`. Without quotes `true`, `False`, `null`, `0x1F` and `1e3` are values, and "
        "`no`, `on`, `010`, `12:30` and dates are strings.",
        """
        parameters:
          name: {type: string, default: world}
        tasks:
          - name: greet
            action: core.echo
            input: {message: "hello {{ parameters.name }}"}
            next:
              - do: shout
          - name: shout
            action: core.echo
            input: {message: "{{ upper(task.greet.message) }}"}
        output_map: {text: "{{ task.shout.message }}"}
        """,
        "tasks", "parameters", "vars", "next", "output_map", "timeout",
    ),
    _topic(
        "actions",
        "An action is a Python function of the notebook, a core action, another workflow, or "
        "`module:function`. `%attune actions` lists them, and `%attune actions NAME` shows the "
        "arguments of one, which stand below `input`.",
        """
        tasks:
          - name: greet
            action: core.echo
            input: {message: hello}
        """,
        "action", "input", "core.shell", "core.http_request", "core.ask",
    ),
    _topic(
        "expressions",
        "Between `{{` and `}}` stands an expression: Jinja2's syntax with namespaces, functions, "
        "filters and tests. A string that is nothing but one expression, but for white space "
        "around it, gives the value with its kind; any other string becomes text.",
        """
        vars: {sizes: [3, 1, 2]}
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ sort(workflow.sizes) }}, {{ length(workflow.sizes) }} of them"}
        """,
        "operators", "parameters", "workflow", "task", "item", "result", "default", "select",
    ),
    _topic(
        "operators",
        "Expressions compute with `+ - * / // % **`, compare with `== != < <= > >=` and `in`, and "
        "combine with `and`, `or` and `not`. `a ~ b` joins text, `a if c else b` chooses, "
        "`x|filter` applies a filter, and `x is test` applies a test. `x.key` and `x['key']` read "
        "a key, `x[0]` an element, and `x[1:3]` a part.",
        """
        vars: {sizes: [3, 1, 2], names: {first: ann}}
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ 'many' if sizes[0] > 2 and 4 not in sizes else names.first }}"}
        """,
        "expressions", "default", "defined", "round", "contains",
    ),
    _topic(
        "items",
        "`with_items` runs the action of a task once for every item, `concurrency` many at once. "
        "Items fail and are retried one by one; the task fails if an item did, after all have "
        "ended.",
        """
        parameters:
          hosts: {type: array, default: [a, b, c]}
        tasks:
          - name: check
            action: core.echo
            with_items: "{{ parameters.hosts }}"
            concurrency: 10
            retry: {count: 2, delay: 1}
            input: {message: "checking {{ item }}"}
        """,
        "with_items", "item", "index", "concurrency", "batch_size", "rate_limit", "max_failures",
        "report_every", "retry", "failures",
    ),
    _topic(
        "failures",
        "`retry` makes failed attempts again, and `next` can lead from a failed task to another "
        "one. `do` names that task, or `noop` if nothing is left to do. A failure that nothing "
        "handles fails the run.",
        """
        tasks:
          - name: deploy
            action: core.noop
            retry: {count: 2, delay: 1, backoff: exponential, on_error: Timeout}
            next:
              - when: "{{ not succeeded() }}"
                publish: {reason: "{{ result().error }}"}
                do: undo
          - name: undo
            action: core.echo
            input: {message: "undone: {{ workflow.reason }}"}
        """,
        "retry", "on_error", "timeout", "next", "failed", "timed_out", "noop", "fail",
    ),
    _topic(
        "logs",
        "Each line that an action prints or logs, or a process that it starts, is kept with its "
        "task, item and attempt. `%attune logs RUN TASK --index N --level WARNING` shows the "
        "lines, `--follow` until the run ends; in a shell `attune-nb logs`, in Python `run.logs`. "
        "`--logs all`, `none` or a number says how many lines a run shows itself. They are on "
        "record without secrets, at most 64 KB of an attempt and 50 MB of a run.",
        """
        tasks:
          - name: greet
            action: core.shell
            input: {cmd: "echo hello"}
        """,
        "items", "core.shell",
    ),
    _topic(
        "branches",
        "Every transition of `next` whose `when` is true fires, so that tasks run side by side; "
        "`join: all` waits for all of them. `type: parallel` does the same for a few tasks in one.",
        """
        tasks:
          - name: build
            action: core.noop
            next: [{do: [unit, style]}]
          - name: unit
            action: core.noop
            next: [{do: deploy}]
          - name: style
            action: core.noop
            next: [{do: deploy}]
          - name: deploy
            action: core.noop
            join: all
        """,
        "next", "when", "do", "publish", "join", "type", "skipped",
    ),
    _topic(
        "questions",
        "`core.ask` asks a person and waits for the answer, whose kind `response_schema` "
        "declares. In a notebook it is a form, in a terminal a prompt; elsewhere the run pauses. "
        "`--answer TASK=VALUE` answers in advance and with `resume`, `%attune answer RUN TASK "
        "EXPR` and `run.answer(task, value)` later.",
        """
        tasks:
          - name: approve
            action: core.ask
            input: {prompt: "Deploy now?", response_schema: {type: boolean}}
            next:
              - when: "{{ result().response == true }}"
                do: deploy
          - name: deploy
            action: core.noop
        """,
        "core.ask", "waiting", "answer",
    ),
    _topic(
        "forms",
        "`workflow.form()` and `%attune form NAME` show a form for a workflow's parameters, made "
        "from their declarations: `enum` makes a menu, `secret` a password field, an array or an "
        "object a text of YAML; `title`, `description` and `default` are its labels, hints and "
        "first values. Run starts a background run, `form.run`, whose panel appears below.",
        """
        parameters:
          region: {enum: [eu, us], default: eu, title: Region}
          servers: {type: integer, minimum: 1, default: 3, description: how many}
          token: {type: string, secret: true, default: none}
        tasks:
          - name: deploy
            action: core.noop
            input: {region: "{{ parameters.region }}", servers: "{{ parameters.servers }}"}
        """,
        "parameters", "enum", "secret", "default", "title", "description",
    ),
    _topic(
        "secrets",
        "A parameter with `secret: true` and all values of `keystore` are shown as `***` and are "
        "never recorded: pass them again when a run is resumed (`--secret NAME` asks, "
        "`--secret-env NAME=VARIABLE` and `--keystore FILE` read). They are found in all types of "
        "values, and in base64, hexadecimal digits, URLs, JSON and HTML; not in upper case, nor "
        "cut, compressed or hashed. In a longer text a secret needs 4 characters.",
        """
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ keystore.token|default('no token') }}"}
        """,
        "secret", "keystore",
    ),
    _topic(
        "pack packages",
        "An action of a pack runs with the Python of the notebook if that meets the pack's "
        "`requirements.txt`, else with an environment of the pack's own in the user's cache "
        "(ATTUNE_NB_CACHE names another folder). `--install` makes it, with uv or pip, and with "
        "npm for `package.json`; so does `attune-nb pack install FOLDER`. `runtime_version` "
        "chooses among the Pythons and nodes on PATH. If a package or an interpreter is missing, "
        "no run starts, and the message names it.",
        "%attune pack packs/jira --install --constraint attune-sdk==0.3.0",
        "runtime_version", "runner_type", "pack API",
    ),
    _topic(
        "pack API",
        "While an action of a pack runs, it may ask the run for keys, write artifacts, ask "
        "questions and run other actions, as on the platform: by its SDK, or by ATTUNE_API_URL "
        "and ATTUNE_API_TOKEN. The key `jira.credentials` is that of `keys=` in Python, of the "
        "keystore (`--keystore FILE`; there it may also be `credentials` in `jira`), of the "
        "variable ATTUNE_KEY_JIRA_CREDENTIALS, or of the keyring of the system (service "
        "`attune`); it is hidden like all secrets. Artifacts lie beside the store, and "
        "`run.artifacts` shows them.",
        "%attune run ticketing.ticket_open title=late --keystore keys.yaml",
        "secrets", "keystore",
    ),
    _topic(
        "values",
        "Values are null, booleans, numbers, strings, arrays and objects; expressions look into "
        "nothing else, but pass any Python object on as a whole, and write dates, paths, decimals, "
        "fractions, UUIDs, IP addresses and enums as text. Results and variables are shared and "
        "read-only. An action that changes its input is declared with "
        "`@attune_nb.action(mutable_input=True)` and gets its own copy.",
        """
        vars: {limits: {low: 1, high: 9}}
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ workflow.limits }}"}
        output_map: {limits: "{{ merge(workflow.limits, {'high': 10}) }}"}
        """,
        "publish", "merge", "type_of", "expressions",
    ),
    _topic(
        "trials",
        "`--dry-run` runs a workflow without its actions; `--mock TASK=EXPR` does so too, and "
        "gives a task its result. Where a dry run needs a result that no action made, a note "
        "names the mock, and the run goes on. `--debug` runs everything inline: `breakpoint()` "
        "stops, and `%debug` opens the action that failed.",
        "%attune run NAME --dry-run",
        "backends", "records",
    ),
    _topic(
        "backends",
        "Attempts run in `threads` (the default), in worker `processes`, on a `dask` cluster, or "
        "`inline` for debugging. A workflow means the same on each; `--backend` chooses.",
        "%attune run NAME --backend processes",
        "concurrency", "keep_results", "worker_selector", "timeout", "trials",
    ),
    _topic(
        "records",
        "Every run is recorded, so that it can be looked at, resumed, retried and forked. "
        "`%attune runs` lists them, `%attune resume` continues an interrupted one, `%attune retry` "
        "runs only what failed, and `%attune fork RUN --at TASK` runs a task again with those that "
        "follow it, with the functions as they are now. Reused results are marked, and a note says "
        "which of them come from older code. `%attune forget RUN` or `--older 30d` removes "
        "records.",
        "%attune runs",
        "runs", "resume", "retry", "fork", "diff", "forget", "interrupted",
    ),
    _topic(
        "control of runs",
        "`%attune cancel RUN`, `pause`, `resume`, `answer`, `rerun` and `accept` control a run of "
        "this notebook or of any other process of the user, also one whose cell blocks or that "
        "waits at its prompt. `attune-nb cancel RUN` and so on do it in a shell, and "
        "`attune.open_run(RUN).cancel()` in Python. The run looks for commands 20 times a second, "
        "and says why if it refuses one; who asked is in its events. `attune-nb cancel` gives "
        "attempts in progress half a second, as Ctrl-C does. The inline backend ends with the "
        "attempt in progress.",
        "%attune cancel RUN",
        "cancelled", "paused", "questions", "records",
    ),
    _topic(
        "child runs",
        "A workflow that a task runs is a run of its own: `run.children()` lists those of a run, "
        "and `run.child(TASK, index=3)` is one, with tasks, items, logs and charts like any run. "
        "Every command takes its path in place of a RUN: `RUN/TASK[3]`, and below that "
        "`RUN/TASK[3]/TASK`. `%attune runs` gives their number; `--all` lists them.",
        "%attune runs --all",
        "action", "records",
    ),
    _topic(
        "traces and metrics",
        "`--otel` sends spans of a run and its tasks by OpenTelemetry, and `%config "
        "AttuneMagics.otel = True` those of all runs of a notebook; in Python "
        "`readers=[attune_nb.otel.reader()]`, which has options for items. They go to the tracer "
        "provider that is set, or to the exporter in OTEL_TRACES_EXPORTER. A Jupyter server with "
        "the extension has metrics of the runs for Prometheus at `/metrics`.",
        "%attune run NAME --otel",
        "records", "child runs",
    ),
)  # fmt: skip
"""The topics, in the order in which a newcomer meets them."""

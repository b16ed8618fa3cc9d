"""The keys of a workflow, of its tasks, and of the objects within a task.

The loader knows exactly these keys, and the schema for editors describes them with these words.
"""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["KEYS"]

_WORKFLOW = (
    Entry(
        "workflow key",
        "name",
        "The name of the workflow in lists of runs, panels and messages; by default that of its "
        "file, or of its first task.",
        """
        name: nightly report
        tasks:
          - name: report
            action: core.noop
        """,
        values="a string",
        related=("ref", "label"),
    ),
    Entry(
        "workflow key",
        "ref",
        "The name by which other workflows and the Attune platform call this one: `pack.name`.",
        """
        ref: shop.nightly_report
        tasks:
          - name: report
            action: core.noop
        """,
        values="a string",
        related=("label", "action"),
    ),
    Entry(
        "workflow key",
        "label",
        "A short name for people, shown where the workflow is listed.",
        """
        label: Nightly report
        tasks:
          - name: report
            action: core.noop
        """,
        values="a string",
        related=("ref", "description"),
    ),
    Entry(
        "workflow key",
        "description",
        "The purpose of the workflow, in a sentence or more.",
        """
        description: Checks every server once and names those that are down.
        tasks:
          - name: check
            action: core.noop
        """,
        values="a string",
        related=("label", "tags"),
    ),
    Entry(
        "workflow key",
        "tags",
        "Words for searches on the Attune platform.",
        """
        tags: [reports, nightly]
        tasks:
          - name: report
            action: core.noop
        """,
        values="a name, or an array of names",
        related=("label", "description"),
    ),
    Entry(
        "workflow key",
        "version",
        "The version of this workflow. Quote it: without quotes 1.10 is a number.",
        """
        version: "1.10"
        tasks:
          - name: report
            action: core.noop
        """,
        values='a string or a number; default `"1.0.0"`',
        related=("ref",),
    ),
    Entry(
        "workflow key",
        "parameters",
        "The values that a run takes: names, each with its declaration. They are checked before "
        "the run starts, and read as `parameters.NAME`.",
        """
        parameters:
          url: {type: string, default: http://localhost}
          attempts: {type: integer, default: 3, minimum: 1}
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ parameters.url }}"}
        """,
        values="an object of names, each with an object of parameter keys",
        related=("type", "required", "default", "enum", "secret"),
    ),
    Entry(
        "workflow key",
        "output",
        "A schema of the output. It is for readers and for the Attune platform; `output_map` "
        "makes the output.",
        """
        output: {total: {type: integer}}
        output_map: {total: "{{ 1 + 2 }}"}
        tasks:
          - name: count
            action: core.noop
        """,
        values="an object",
        related=("output_map",),
    ),
    Entry(
        "workflow key",
        "vars",
        "The variables and their first values. They are set in their order before any task runs, "
        "and read as `workflow.NAME`; `publish` changes them.",
        """
        vars:
          - retries: 0
          - message: "{{ workflow.retries }} retries so far"
        tasks:
          - name: show
            action: core.echo
            input: {message: "{{ workflow.message }}"}
        """,
        values="an object, or an array of objects with one key",
        related=("publish", "workflow", "parameters"),
    ),
    Entry(
        "workflow key",
        "tasks",
        "The steps. A run starts with the tasks that no other task leads to, and those with "
        "`start: true`; `next` says how it goes on.",
        """
        tasks:
          - name: build
            action: core.echo
            input: {message: built}
            next:
              - do: deploy
          - name: deploy
            action: core.noop
        """,
        values="an array of tasks, or an object of names and tasks",
        related=("name", "action", "next", "type"),
    ),
    Entry(
        "workflow key",
        "output_map",
        "The output of the run: names and values. It is evaluated when the run has succeeded, and "
        "read as `run.output`; a workflow that calls this one gets it as its result.",
        """
        tasks:
          - name: count
            action: core.echo
            input: {message: [1, 2, 3]}
        output_map:
          total: "{{ length(task.count.message) }}"
        """,
        values="an object of names and values with expressions",
        related=("output", "task", "expressions"),
    ),
    Entry(
        "workflow key",
        "cancellation_policy",
        "The effect of cancelling on tasks that are running: they may finish, or they are stopped.",
        """
        cancellation_policy: cancel_running
        tasks:
          - name: wait
            action: core.sleep
            input: {seconds: 0.01}
        """,
        values="`allow_finish` or `cancel_running`; default `allow_finish`",
        related=("timeout", "cancelled", "cancelling"),
    ),
    Entry(
        "workflow key",
        "timeout",
        "The time limit of the whole run, in seconds. After it the run ends as `timed_out`.",
        """
        timeout: 3600
        tasks:
          - name: report
            action: core.noop
        """,
        values="a number of seconds, more than 0",
        related=("cancellation_policy", "timed_out"),
    ),
)

_TASK = (
    Entry(
        "task key",
        "name",
        "The name of the task. It is unique; `do`, `task.NAME` and messages use it.",
        """
        tasks:
          - name: greet
            action: core.echo
            input: {message: hello}
        output_map: {greeting: "{{ task.greet.message }}"}
        """,
        values="a string of at most 100 characters without `/`",
        related=("do", "task"),
    ),
    Entry(
        "task key",
        "action",
        "The action to run: a function of the notebook, a registered name, a core action such as "
        "`core.shell`, another workflow, or `module:function`. `%attune actions` lists them.",
        """
        tasks:
          - name: greet
            action: core.echo
            input: {message: hello}
        """,
        values="a string",
        related=("input", "type", "actions"),
    ),
    Entry(
        "task key",
        "type",
        "The kind of task. `parallel` runs the tasks below its own `tasks` at the same time; "
        "`workflow` calls another workflow, as `action` with a workflow's name does.",
        """
        tasks:
          - name: both
            type: parallel
            tasks:
              - name: unit
                action: core.noop
              - name: style
                action: core.noop
        """,
        values="`action`, `parallel` or `workflow`; default `action`",
        related=("tasks", "action"),
    ),
    Entry(
        "task key",
        "input",
        "The arguments of the action, by name. Values may hold expressions; `%attune actions NAME` "
        "shows the names that an action takes.",
        """
        parameters:
          name: {type: string, default: world}
        tasks:
          - name: greet
            action: core.echo
            input:
              message: "hello {{ parameters.name }}"
        """,
        values="an object of names and values; default `{}`",
        related=("action", "expressions", "actions"),
    ),
    Entry(
        "task key",
        "when",
        "A condition. If it is false, the task is skipped and its `next` is followed as after a "
        "success. It is evaluated when the task is about to start.",
        """
        parameters:
          notify: {type: boolean, default: false}
        tasks:
          - name: notify
            action: core.echo
            when: "{{ parameters.notify }}"
            input: {message: done}
        """,
        values="a condition, with or without `{{ }}`, or a boolean",
        related=("next", "skipped", "expressions"),
    ),
    Entry(
        "task key",
        "with_items",
        "Run the action once for every item of an array, an object, a DataFrame or a generator. "
        "The input reads `item` and `index`; the result is the array of results in the order of "
        "the items. Missing cells of a DataFrame are null; a generator can be read once, and a "
        "generator function is called by each execution of the task, so `retry` reads it anew.",
        """
        parameters:
          names: {type: array, default: [ann, bob]}
        tasks:
          - name: greet
            action: core.echo
            with_items: "{{ parameters.names }}"
            concurrency: 10
            input: {message: "{{ index }}: hello {{ item }}"}
        """,
        values="an array, or one expression that returns one",
        related=("concurrency", "batch_size", "retry", "item", "index", "items", "failed_items"),
    ),
    Entry(
        "task key",
        "concurrency",
        "How many items run at once. It may be an expression.",
        """
        tasks:
          - name: check
            action: core.echo
            with_items: [1, 2, 3]
            concurrency: 2
            input: {message: "{{ item }}"}
        """,
        values="an integer of 1 or more, or an expression; default 1",
        related=("with_items", "batch_size"),
    ),
    Entry(
        "task key",
        "batch_size",
        "Pass an array of up to that many items to each attempt: `item` is an array then, and "
        "`index` is the number of the batch.",
        """
        tasks:
          - name: store
            action: core.echo
            with_items: [1, 2, 3, 4, 5]
            batch_size: 2
            input: {message: "{{ item }}"}
        """,
        values="an integer of 1 or more",
        related=("with_items", "concurrency", "chunks"),
    ),
    Entry(
        "task key",
        "retry",
        "Make a failed attempt again, with the same input. Items of `with_items` are retried one "
        "by one.",
        """
        tasks:
          - name: fetch
            action: core.echo
            retry: {count: 3, delay: 0.5, backoff: exponential, max_delay: 30}
            input: {message: ok}
        """,
        values="an object with `count`, `delay`, `backoff`, `max_delay` and `on_error`",
        related=("count", "delay", "backoff", "max_delay", "on_error", "timeout"),
    ),
    Entry(
        "task key",
        "max_failures",
        "How many items may fail. Once more have failed for good, no further item begins; those "
        "that run go on to their end, the others are `skipped`. Without it all items run, however "
        "many fail.",
        """
        tasks:
          - name: deploy
            action: core.echo
            with_items: [web-1, web-2, web-3, web-4]
            concurrency: 2
            max_failures: 0
            input: {message: "{{ item }}"}
        """,
        values='an integer of 0 or more, a share of all items such as `"10%"`, or an expression',
        related=("with_items", "failures", "skipped", "retry"),
    ),
    Entry(
        "task key",
        "rate_limit",
        "How fast attempts may start, also those of retries and after a resume. They start evenly "
        "spaced, so `50/s` means one every 20 ms.",
        """
        tasks:
          - name: call
            action: core.echo
            with_items: [1, 2, 3]
            rate_limit: 100/s
            input: {message: "{{ item }}"}
        """,
        values="a number of starts per `s`, `m` or `h` such as `20/m`, or `{count, per}`",
        related=("count", "per", "concurrency", "retry"),
    ),
    Entry(
        "task key",
        "report_every",
        "How many attempts a kill may repeat, for each item that runs at once: of "
        "`report_every` x `concurrency` attempts that have begun and are not on record, no further "
        "item begins until some are. Without it, workers report after a tenth of a second, and a "
        "resume repeats what was not reported. Small numbers cost time: 1 some milliseconds an "
        "item.",
        """
        tasks:
          - name: pay
            action: core.echo
            with_items: [1, 2, 3]
            concurrency: 2
            report_every: 1
            input: {message: "{{ item }}"}
        """,
        values="an integer of 1 or more",
        related=("with_items", "concurrency", "batch_size"),
    ),
    Entry(
        "task key",
        "timeout",
        "The time limit of one attempt, in seconds. An attempt past it ends as `timed_out`; a "
        "command or a worker process is killed, a function in a thread is abandoned, an `async` "
        "action is cancelled at its `await`.",
        """
        tasks:
          - name: wait
            action: core.sleep
            timeout: 5
            input: {seconds: 0.01}
        """,
        values="a number of seconds, more than 0",
        related=("timed_out", "retry"),
    ),
    Entry(
        "task key",
        "delay",
        "Seconds to wait before the task starts.",
        """
        tasks:
          - name: check
            action: core.noop
            delay: 0.01
        """,
        values="a number of seconds, 0 or more",
        related=("retry", "timeout"),
    ),
    Entry(
        "task key",
        "join",
        "Wait for `all` tasks that lead to this one, or for that many of them. Without it the "
        "first one that arrives starts the task.",
        """
        tasks:
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
        values="`all`, or an integer of 1 or more",
        related=("next", "do", "type"),
    ),
    Entry(
        "task key",
        "wait_for",
        "Start the task only after a question was answered that an earlier task's action asked "
        "while it ran: an inquiry. The answer is `inquiry.TASK.response`, with the name of the "
        "task that waits. If the inquiry times out, so does the task.",
        """
        tasks:
          - name: request_approval
            action: core.echo
            input: {message: an action of a pack opens the inquiry and returns its id}
            next: [{when: "{{ succeeded() }}", do: deploy}]
          - name: deploy
            action: core.echo
            wait_for: {inquiry: "{{ task.request_approval.inquiry_id }}"}
            input: {message: "{{ inquiry.deploy.response }}"}
        """,
        values="an object with `inquiry`",
        related=("inquiry", "core.ask", "questions", "timed_out"),
    ),
    Entry(
        "task key",
        "keep_results",
        "The place of the results: in memory with the run; in files beside the store (`store`), "
        "from which they are read when something needs them; on the Dask cluster that computed "
        "them (`cluster`), where the next task's attempts read them; or nowhere (`none`). That is "
        "for very many items: memory and record do not grow with them. Counts stay, a sample of "
        "the attempts, and the errors of the first 1,000 failures; the task's `result` is null, "
        "and the run's `readers` get every result.",
        """
        tasks:
          - name: compute
            action: core.echo
            keep_results: run
            input: {message: ok}
        """,
        values="`run`, `store`, `cluster` or, with `with_items`, `none`; default `run`",
        related=("worker_selector", "backends", "with_items"),
    ),
    Entry(
        "task key",
        "next",
        "The transitions: what happens after the task has ended. Every transition whose `when` is "
        "true fires, in the order of the text. A failure that leads to no task fails the run.",
        """
        tasks:
          - name: check
            action: core.noop
            next:
              - when: "{{ succeeded() }}"
                publish: {checked: true}
                do: report
              - when: "{{ failed() }}"
                do: fail
          - name: report
            action: core.noop
        """,
        values="an array of transitions",
        related=("do", "publish", "when", "succeeded", "failed", "join"),
    ),
    Entry(
        "task key",
        "tasks",
        "The tasks that a task of `type: parallel` runs at the same time. Its result maps their "
        "names to their results.",
        """
        tasks:
          - name: both
            type: parallel
            tasks:
              - name: unit
                action: core.echo
                input: {message: ok}
              - name: style
                action: core.noop
        output_map: {unit: "{{ task.both.unit.message }}"}
        """,
        values="an array of tasks, or an object of names and tasks",
        related=("type", "join"),
    ),
    Entry(
        "task key",
        "start",
        "Whether a run starts with this task, though another task leads to it. So a workflow may "
        "begin with a cycle.",
        """
        vars: {turn: 0}
        tasks:
          - name: count
            start: true
            action: core.noop
            next:
              - publish: [{turn: "{{ workflow.turn + 1 }}"}]
                do: check
          - name: check
            action: core.noop
            next:
              - when: "{{ workflow.turn < 3 }}"
                do: count
        """,
        values="`true` or `false`; default `false`",
        related=("next", "tasks", "do"),
    ),
    Entry(
        "task key",
        "on_success",
        "Older form of `next`: the tasks to start on success.",
        """
        tasks:
          - name: check
            action: core.noop
            on_success: report
          - name: report
            action: core.noop
        """,
        values="a name, or an array of names or branches",
        related=("next", "succeeded"),
        form="older",
    ),
    Entry(
        "task key",
        "on_failure",
        "Older form of `next`: the tasks to start on failure.",
        """
        tasks:
          - name: check
            action: core.noop
            on_failure: [alert]
          - name: alert
            action: core.noop
        """,
        values="a name, or an array of names or branches",
        related=("next", "failed"),
        form="older",
    ),
    Entry(
        "task key",
        "on_complete",
        "Older form of `next`: the tasks to start after any end.",
        """
        tasks:
          - name: check
            action: core.noop
            on_complete: [clean]
          - name: clean
            action: core.noop
        """,
        values="a name, or an array of names or branches",
        related=("next", "completed"),
        form="older",
    ),
    Entry(
        "task key",
        "on_timeout",
        "Older form of `next`: the tasks to start on a timeout.",
        """
        tasks:
          - name: check
            action: core.noop
            timeout: 5
            on_timeout: [alert]
          - name: alert
            action: core.noop
        """,
        values="a name, or an array of names or branches",
        related=("next", "timed_out"),
        form="older",
    ),
    Entry(
        "task key",
        "decision",
        "Older form of `next`: start the tasks of the branches whose condition is true; the "
        "`default` if there is none.",
        """
        tasks:
          - name: check
            action: core.echo
            input: {message: 5}
            decision:
              - {when: "{{ result().message > 3 }}", next: many}
              - {default: few}
          - name: many
            action: core.noop
          - name: few
            action: core.noop
        """,
        values="an array of objects with `when` and `next`, or `default`",
        related=("next", "default"),
        form="older",
    ),
    Entry(
        "task key",
        "publish",
        "Older form of a transition's `publish`: variables to set on success.",
        """
        tasks:
          - name: check
            action: core.echo
            input: {message: 5}
            publish: {found: "{{ result().message }}"}
        """,
        values="a name, an array of names, an object, or an array of objects with one key",
        related=("next", "workflow"),
        form="older",
    ),
    Entry(
        "task key",
        "permission_set_refs",
        "Kept for the Attune platform, which runs the task with these permissions; it changes "
        "nothing here.",
        """
        tasks:
          - name: report
            action: core.noop
            permission_set_refs: [shop.readers]
        """,
        values="any value",
        form="attune",
    ),
    Entry(
        "task key",
        "worker_selector",
        "The Dask resources that a worker must have for the task, and how much of each an attempt "
        "takes. Other backends ignore it.",
        """
        tasks:
          - name: train
            action: core.noop
            worker_selector: {GPU: 1}
        """,
        values="an object of names and amounts",
        related=("keep_results", "backends"),
        form="attune",
    ),
    Entry(
        "task key",
        "worker_tolerations",
        "Kept for the Attune platform, which places attempts by it; it changes nothing here.",
        """
        tasks:
          - name: report
            action: core.noop
            worker_tolerations: [{key: dedicated}]
        """,
        values="any value",
        form="attune",
    ),
    Entry(
        "task key",
        "worker_affinity",
        "Kept for the Attune platform, which places attempts by it; it changes nothing here.",
        """
        tasks:
          - name: report
            action: core.noop
            worker_affinity: {zone: a}
        """,
        values="any value",
        form="attune",
    ),
    Entry(
        "task key",
        "trace_tag_template",
        "Kept for the Attune platform, which marks the task's execution with this text; it changes "
        "nothing here.",
        """
        tasks:
          - name: report
            action: core.noop
            trace_tag_template: "{{ parameters.ticket }}"
        parameters: {ticket: {type: string}}
        """,
        values="any value",
        form="attune",
    ),
    Entry(
        "task key",
        "__chart_meta__",
        "Kept for the editor of the Attune platform, which stores the task's place in its drawing; "
        "it changes nothing here.",
        """
        tasks:
          - name: report
            action: core.noop
            __chart_meta__: {x: 10, y: 20}
        """,
        values="any value",
        form="attune",
    ),
)

_RATE_LIMIT = (
    Entry(
        "rate limit key",
        "count",
        "How many attempts may start in the time of `per`.",
        """
        tasks:
          - name: call
            action: core.noop
            rate_limit: {count: 100, per: 60}
        """,
        values="a number above 0",
        related=("rate_limit", "per"),
    ),
    Entry(
        "rate limit key",
        "per",
        "The time in which so many attempts may start, in seconds.",
        """
        tasks:
          - name: call
            action: core.noop
            rate_limit: {count: 5, per: 0.1}
        """,
        values="a number of seconds, above 0; default 1",
        related=("rate_limit",),
    ),
)

_WAIT_FOR = (
    Entry(
        "wait for key",
        "inquiry",
        "The id of the inquiry, as the action that asked has returned it.",
        """
        tasks:
          - name: request_approval
            action: core.echo
            input: {message: an action of a pack opens the inquiry and returns its id}
            next: [{do: deploy}]
          - name: deploy
            action: core.noop
            wait_for: {inquiry: "{{ task.request_approval.inquiry_id }}"}
        """,
        values="a template that gives an integer of 1 or more",
        related=("wait_for",),
    ),
)

_RETRY = (
    Entry(
        "retry key",
        "count",
        "How many more attempts are made after the first.",
        """
        tasks:
          - name: fetch
            action: core.noop
            retry: {count: 3}
        """,
        values="an integer from 1 to 100",
        related=("retry", "attempts"),
    ),
    Entry(
        "retry key",
        "delay",
        "Seconds to wait before another attempt. `backoff` says how the wait grows.",
        """
        tasks:
          - name: fetch
            action: core.noop
            retry: {count: 3, delay: 0.5}
        """,
        values="a number of seconds, 0 or more; default 0",
        related=("retry", "backoff", "max_delay"),
    ),
    Entry(
        "retry key",
        "backoff",
        "How the wait grows from attempt to attempt. With `delay: 2`, `constant` waits 2, 2, 2 "
        "seconds, `linear` 2, 4, 6 and `exponential` 2, 4, 8.",
        """
        tasks:
          - name: fetch
            action: core.noop
            retry: {count: 5, delay: 0.5, backoff: exponential}
        """,
        values="`constant`, `linear` or `exponential`; default `constant`",
        related=("retry", "delay", "max_delay"),
    ),
    Entry(
        "retry key",
        "max_delay",
        "The longest wait between two attempts, in seconds.",
        """
        tasks:
          - name: fetch
            action: core.noop
            retry: {count: 10, delay: 1, backoff: exponential, max_delay: 30}
        """,
        values="a number of seconds, 0 or more",
        related=("retry", "delay", "backoff"),
    ),
    Entry(
        "retry key",
        "on_error",
        "Regular expressions. An attempt is made again only if one of them is found in the type of "
        "its error, in a base class of it or in the message; for a group of errors, as "
        "`asyncio.TaskGroup` raises it, also in those of each of them. Without `on_error` every "
        "failure is retried.",
        """
        tasks:
          - name: fetch
            action: core.noop
            retry: {count: 3, on_error: [Timeout, "status 5.."]}
        """,
        values="a pattern, or an array of patterns",
        related=("retry", "count"),
    ),
)

_TRANSITION = (
    Entry(
        "transition key",
        "when",
        "Whether the transition fires, such as `{{ succeeded() }}`. Without it the transition "
        "always fires, also after a failure.",
        """
        tasks:
          - name: count
            action: core.echo
            input: {message: 5}
            next:
              - when: "{{ succeeded() and result().message > 3 }}"
                do: alert
          - name: alert
            action: core.noop
        """,
        values="a condition, with or without `{{ }}`, or a boolean",
        related=("next", "succeeded", "failed", "timed_out", "result"),
    ),
    Entry(
        "transition key",
        "publish",
        "Variables to set, which later expressions read as `workflow.NAME`. A bare name is set to "
        "the task's result. It happens before the tasks of `do` start.",
        """
        tasks:
          - name: count
            action: core.echo
            input: {message: 5}
            next:
              - publish: {total: "{{ result().message }}"}
                do: show
          - name: show
            action: core.echo
            input: {message: "{{ workflow.total }}"}
        """,
        values="a name, an array of names, an object, or an array of objects with one key",
        related=("vars", "workflow", "result"),
    ),
    Entry(
        "transition key",
        "do",
        "The tasks to start; `noop` does nothing, so that a failure counts as handled, and `fail` "
        "fails the run.",
        """
        tasks:
          - name: build
            action: core.noop
            next:
              - when: "{{ succeeded() }}"
                do: [publish, announce]
              - when: "{{ failed() }}"
                do: fail
          - name: publish
            action: core.noop
          - name: announce
            action: core.noop
        """,
        values="a name, or an array of names",
        related=("next", "noop", "fail", "join"),
    ),
    Entry(
        "transition key",
        "__chart_meta__",
        "Kept for the editor of the Attune platform, which stores the label and the colour of the "
        "arrow; it changes nothing here.",
        """
        tasks:
          - name: build
            action: core.noop
            next:
              - do: publish
                __chart_meta__: {label: built, color: "#3b82f6"}
          - name: publish
            action: core.noop
        """,
        values="any value",
        form="attune",
    ),
)

_BRANCH = (
    Entry(
        "branch key",
        "when",
        "A further condition of a branch, besides how the task ended.",
        """
        tasks:
          - name: count
            action: core.echo
            input: {message: 5}
            on_success:
              - {when: "{{ result().message > 3 }}", do: alert}
          - name: alert
            action: core.noop
        """,
        values="a condition, with or without `{{ }}`, or a boolean",
        related=("on_success", "next"),
        form="older",
    ),
    Entry(
        "branch key",
        "do",
        "The tasks to start after this branch; `noop` does nothing, `fail` fails the run.",
        """
        tasks:
          - name: check
            action: core.noop
            on_failure: [{do: fail}]
        """,
        values="a name, or an array of names",
        related=("on_success", "next"),
        form="older",
    ),
    Entry(
        "branch key",
        "publish",
        "Variables to set in this branch; a bare name is set to the task's result.",
        """
        tasks:
          - name: count
            action: core.echo
            input: {message: 5}
            on_success: [{publish: count}]
        """,
        values="a name, an array of names, an object, or an array of objects with one key",
        related=("on_success", "next", "workflow"),
        form="older",
    ),
)

_DECISION = (
    Entry(
        "decision key",
        "when",
        "If this is true, the tasks of `next` start.",
        """
        tasks:
          - name: count
            action: core.echo
            input: {message: 5}
            decision:
              - {when: "{{ result().message > 3 }}", next: alert}
          - name: alert
            action: core.noop
        """,
        values="a condition, with or without `{{ }}`, or a boolean",
        related=("decision", "next"),
        form="older",
    ),
    Entry(
        "decision key",
        "next",
        "The tasks to start by this branch.",
        """
        tasks:
          - name: check
            action: core.noop
            decision: [{next: [report]}]
          - name: report
            action: core.noop
        """,
        values="a name, or an array of names",
        related=("decision",),
        form="older",
    ),
    Entry(
        "decision key",
        "default",
        "If no other branch fires: true (start the tasks of `next`), or the tasks.",
        """
        tasks:
          - name: check
            action: core.noop
            decision:
              - {when: "{{ result() == 'odd' }}", next: alert}
              - {default: report}
          - name: alert
            action: core.noop
          - name: report
            action: core.noop
        """,
        values="true, a name, or an array of names",
        related=("decision",),
        form="older",
    ),
)

KEYS: tuple[Entry, ...] = (
    *_WORKFLOW,
    *_TASK,
    *_RETRY,
    *_RATE_LIMIT,
    *_WAIT_FOR,
    *_TRANSITION,
    *_BRANCH,
    *_DECISION,
)
"""The keys in the order in which messages and completion list them."""

"""The core actions. Their arguments are read from the functions themselves."""

from __future__ import annotations

from attune_nb.reference.entry import Entry

__all__ = ["ACTIONS"]

ACTIONS: tuple[Entry, ...] = (
    Entry(
        "action",
        "core.noop",
        "Do nothing and return the input: a place where branches part or join.",
        """
        tasks:
          - name: begin
            action: core.noop
            next: [{do: [unit, style]}]
          - name: unit
            action: core.noop
          - name: style
            action: core.noop
        """,
        related=("join", "noop"),
    ),
    Entry(
        "action",
        "core.echo",
        "Return the message as `message`.",
        """
        tasks:
          - name: show
            action: core.echo
            input: {message: "It is {{ now() }}"}
        """,
        related=("expressions",),
    ),
    Entry(
        "action",
        "core.sleep",
        "Wait for a number of seconds.",
        """
        tasks:
          - name: wait
            action: core.sleep
            input: {seconds: 0.01}
        """,
        related=("delay", "timeout"),
    ),
    Entry(
        "action",
        "core.fail",
        "Fail with a message.",
        """
        tasks:
          - name: stop
            action: core.fail
            input: {message: not enough space}
        """,
        related=("fail", "failed"),
    ),
    Entry(
        "action",
        "core.ask",
        "Ask a person, and wait for the answer: the result is `{response}`. In a notebook the "
        "question is a form, in a terminal a prompt; `--answer`, `%attune answer` and `run.answer` "
        "answer it too.",
        """
        tasks:
          - name: approve
            action: core.ask
            input:
              prompt: Deploy now?
              response_schema: {type: boolean}
            next:
              - when: "{{ result().response == true }}"
                do: deploy
          - name: deploy
            action: core.noop
        """,
        related=("questions", "waiting", "answer"),
    ),
    Entry(
        "action",
        "core.shell",
        "Run a command: a line for the shell with `cmd`, or a program with `argv`. It returns "
        "`exit_code`, `stdout`, `stderr`, `data`: the output if it is JSON, and `data_error`: why "
        "JSON is not in `data`; an exit code other than 0 fails. Of a long output 10 MB are kept, "
        "and the command ends with the process that began it.",
        """
        tasks:
          - name: list
            action: core.shell
            input: {argv: [echo, hello]}
        output_map: {text: "{{ task.list.stdout }}"}
        """,
        related=("retry", "timeout"),
    ),
    Entry(
        "action",
        "core.http_request",
        "Send an HTTP request. It returns `status_code`, `headers`, `body` (null if it is no "
        "text), `content` (the bytes then), `json`, `url` and `elapsed_ms`. A status of 4xx or 5xx "
        "fails, unless `expect_status` says otherwise; a redirect to another server gets no "
        "password, and of the headers only `Accept`, `Accept-Language`, `Content-Type` and "
        "`User-Agent`.",
        """
        parameters:
          url: {type: string, default: "http://127.0.0.1:8000"}
        tasks:
          - name: fetch
            action: core.http_request
            retry: {count: 2, delay: 1}
            input:
              url: "{{ parameters.url }}"
              timeout: 5
        """,
        related=("retry", "timeout", "keystore"),
    ),
)
"""The core actions, the simplest first."""

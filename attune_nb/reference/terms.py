"""The terms of attune_nb: the words for its things, one meaning each.

Those of a user come first in each group; the others are words of the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attune_nb.reference.entry import Entry

if TYPE_CHECKING:
    from attune_nb.reference.entry import Form

__all__ = ["TERMS", "TERM_GROUPS"]

_WORKFLOWS = {
    "workflow": (
        "A YAML text that says which tasks run, in which order, and with which values. It is "
        "checked as a whole before it runs."
    ),
    "task": "A named step of a workflow: an action, its input, its transitions.",
    "parallel task": "A task of `type: parallel`, whose inner tasks run at the same time.",
    "transition": "A rule in a task's `next`: which task runs next, and on which condition.",
    "older form": (
        "Another way to write transitions: `on_success`, `decision`, a task's `publish`, and "
        "others."
    ),
    "join": "A task that waits for several branches, by its key `join`.",
    "item": "One element of a task's `with_items` array or iterable.",
    "action": "The function of a task: a `core.*` action, a Python function, or another workflow.",
    "parameter": "A named value that a run is given.",
    "declaration": "The JSON Schema of a parameter, with `required` and `secret`.",
    "variable": (
        "A named value of a workflow: `vars` sets it first, `publish` changes it for the "
        "tasks after a task."
    ),
    "template": (
        "A string with expressions, such as `hello {{ parameters.name }}`. It is compiled "
        "when the workflow is loaded."
    ),
    "expression": "The code between `{{` and `}}`, in the syntax of Jinja2.",
    "namespace": (
        "A name by which expressions find a part of the context: `parameters`, `workflow`, "
        "`task`, `config`, and others."
    ),
    "plain data": (
        "Null, booleans, numbers, strings, and arrays and objects of these. Expressions look "
        "into nothing else."
    ),
    "undefined": "Of a name: it has no value. An expression can test for it, or give a default.",
    "step budget": "How much work one evaluation of a template may do.",
    "frozen": "Of a value: read-only, so that tasks and items can share it.",
    "mask": "To replace secrets by `***` in everything that is shown or stored.",
    "problem": "One fault in a workflow's text, with its position.",
    "position": "Line and column in a workflow's text.",
}
_WORKFLOWS_IN_CODE = {
    "misfit": "A value that does not fit its declaration or schema.",
    "reference": (
        "The table of all words of the language: keys, functions, filters, names, statuses, "
        "with examples."
    ),
    "entry": (
        "One word of the reference in one of its meanings: an explanation, an example, "
        "related words."
    ),
    "topic": "A short introduction in the reference that leads to its words.",
}
_PACKS = {
    "pack": "An Attune pack: a folder with actions that run as processes, and workflows.",
    "ref": (
        "The name of a pack (`hostkit`), or of one of its actions or workflows (`hostkit.disk`)."
    ),
    "entry point": "The script or program of a pack's action.",
    "flat schema": "An object of names, each with its own declaration.",
    "pair": "The two files of a pack's workflow: that of the action, and that of the tasks.",
    "interpreter": "The program that runs an entry point: bash, a Python, a node.",
    "requirement": "A package that a pack needs: a line of its `requirements.txt`.",
    "constraint": "A further limit to the versions of a package, from the user.",
    "environment (of a pack)": (
        "A folder in the user's cache with the packages of one pack, made on request."
    ),
}
_RUNS = {
    "run": (
        "One execution of a workflow. It has an id, a status and, unless the store is `none`, "
        "a record."
    ),
    "form": (
        "Fields that a person fills in: the answer to a question, or the parameters of a workflow."
    ),
    "execution": (
        "One execution of a task within a run. It has an attempt for each item, or several if "
        "there are retries."
    ),
    "visit": "The number of an execution of the same task, from 1: a task in a cycle has several.",
    "attempt": "One call of an action for an item; a retry is another attempt.",
    "child run": (
        "A run that is an attempt of a task of another run, its parent: the task runs a workflow."
    ),
    "outermost run": "The run that is no child run. Its loop drives its child runs.",
    "path (of a task)": (
        "`deploy[3]/ping`: the task of a child run, after the task and the item that it is an "
        "attempt of."
    ),
    "outcome": "How an execution ended: status, result, error.",
    "task record": (
        "The outcome of a task as `task(NAME)` returns it: its fields, without the keys of "
        "its result."
    ),
    "failed item": (
        "An item whose last attempt failed or timed out, and that is not retried. A cancelled "
        "item has not failed."
    ),
    "data (of an error)": (
        "Values that an action had before it failed: an exit code, a body. It is the result "
        "of a failed item."
    ),
    "event": "A fact about a run, in the order of its log.",
    "answer in advance": (
        "An answer that was passed before its question opens: `answers=`, `--answer`."
    ),
    "started run": (
        "A run that a server has started, as a process of its own. Its mark names the process "
        "as long as it is alive."
    ),
    "output (of a run)": (
        "Everything that the process of a started run prints. Its log lines are those of its "
        "actions."
    ),
    "inquiry": (
        "A question that an action asks while it runs, by the platform's word; a later task "
        "can wait for its answer (`wait_for`)."
    ),
    "conductor": (
        "The part of attune_nb that decides how a run continues: a pure function of the state "
        "and the next event."
    ),
    "context": "The values that expressions see: parameters, variables, results.",
    "in doubt": "Of an attempt: it may or may not have run before a crash, and must not run twice.",
    "fork": "A run that reuses results of an earlier run, and runs the rest.",
    "retry": "A fork that runs failed tasks and items again.",
    "kind (of a run)": (
        "How a run differs from an ordinary one: dry run, mocked, fork of RUN, retry of RUN."
    ),
    "reused": "Of a result: an earlier run made it.",
    "older code": "The code of an action before it changed.",
    "forget": "To remove a run's record.",
    "resume": "To continue a paused or interrupted run.",
    "record": "The part of a run that the store keeps.",
    "table (on record)": (
        "A DataFrame, a Series, an array of NumPy or a table of Arrow in a file beside the store."
    ),
    "stored result": (
        "Plain data in a file beside the store, to which memory holds a reference "
        "(`keep_results: store`)."
    ),
    "claim": "The right of one process to write a run's record.",
    "replay": "To compute a run's state from its events.",
}
_RUNS_IN_CODE = {
    "request": (
        "The start of a run: workflow, parameters, options. A user request is a call such as "
        "cancel; a client request asks Dask's scheduler."
    ),
    "plan": "A run that was prepared and can be started.",
    "field": (
        "One value of a form: its kind, limits, choices and default as plain data for any page."
    ),
    "entry (of a form)": (
        "A field as a page of the server shows it. A person's input goes back as a text, a "
        "boolean, or the index of a choice."
    ),
    "round": "All executions that one arrival at a task leads to.",
    "channel": "The backend of one of the runs that share the backend of the outermost run.",
    "input (of the conductor)": "An event that the conductor did not decide itself.",
    "command": "A request of the conductor to the driver: start a task, set an alarm.",
    "step": "The processing of one input by the conductor, with all that follows from it.",
    "agenda": "The calls that a step still has to make.",
    "token": (
        "A branch of a run on its way to a task: its causes, and how often each task has run "
        "on the way."
    ),
    "open": "Of a task or a question: it has not ended.",
    "attended": (
        "Of a run: other processes answer its questions and decide its attempts in doubt. The "
        "call that waits for it goes on waiting."
    ),
    "attendant": (
        "Looks at the questions of a run while a call waits for it: asks in the terminal, "
        "hands the cell back, or pauses the run because nobody can answer."
    ),
    "alarm": "A timer that the conductor asked for.",
    "driver": "The loop that feeds the conductor with inputs and carries out its commands.",
    "moment": "The time and seed of one evaluation, so that it gives the same again.",
    "scope": "The context of one item: a reference to the context, the item and its index.",
    "begin": (
        "Of an item: to have its first attempt started. An item that has begun may be "
        "attempted again."
    ),
    "attempt group": (
        "Attempts of a batch that ended alike, of which only the items are known "
        "(`keep_results: none`)."
    ),
    "command (for a run)": "A request of another process to a run, in a file beside the store.",
    "mailbox": "The thread of a process that takes the commands for its runs and carries them out.",
}
_BACKENDS = {
    "backend": (
        "Where attempts run: in `threads`, in worker `processes`, on a `dask` cluster, or `inline`."
    ),
    "worker": "A thread or process that makes attempts.",
    "chunk": "Items that go to a worker together, so that few messages are needed.",
    "chunk size": "How many items a chunk holds. It follows from how long items take.",
    "failure limit": (
        "How many items of a job may fail for good (`max_failures`); once it is exceeded, no "
        "more begin."
    ),
    "pace": "The times at which the attempts of a job may start (`rate_limit`).",
    "quarantined": "Of an item: sent alone, after workers died that held it.",
    "idempotent": "Of an action: it may run twice for the same item without harm.",
    "remote reference": "Stands for a result that was kept on a cluster (`keep_results: cluster`).",
    "fetch": "Bring the value of a remote reference here.",
    "key (of a pack action)": (
        "A secret that an action asks the run for, by its ref: `jira.credentials`."
    ),
    "artifact": (
        "A file, a progress or an address that a pack action leaves behind, by a ref of its own."
    ),
    "envelope": (
        "The result of a pack action's process: `exit_code`, `succeeded`, `data` or `stdout`, "
        "and others."
    ),
}
_BACKENDS_IN_CODE = {
    "job": "One execution of a task at a backend.",
    "job spec": "The fixed settings of a job.",
    "item source": "The items of a job, read by index or pulled one at a time.",
    "result columns": "Indexes, statuses, times and results of attempts, column by column.",
    "batch": "Finished attempts that are reported together.",
    "outlet": "Leads the output of a worker's code to the attempt that it makes.",
    "output (of an attempt)": (
        "What an attempt has printed, until the engine takes it as log lines."
    ),
    "router": (
        "A stream over a standard stream, which sends each text to the output of its attempt."
    ),
    "slot": "Room for one more chunk or attempt at a worker.",
    "chunk queue": "The items of one job that wait to be sent in chunks.",
    "attempt queue": "The attempts of one job that wait: returned ones, retries, unread items.",
    "unrecorded": "Of an attempt: begun, and not on record yet (`report_every`).",
    "in flight": "Sent to a worker, not reported yet.",
    "report": (
        "A worker's message about a chunk; a partial report covers the items that have "
        "finished so far."
    ),
    "sequence number": "The number of a partial report.",
    "acknowledge": "Confirm a partial report, so that its rows are not sent again.",
    "probe": "Ask a worker for the status of its chunks.",
    "task spec": (
        "The data that a worker needs to run a job's items: action, input template, slice of "
        "the context."
    ),
    "context slice": "The part of the context that a task reads.",
    "reaper": "A process that ends the processes of a worker that died.",
    "supervisor": "A process that ends the commands of a process that died.",
    "mark": (
        "A text in the environment of a command, by which the processes that it has started "
        "are found."
    ),
}
_RECORDS_AND_RESULTS = {
    "store": "The SQLite file that holds the records of runs, by default `.attune/runs.db`.",
    "log line": "A line that an attempt, or a process that it started, has printed or logged.",
    "level (of a line)": "`stdout`, `stderr`, or the name of a logging level.",
    "frame": "A pandas DataFrame.",
    "metric": "A figure of a run.",
    "alert": "A line about a property of a run that may need action.",
    "timeline": "The chart of a run's executions over time.",
    "trace": (
        "A run in Chrome's trace format; its tracks and slices are Perfetto's. In `otel`: the "
        "spans of a run, for OpenTelemetry."
    ),
    "span": (
        "In `otel`: a run, an execution of a task or an attempt, with its start and its end, "
        "as OpenTelemetry has it."
    ),
    "notice": "An event of Jupyter: a run has changed its state.",
    "duration": "A length of time.",
    "scaling": "How a task's time grows with its items.",
    "page (of a run)": "A document of HTML in which a run is explored: `run.explore()`.",
    "pane": "A part of that page: tasks, graph, or details.",
    "lane": "The part of a timeline that shows one task, with all its executions.",
    "density strip": "A lane that shows how many attempts ran at once, instead of a bar for each.",
    "preview (of an item)": "A short, masked text of an item or its result, on the page of a run.",
    "critical path": "The chain of executions that decided when a run ended.",
    "node, edge": "A task (or an end) and a transition, in the graph of a workflow.",
}
_RECORDS_AND_RESULTS_IN_CODE = {
    "recorder": "Writes a run's events and log lines to the store.",
    "log batch": "The lines that the engine has passed on in one turn, packed.",
    "action (on a resource)": (
        "The purpose of a call of the server: `read`, `write`, `execute`. Jupyter's "
        "authorizer allows it or not."
    ),
    "route": "An address of the server, with its handler and the description of its methods.",
    "watch": "To get the states of a run, or of the list of runs, as they change.",
    "look": "One reading of a store that is watched: a statement, and more if it has changed.",
    "fold": "To make the state of a run from the rows of its events, one after another.",
    "snapshot, delta": "The state of a run as a message, and its change since the message before.",
    "tail": "The thread that looks at a store for all watchers of its runs.",
    "feed": "The latest state of a run, or of a list of runs, and its watchers.",
    "follower": "Reads a run and the runs within it: it gives each of them a reader of its own.",
    "sum (of attempts)": (
        "Stands for the attempts within a span of time, where a page would have too many of them."
    ),
    "rank": "A row of that graph's layout: tasks of one layer, or labels.",
    "bundle": (
        "Edges that share a channel in that layout: those of one transition, or those to one task."
    ),
    "detour": "The way of an edge from a column of a tall graph to the next column.",
    "card": (
        "A task that runs a workflow, in a graph: it names the tasks in it and counts its runs."
    ),
    "dummy vertex": "Holds the place of an edge, or of its label, in a rank that the edge passes.",
    "strategy, peer, side": "A way to do the same work, in a measurement.",
}


def _terms(group: str, terms: dict[str, str], form: Form) -> list[Entry]:
    """Return the entries of the terms of a group."""
    return [Entry("term", name, text, group=group, form=form) for name, text in terms.items()]


TERMS: tuple[Entry, ...] = (
    *_terms("Workflows", _WORKFLOWS, "usual"),
    *_terms("Packs", _PACKS, "usual"),
    *_terms("Runs", _RUNS, "usual"),
    *_terms("Backends", _BACKENDS, "usual"),
    *_terms("Records and results", _RECORDS_AND_RESULTS, "usual"),
    *_terms("Workflows", _WORKFLOWS_IN_CODE, "internal"),
    *_terms("Runs", _RUNS_IN_CODE, "internal"),
    *_terms("Backends", _BACKENDS_IN_CODE, "internal"),
    *_terms("Records and results", _RECORDS_AND_RESULTS_IN_CODE, "internal"),
)
"""The terms, those of the code last."""

TERM_GROUPS = tuple(dict.fromkeys(entry.group for entry in TERMS))
"""The groups of terms, in their order."""

"""The candidates that Tab offers, from IPython's own completer as front ends call it."""

import re

import pytest
from IPython.core.completer import provisionalcompleter

CELL = """%%attune health --set servers=fleet
parameters:
  servers: {type: array}
  limit: {type: integer, default: 3}
vars:
  - found: 0
tasks:
  - name: check
    action: check_server
    with_items: "{{ parameters.servers }}"
    retry: {count: 2, delay: 1}
    input: {server: "{{ item }}"}
    next:
      - when: "{{ succeeded() }}"
        do: report
  - name: report
    action: core.noop
"""


@pytest.fixture(scope="module")
def shell(ipython):
    ipython.run_cell("fleet = [1]\nsettings = {'n': [1]}\ndef check_server(server):\n    return 1")
    ipython.run_cell_magic("attune", "health --define", CELL.partition("\n")[2])

    small = "parameters: {n: {}}\ntasks: [{name: only, action: core.noop}]"
    ipython.run_cell_magic("attune", "small --out small_run", small)
    return ipython


def complete(shell, text, cursor):
    """Return the texts of the candidates of `%attune`."""
    return set(complete_in_order(shell, text, cursor))


def complete_in_order(shell, text, cursor):
    """Return the texts of the candidates of `%attune`, in their order."""
    with provisionalcompleter():
        completions = list(shell.Completer.completions(text, cursor))
    return [completion.text for completion in completions if completion.type == "attune"]


def complete_at_bar(shell, text):
    """Return the candidates at the position of `|`."""
    return complete(shell, text.replace("|", "", 1), text.index("|"))


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("%attune |", {"run", "list", "graph", "metrics", "answer"}),
        ("%attune gr|", {"graph"}),
        ("%attune run |", {"health", "small"}),
        ("%attune run health |", {"servers=", "limit="}),
        ("%attune run health servers=fl|", {"servers=fleet"}),
        ("%attune show he|", {"health"}),
        ("%attune status |", {"small", "small_run"}),
        ("%attune graph |", {"health", "small", "small_run"}),
        ("%attune results small_run |", {"only"}),
        ("%attune logs small_run |", {"only"}),
        ("%attune logs small_run --level |", {"stderr", "WARNING"}),
        ("%attune logs --|", {"--index", "--level", "--tail", "--follow"}),
        ("%%attune health --logs |", {"all", "none"}),
        ("%attune context small_run --at |", {"only"}),
        ("%attune context small_run --|", {"--at", "--help"}),
        ("%attune actions |", {"core.echo", "check_server", "health"}),
        ("%attune actions core.|", {"core.echo", "core.http_request"}),
        ("%attune help ret|", {"retry"}),
        ("%attune help core.e|", {"core.echo"}),
        ("%attune help timel|", {"timeline"}),
        ("%attune form he|", {"health"}),
        ("%attune form health servers=fleet |", {"servers=", "limit="}),
        ("%attune bench |", {"clone", "fanout"}),
        ("%attune fork small_run --at |", {"only"}),
        ("%attune resume --|", {"--backend", "--workers"}),
        ("%attune retry small_run --|", {"--backend", "--workers", "--set"}),
        ("%attune resume --backend |", {"threads", "dask"}),
        ("%attune retry --backend dask |", {"small", "small_run"}),
        ("%attune diff small_run |", {"small", "small_run"}),
        ("%attune forget |", {"small", "small_run"}),
        ("%attune forget small |", {"small", "small_run"}),
        ("%attune runs --status f|", {"failed"}),
        ("%attune runs --workflow |", {"health", "small"}),
        ("%attune run health --from |", {"check", "report"}),
        ("%attune run small --retry-failed |", {"small", "small_run"}),
        ("%%attune health --from |", {"check", "report"}),
        ("%%attune health --resume sm|", {"small", "small_run"}),
        ("%attune run health --ba|", {"--backend", "--background"}),
        ("%%attune health --|", {"--set", "--out", "--dry-run", "--debug", "--help"}),
        ("%%attune health --backend |", {"threads", "inline"}),
        ("%%attune health --params |", {"settings"}),
        ("%%attune health --set |", {"servers=", "limit="}),
        ("%%attune health --mock |", {"check=", "report="}),
        ("%%attune he|", {"health"}),
    ],
)
def test_a_line_is_completed(shell, line, candidates):
    assert candidates <= complete_at_bar(shell, line)


def test_the_runs_within_a_run_are_offered_by_their_paths(shell):
    outer = "tasks: [{name: deploy, action: small, with_items: [1, 2], next: [{do: last}]}, "
    outer += "{name: last, action: small}]"
    shell.run_cell_magic("attune", "outer", outer)

    paths = {"outer/deploy[0]", "outer/deploy[1]", "outer/last[0]"}
    assert complete_at_bar(shell, "%attune status outer/|") == paths
    assert complete_at_bar(shell, "%attune timeline outer/de|") == paths - {"outer/last[0]"}
    assert complete_at_bar(shell, "%attune results outer/deploy[1] |") == {"only"}
    assert complete_at_bar(shell, "%attune status small_run/|") == set()


def test_a_variable_may_have_the_name_of_an_argument(shell, monkeypatch):
    monkeypatch.setitem(shell.user_ns, "run", shell.user_ns["small_run"])

    assert complete_at_bar(shell, "%attune results run |") == {"only"}


@pytest.mark.parametrize(
    ("old", "new", "candidates", "excluded"),
    [
        ("vars:", "va|", {"vars: "}, {"action: "}),
        ("    action: check_server", "    ac|", {"action: "}, {"do: ", "vars: "}),
        ("action: check_server", "action: che|", {"check_server"}, {"core.echo"}),
        ("action: core.noop", "action: core.|", {"core.noop", "core.ask"}, {"check_server"}),
        ("do: report", "do: re|", {"report"}, {"check"}),
        ("do: report", "do: |", {"report", "check", "noop", "fail"}, set()),
        ("        do: report", "        d|", {"do: "}, {"delay: "}),
        ("{count: 2, delay: 1}", "{count: 2, b|", {"backoff: "}, {"batch_size: "}),
        ("{count: 2, delay: 1}", "{|", {"count: ", "on_error: ", "max_delay: "}, {"name: "}),
        ("retry: {count: 2, delay: 1}", "rate_limit: {|", {"count: ", "per: "}, {"delay: "}),
        ("    action: check_server", "    on|", set(), {"on_success: "}),
        ("delay: 1}", "backoff: |", {"linear", "constant", "exponential"}, set()),
        ("parameters.servers }}", "parameters.|", {"servers", "limit"}, {"found"}),
        ("parameters.servers }}", "workflow.|", {"found"}, {"servers"}),
        ("parameters.servers }}", "task.|", {"check", "report"}, set()),
        ("parameters.servers }}", "task.check.|", {"result", "failures", "successes"}, {"check"}),
        ("parameters.servers }}", "task.check.result.|", set(), {"result", "failures"}),
        ("parameters.servers }}", "ta|", {"task", "task("}, {"check"}),
        ("parameters.servers }}", "system.|", {"execution_id"}, {"check"}),
        ("parameters.servers }}", "inquiry.check.|", {"response"}, {"result"}),
        ("parameters.servers }}", "par|", {"parameters"}, {"item"}),
        ("parameters.servers }}", "item | up|", {"upper"}, {"range("}),
        ("parameters.servers }}", "item | |", {"map", "default", "upper"}, {"range("}),
        ("parameters.servers }}", "item is de|", {"defined"}, {"default"}),
        ("parameters.servers }}", "item is not de|", {"defined"}, {"default"}),
        ("parameters.servers }}", "ran|", {"range("}, set()),
        ("limit: {type: integer, default: 3}", "input: {type: bo|", {"boolean"}, {"false"}),
        ("limit: {type: integer, default: 3}", "limit: {ty|", {"type: "}, {"timeout: "}),
    ],
)
def test_a_cell_is_completed(shell, old, new, candidates, excluded):
    # the last bar is the cursor; a bar before it is a pipe of an expression
    text_before, _, _ = new.rpartition("|")
    cursor = CELL.index(old) + len(text_before)
    offered = complete(shell, CELL.replace(old, text_before, 1), cursor)

    assert candidates <= offered
    assert not excluded & offered


SETTLE = """
parameters: {kind: {enum: [low, high]}, is_late: {type: boolean}}
tasks: [{name: a, action: core.noop}]
"""
INPUTS = """%%attune
tasks:
  - name: first
    action: small
    input:
      n: 1
  - name: fetch
    with_items: [1, 2]
    input:
      url: "http://a"
      headers: {accept: text}
      @block

    action: core.http_request
    retry: {count: 1}
  - name: both
    type: parallel
    tasks:
      - name: inner
        input: @braces
        action: core.shell
      - {name: line, action: core.sleep, input: @line}
  - name: ask
    action: settle
    input:
      @own
"""


@pytest.mark.parametrize(
    ("place", "text", "candidates", "excluded"),
    [
        ("block", "|", {"method: ", "timeout: "}, {"url: ", "headers: ", "cmd: ", "n: "}),
        ("block", "me|", {"method: "}, {"timeout: "}),
        ("block", "verify_ssl: |", {"true", "false"}, {"noop"}),
        ("block", "auth_type: ba|", {"basic"}, {"bearer"}),
        ("braces", "{|", {"cmd: ", "argv: "}, {"url: ", "seconds: "}),
        ("braces", "{cmd: ls, |", {"cwd: "}, {"cmd: "}),
        ("braces", "{env: {cwd: a}, |, stdin: b}", {"cwd: "}, {"env: ", "stdin: "}),
        ("braces", "{env: {|", set(), {"cwd: "}),
        ("braces", "{response_schema: {ty|", {"type: "}, {"cwd: ", "timeout: "}),
        ("line", "{se|}", {"seconds: "}, {"cancel: "}),
        ("own", "|", {"kind: ", "is_late: "}, {"name: ", "action: "}),
        ("own", "kind: |", {"low", "high"}, {"true"}),
        ("own", "is_late: |", {"true", "false"}, {"low"}),
        ("own", "action: |", set(), {"core.echo"}),
    ],
)
def test_arguments_are_completed_in_an_input(shell, place, text, candidates, excluded):
    define = "parameters: {kind: {enum: [low, high]}, is_late: {type: boolean}}\n"
    shell.run_cell_magic(
        "attune", "settle --define", f"{define}tasks: [{{name: a, action: small}}]"
    )
    cursor = INPUTS.index(f"@{place}") + text.index("|")

    cell = INPUTS.replace(f"@{place}", text.replace("|", "", 1))
    # the other places become nulls, which keeps the positions before the cursor
    offered = complete(shell, re.sub(r"@\w+", lambda place: "~" * len(place[0]), cell), cursor)

    assert candidates <= offered
    assert not excluded & offered


def test_keys_and_arguments_are_in_the_order_of_writing(shell):
    retry_keys = complete_in_order(shell, f"{CELL}    retry: {{", len(CELL) + 12)
    text = CELL.replace("action: core.noop", "action: core.http_request\n    input: {")
    arguments = complete_in_order(shell, text.rstrip(), len(text.rstrip()))
    commands = complete_in_order(shell, "%attune ", 8)

    assert retry_keys == ["count: ", "delay: ", "backoff: ", "max_delay: ", "on_error: "]
    assert arguments[:3] == ["url: ", "method: ", "headers: "]
    assert commands == sorted(commands)


def test_arguments_of_a_function_are_completed(shell):
    text = CELL.replace('input: {server: "{{ item }}"}', "input: {|")
    assert complete_at_bar(shell, text) == {"server: "}


def test_arguments_of_an_unknown_action_are_not_completed(shell):
    text = CELL.replace("action: check_server", "action: nothing")
    assert complete_at_bar(shell, text.replace('{server: "{{ item }}"}', "{|")) == set()


def test_other_cells_are_not_completed(shell):
    assert complete_at_bar(shell, "fle|") == set()
    assert complete_at_bar(shell, "x = 1\n%timeit fle|") == set()


def test_answers_are_for_the_tasks_that_ask(shell):
    text = (
        "tasks: [{name: q, action: core.ask, input: {prompt: Go?}}, {name: a, action: core.noop}]"
    )
    shell.run_cell_magic("attune", "asking --define", text)

    assert complete_at_bar(shell, "%attune run asking --answer |") == {"q="}

    session = shell.magics_manager.registry["AttuneMagics"].session
    del session.workflows["asking"]
    del session.texts["asking"]

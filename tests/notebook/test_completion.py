"""The candidates that Tab offers, from IPython's own completer as front ends call it."""

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
    with provisionalcompleter():
        completions = list(shell.Completer.completions(text, cursor))
    return {completion.text for completion in completions if completion.type == "attune"}


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
        ("%attune context small_run --at |", {"only"}),
        ("%attune context small_run --|", {"--at", "--help"}),
        ("%attune bench |", {"clone", "fanout"}),
        ("%attune fork small_run --at |", {"only"}),
        ("%attune resume --|", {"--backend", "--workers"}),
        ("%attune retry small_run --|", {"--backend", "--workers", "--set"}),
        ("%attune resume --backend |", {"threads", "dask"}),
        ("%attune retry --backend dask |", {"small", "small_run"}),
        ("%attune diff small_run |", {"small", "small_run"}),
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
        ("delay: 1}", "backoff: |", {"linear", "constant", "exponential"}, set()),
        ("parameters.servers }}", "parameters.|", {"servers", "limit"}, {"found"}),
        ("parameters.servers }}", "workflow.|", {"found"}, {"servers"}),
        ("parameters.servers }}", "task.|", {"check", "report"}, set()),
        ("parameters.servers }}", "task.check.|", {"result"}, {"check"}),
        ("parameters.servers }}", "par|", {"parameters"}, {"item"}),
        ("parameters.servers }}", "item | up|", {"upper"}, {"range("}),
        ("parameters.servers }}", "ran|", {"range("}, set()),
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


def test_other_cells_are_not_completed(shell):
    assert complete_at_bar(shell, "fle|") == set()
    assert complete_at_bar(shell, "x = 1\n%timeit fle|") == set()

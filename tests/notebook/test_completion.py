"""What Tab offers, asked of IPython's own completer as the front ends ask it."""

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


def offered(shell, text):
    """Give what is offered where `|` stands, as the text that would stand there then."""
    at = text.index("|")
    whole = text.replace("|", "", 1)
    with provisionalcompleter():
        found = list(shell.Completer.completions(whole, at))
    return {whole[each.start : at][:0] + each.text for each in found if each.type == "attune"}


@pytest.mark.parametrize(
    ("line", "some"),
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
def test_a_line_offers(shell, line, some):
    assert some <= offered(shell, line)


@pytest.mark.parametrize(
    ("old", "new", "some", "none"),
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
def test_a_cell_offers_what_fits_there(shell, old, new, some, none):
    told = CELL.replace(old, new.replace("item | up|", "item \0 up|"), 1)
    at = told.rindex("|")
    whole = (told[:at] + told[at + 1 :]).replace("\0", "|")
    with provisionalcompleter():
        found = {
            each.text for each in shell.Completer.completions(whole, at) if each.type == "attune"
        }
    assert some <= found
    assert not none & found


def test_other_cells_are_left_alone(shell):
    assert offered(shell, "fle|") == set()
    assert offered(shell, "x = 1\n%timeit fle|") == set()

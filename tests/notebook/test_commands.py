"""Every option of `%%attune` and every command of `%attune`, in IPython."""

import json
import re

import pytest
from IPython.core.error import UsageError
from IPython.utils.capture import capture_output

from attune_nb.errors import BackendError, WorkflowError
from attune_nb.values.remote import RemoteReference

FAN_OUT = """
parameters:
  n: {type: array, default: [1, 2]}
tasks:
  - name: double
    action: double
    with_items: "{{ parameters.n }}"
    input: {x: "{{ item }}"}
    next: [{publish: [{all: "{{ result() }}"}], do: end}]
  - {name: end, action: core.echo, input: {message: "{{ workflow.all }}"}}
output_map: {found: "{{ workflow.all }}"}
"""
BREAKS = "tasks: [{name: a, action: breaks, input: {x: 1}}]"
ASK = "tasks: [{name: q, action: core.ask, input: {prompt: Shall we?}}]"
DEFINE_DOUBLE = "def double(x):\n    'Give twice as much.'\n    return 2 * x"


@pytest.fixture(scope="module")
def shell(ipython):
    ipython.run_cell(DEFINE_DOUBLE)
    return ipython


@pytest.fixture
def run(shell):
    """A run in the variable `run`."""
    shell.run_cell_magic("attune", "doubling --out run", FAN_OUT)
    return shell.user_ns["run"]


def run_line(shell, text):
    """Return the value of a line with `%attune`."""
    return shell.run_line_magic("attune", text)


def printed_by(shell, text):
    """Return the text that a cell prints."""
    with capture_output() as output:
        shell.run_cell(text)
    return output.stdout + output.stderr


# --- options ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "variable", "expression"])
def test_params_takes_a_file_a_variable_or_an_expression(shell, tmp_path, kind):
    (tmp_path / "p.json").write_text(json.dumps({"n": [7]}))
    shell.user_ns["settings"] = {"n": [7]}
    arguments = {"file": tmp_path / "p.json", "variable": "settings", "expression": "{'n': [7]}"}

    shell.run_cell_magic("attune", f"doubling --params {arguments[kind]} --out run", FAN_OUT)

    assert shell.user_ns["run"].result("double") == [14]


def test_a_cell_takes_the_name_of_its_text(shell):
    shell.run_cell_magic("attune", "--out run", "name: twice as much\n" + FAN_OUT)

    assert shell.user_ns["run"].events[0].workflow == "twice as much"
    assert run_line(shell, "run 'twice as much' n=[8]").result("double") == [16]


def test_a_cell_without_a_name_is_recorded_under_its_first_task(shell, tmp_path):
    options = f"--store {tmp_path / 'runs.db'} --out run"
    shell.run_cell_magic("attune", options, FAN_OUT)
    assert shell.user_ns["run"].events[0].workflow == "double"

    shell.run_cell_magic("attune", f"{options} --from end", FAN_OUT)
    assert shell.user_ns["run"].events[0].workflow == "double"


SUSPICIOUS = """
parameters: {day: {default: "{{ now() }}"}}
tasks: [{name: a, action: core.noop}]
"""


@pytest.mark.parametrize("option", ["", "--define"])
def test_a_cell_shows_the_warnings_of_its_workflow_once(shell, option):
    text = printed_by(shell, f"%%attune daily {option}\n{SUSPICIOUS}")
    (line,) = [line for line in text.splitlines() if line.startswith("warning")]

    assert line.startswith("warning: <cell>, line 3, column 29: the default of parameter `day`")
    assert "warning" not in printed_by(shell, "%attune run daily --quiet")


def test_a_loaded_file_takes_the_name_of_its_text(shell, tmp_path):
    path = tmp_path / "daily.yaml"
    path.write_text("name: twice as much\n" + FAN_OUT)

    assert "twice as much: 2 tasks, defined" in str(run_line(shell, f"load {path}"))
    assert "thrice: 2 tasks, defined" in str(run_line(shell, f"load {path} --as thrice"))


def test_loading_a_file_shows_its_warnings(shell, tmp_path):
    path = tmp_path / "daily.yaml"
    path.write_text(SUSPICIOUS)

    assert f"warning: {path}, line 2" in printed_by(shell, f"%attune load {path}")


def test_set_takes_precedence_over_params(shell):
    shell.user_ns["settings"] = {"n": [7]}
    shell.run_cell_magic("attune", "doubling --params settings --set n=[8] --out run", FAN_OUT)

    assert shell.user_ns["run"].result("double") == [16]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--params nothing.yaml", "cannot read `nothing.yaml`"),
        ("--params 3", "(.yaml, .yml, .json) or a dict, and `3` is an integer"),
        ("--params nothing", "(.yaml, .yml, .json) or a dict, and `nothing` is neither"),
        ("--out 1x", "--out takes a variable's name, not `1x`"),
        ("--mock double", "--mock takes TASK=EXPR"),
        ("--backend thraeds", "there is no backend `thraeds`; did you mean `threads`?"),
        ("core.echo", "`core.` is reserved for built-in actions; choose another name"),
    ],
)
def test_a_wrong_option_is_one_line_of_error(shell, option, message):
    name = "" if option.startswith("core") else "doubling "
    text = printed_by(shell, f"%%attune {name}{option}\n{FAN_OUT}")

    assert message in text
    assert "Traceback" not in text


def test_a_mistyped_variable_is_a_string_with_a_warning(shell):
    shell.user_ns["servers"] = [1]
    workflow = "parameters: {s: {}}\ntasks: [{name: a, action: core.noop}]"

    text = printed_by(shell, f"%%attune small --set s=servres --out run\n{workflow}")

    assert (
        "--set s: `servres` is not a variable, so it is used as a string; "
        "did you mean `servers`?" in text
    )
    assert shell.user_ns["run"].context.parameters["s"] == "servres"


def test_dry_run_and_mock_run_no_action(shell):
    shell.run_cell_magic("attune", "doubling --mock double=[5] --out run", FAN_OUT)
    assert shell.user_ns["run"].result("double") == [[5], [5]]

    shell.run_cell_magic("attune", "doubling --dry-run --out run", FAN_OUT)
    assert shell.user_ns["run"].result("double") == [None, None]


def test_a_background_run_returns_at_once(shell):
    shell.run_cell("import threading\ngate = threading.Event()\ndef waits(): gate.wait(90)")
    workflow = "tasks: [{name: a, action: waits}]"

    shell.run_cell_magic("attune", "waiting --background --out run", workflow)
    assert shell.user_ns["run"].status in ("pending", "running")

    shell.user_ns["gate"].set()
    assert shell.user_ns["run"].wait(60)
    assert shell.user_ns["run"].status == "succeeded"


def test_quiet_shows_nothing_and_keeps_the_last_value(shell):
    shell.run_cell(f"%%attune doubling --quiet --out run\n{FAN_OUT}", store_history=True)

    assert shell.user_ns["_"] is shell.user_ns["run"]
    assert printed_by(shell, f"%%attune doubling --quiet\n{FAN_OUT}") == ""


def test_debug_shows_the_frames_of_the_action(shell):
    shell.run_cell("def breaks(x):\n    raise ZeroDivisionError('here')")
    text = printed_by(shell, "%%attune broken --debug\n" + BREAKS)

    assert "ZeroDivisionError" in text
    assert "in breaks(x)" in text
    assert "attune_nb" not in text.partition("ZeroDivisionError")[0]


@pytest.mark.parametrize(("backend", "count"), [("processes", 1), ("inline", 0)])
def test_debug_warns_that_another_backend_is_ignored(shell, backend, count):
    text = printed_by(shell, f"%%attune doubling --debug --backend {backend} --out run\n{FAN_OUT}")

    warning = "--debug runs the workflow inline, in this thread: `--backend processes` is ignored"
    assert text.count(warning) == count
    assert text.count("--debug runs") == count
    assert shell.user_ns["run"].status == "succeeded"


def test_options_have_configured_defaults(shell):
    shell.run_line_magic("config", "AttuneMagics.out = 'last_run'")
    shell.run_line_magic("config", "AttuneMagics.backend = 'inline'")
    try:
        shell.run_cell_magic("attune", "doubling", FAN_OUT)
        assert shell.user_ns["last_run"].status == "succeeded"

        assert "backend" in printed_by(shell, "%config AttuneMagics")
        printed_by(shell, "%config AttuneMagics.backend = 'nowhere'")
        assert "'inline'" in printed_by(shell, "%config AttuneMagics.backend")
    finally:
        shell.run_line_magic("config", "AttuneMagics.out = ''")
        shell.run_line_magic("config", "AttuneMagics.backend = 'threads'")


def test_defaults_are_listed_and_checked_when_used(shell):
    defaults = repr(run_line(shell, "config"))
    assert re.search(r"^workers +None +The most threads", defaults, re.MULTILINE)

    printed_by(shell, "%config AttuneMagics.out = '1 x'")
    try:
        text = printed_by(shell, "%attune run doubling n=[1]")
        assert "variable's name, not `1 x`" in text
    finally:
        printed_by(shell, "%config AttuneMagics.out = ''")

    with pytest.raises(BackendError, match="`workers` must be an integer"):
        shell.run_cell_magic("attune", "doubling --workers 0", FAN_OUT)


@pytest.mark.parametrize("name", ["workers", "concurrency"])
def test_a_default_below_one_is_refused_at_once(shell, name, caplog):
    for value in (0, -3):
        caplog.clear()
        # IPython logs the error
        printed_by(shell, f"%config AttuneMagics.{name} = {value}")
        assert f"'{name}' trait of an AttuneMagics instance should not be less" in caplog.text
        assert "less than 1" in caplog.text
    assert re.search(rf"^{name} +None", repr(run_line(shell, "config")), re.MULTILINE)

    printed_by(shell, f"%config AttuneMagics.{name} = 2")
    printed_by(shell, f"%config AttuneMagics.{name} = None")
    assert re.search(rf"^{name} +None", repr(run_line(shell, "config")), re.MULTILINE)


def test_a_run_that_has_ended_cannot_be_controlled(shell):
    shell.run_cell_magic("attune", "doubling", FAN_OUT)

    for command in ("pause", "resume", "cancel"):
        text = printed_by(shell, f"%attune {command} doubling")
        assert "of `doubling` has already ended: succeeded" in text


def test_runs_of_an_earlier_kernel_are_in_the_store(shell, tmp_path):
    store = tmp_path / "runs.db"
    shell.run_cell_magic("attune", f"doubling --store {store} --out earlier", FAN_OUT)
    run = shell.user_ns.pop("earlier")
    shell.run_cell_magic("attune", "doubling", FAN_OUT)

    # as after a restart
    magics = shell.magics_manager.registry["AttuneMagics"]
    magics.session.runs.pop(run.run_id)
    with pytest.raises(UsageError, match="and not the id of a run"):
        run_line(shell, f"status {run.run_id}")

    shell.run_line_magic("config", f"AttuneMagics.store = '{store}'")
    try:
        assert run.run_id in repr(run_line(shell, "runs"))
        assert repr(run_line(shell, f"status {run.run_id}")) == repr(run)
        assert run_line(shell, f"results {run.run_id} double").equals(run.items("double"))
    finally:
        shell.run_line_magic("config", "AttuneMagics.store = ''")


def test_only_the_configuration_allows_imports(shell):
    cell = "tasks: [{name: a, action: 'json:dumps', input: {obj: [1]}}]"
    with pytest.raises(WorkflowError, match=r"%config AttuneMagics\.allow_imports = True"):
        shell.run_cell_magic("attune", "dumps", cell)

    shell.run_line_magic("config", "AttuneMagics.allow_imports = True")
    try:
        shell.run_cell_magic("attune", "dumps --out dumped", cell)
    finally:
        shell.run_line_magic("config", "AttuneMagics.allow_imports = False")
    assert shell.user_ns["dumped"].result("a") == "[1]"


# --- help ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["%attune", "%attune --help", "%attune run --help"])
def test_help_lists_the_options_and_the_commands(shell, text):
    help_text = repr(run_line(shell, text.removeprefix("%attune").strip()))

    assert "--background" in help_text
    assert re.search(r"^  timeline +Draw the timeline of a run", help_text, re.MULTILINE)


def test_a_command_has_its_own_help(shell):
    help_text = repr(run_line(shell, "context --help"))

    assert "--at TASK" in help_text
    assert "as this task saw it" in help_text


def test_a_question_mark_shows_the_options(shell):
    assert "--concurrency" in shell.object_inspect_text("%%attune") or "--concurrency" in str(
        shell.find_line_magic("attune").__doc__
    )


# --- commands --------------------------------------------------------------------------------


def test_actions_are_listed_with_their_summaries(shell):
    listing = repr(run_line(shell, "actions"))

    assert re.search(r"^core\.shell +\S+", listing, re.MULTILINE)
    assert re.search(r"^double +Give twice as much\.", listing, re.MULTILINE)


def test_a_run_is_named_by_variable_workflow_or_id(shell, run):
    for word in ("run", "doubling", run.run_id, ""):
        assert run_line(shell, f"status {word}") is run

    assert run.run_id in repr(run_line(shell, "runs"))
    assert "doubling" in run_line(shell, "runs")._repr_html_()


def test_results_are_the_output_the_rows_or_the_value(shell, run):
    assert run_line(shell, "results run") == {"found": [2, 4]}
    assert list(run_line(shell, "results run double")["result"]) == [2, 4]
    assert run_line(shell, "results run end") == {"message": [2, 4]}


class KeptResult(RemoteReference):
    """A result on a cluster that must not be fetched."""

    def get(self, gathered=None):
        raise AssertionError("it is fetched")

    def __repr__(self):
        return "<a list, on the cluster>"

    @classmethod
    def gather(cls, references):
        raise AssertionError("nothing is to be fetched")


def test_rows_of_results_fetch_nothing_from_a_cluster(shell):
    shell.user_ns["double"] = lambda x: KeptResult()
    workflow = FAN_OUT.partition("    next")[0]
    shell.run_cell_magic("attune", "kept --out kept --set n=[1,2]", workflow)
    shell.run_cell(DEFINE_DOUBLE)

    rows = run_line(shell, "results kept double")

    assert str(rows["result"][1]) == "<a list, on the cluster>"
    assert "2" in rows._repr_html_()


def test_the_context_is_of_now_or_of_a_task_s_start(shell, run):
    assert run_line(shell, "context run").variables["all"] == [2, 4]
    assert "all" not in run_line(shell, "context run --at double").variables


def test_timeline_and_graph_are_figures(shell, run):
    for text in ("timeline run", "timeline --dark", "graph doubling", "graph run --dark"):
        assert type(run_line(shell, text)).__name__ == "ChartFigure"


def test_the_graph_of_a_workflow_shows_the_one_of_another_cell(shell):
    shell.run_cell_magic("attune", "inner --define", FAN_OUT)
    shell.run_cell_magic("attune", "outer --define", "tasks: [{name: a, action: inner}]")
    texts = [text.get_text() for text in run_line(shell, "graph outer").axes[0].texts]
    assert {"workflow inner · 2 tasks", "double", "end"} <= set(texts)


def test_explore_shows_a_page_and_writes_it(shell, run, tmp_path):
    page = tmp_path / "page.html"
    output = run_line(shell, f"explore run -o {page}")

    assert "<iframe" in output._repr_mimebundle_()["text/html"]
    assert page.read_text() == output.html


def test_events_are_lines(shell, run):
    events = repr(run_line(shell, "events run"))

    assert re.search(r"TaskStarted +task='double'", events)
    assert "attempts=2 failed=0" in events


def test_a_question_is_answered(shell):
    shell.run_cell_magic("attune", "asking --background --out asking_run", ASK)
    asking_run = shell.user_ns["asking_run"]
    while not asking_run.questions:
        asking_run.wait(0.01)

    text = printed_by(shell, "%attune answer asking_run p yes")
    assert "has no open question" in text

    run_line(shell, "answer asking_run q {'a':1}")
    assert asking_run.wait(60)
    assert asking_run.result("q") == {"response": {"a": 1}}


def test_a_run_is_paused_resumed_and_cancelled(shell):
    shell.run_cell_magic("attune", "asking --background --out asking_run", ASK)
    asking_run = shell.user_ns["asking_run"]

    for command, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        run_line(shell, f"{command} asking_run")
        for _ in range(500):
            if asking_run.status == status:
                break
            asking_run.wait(0.01)
        assert asking_run.status == status


def test_a_workflow_is_saved_loaded_and_exported(shell, run, tmp_path):
    run_line(shell, f"save doubling {tmp_path}/again.yaml")

    assert "again: 2 tasks" in repr(run_line(shell, f"load {tmp_path}/again.yaml"))
    assert run_line(shell, "run again").status == "succeeded"
    assert "named: 2 tasks" in repr(run_line(shell, f"load {tmp_path}/again.yaml --as named"))

    run_line(shell, f"export doubling {tmp_path}/pack")
    assert (tmp_path / "pack/actions/doubling.yaml").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("status runn", "did you mean `run`?"),
        ("show doublin", "did you mean `doubling`?"),
        ("results run doubel", "did you mean `double`?"),
        ("context run --at", "expected one argument"),
        ("resume --bakcend dask", "did you mean `--backend`?"),
        ("load /nowhere.yaml", "cannot read"),
        ("save doubling /nowhere/x.yaml", "No such file"),
        ("graph nothing_here", "not a workflow that has run"),
        ("answer run", "required: task, expression"),
        ("tmieline run", "did you mean `timeline`?"),
        ("run", "takes a workflow's name"),
        ("run doubling n", "--set NAME is short for NAME=NAME, and there is no such variable"),
    ],
)
def test_a_wrong_command_is_one_line_of_error(shell, run, text, message):
    output = printed_by(shell, f"%attune {text}")

    assert message in output
    assert "Traceback" not in output


def test_unloading_removes_everything_until_loaded_again(shell):
    shell.run_line_magic("unload_ext", "attune_nb")
    try:
        assert shell.find_line_magic("attune") is None
        assert shell.find_cell_magic("attune") is None

        matchers = shell.Completer.custom_matchers
        assert [matcher for matcher in matchers if hasattr(matcher, "is_of_attune")] == []

        names = [type(configurable).__name__ for configurable in shell.configurables]
        assert "AttuneMagics" not in names
    finally:
        shell.run_line_magic("load_ext", "attune_nb")

    shell.run_cell_magic("attune", "doubling --out run", FAN_OUT)
    assert shell.user_ns["run"].status == "succeeded"

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


@pytest.fixture(scope="module")
def shell(ipython):
    ipython.run_cell("def double(x):\n    'Give twice as much.'\n    return 2 * x")
    return ipython


@pytest.fixture
def run(shell):
    """A run in the variable `run`."""
    shell.run_cell_magic("attune", "doubling --out run", FAN_OUT)
    return shell.user_ns["run"]


def line(shell, text):
    return shell.run_line_magic("attune", text)


def told(shell, text):
    """Give what a cell writes."""
    with capture_output() as shown:
        shell.run_cell(text)
    return shown.stdout + shown.stderr


# --- options ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "variable", "expression"])
def test_params_are_a_file_a_variable_or_an_expression(shell, tmp_path, kind):
    (tmp_path / "p.json").write_text(json.dumps({"n": [7]}))
    shell.user_ns["given"] = {"n": [7]}
    words = {"file": tmp_path / "p.json", "variable": "given", "expression": "{'n': [7]}"}
    shell.run_cell_magic("attune", f"doubling --params {words[kind]} --out run", FAN_OUT)
    assert shell.user_ns["run"].result("double") == [14]


def test_set_goes_before_params(shell):
    shell.user_ns["given"] = {"n": [7]}
    shell.run_cell_magic("attune", "doubling --params given --set n=[8] --out run", FAN_OUT)
    assert shell.user_ns["run"].result("double") == [16]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--params nothing.yaml", "cannot read `nothing.yaml`"),
        ("--params 3", "`3` is int"),
        ("--out 1x", "--out takes a variable's name, not `1x`"),
        ("--mock double", "--mock takes NAME=EXPR"),
        ("--backend thraeds", "there is no backend `thraeds`; did you mean `threads`?"),
        ("core.echo", "would hide an action of core's"),
    ],
)
def test_a_wrong_option_is_one_line(shell, option, said):
    name = "" if option.startswith("core") else "doubling "
    text = told(shell, f"%%attune {name}{option}\n{FAN_OUT}")
    assert said in text
    assert "Traceback" not in text


def test_a_name_that_is_nearly_a_variable_is_told_and_taken_as_text(shell):
    shell.user_ns["servers"] = [1]
    text = "parameters: {s: {}}\ntasks: [{name: a, action: core.noop}]"
    said = told(shell, f"%%attune small --set s=servres --out run\n{text}")
    assert "`servres` is no variable here, so it is taken as text; did you mean `servers`?" in said
    assert shell.user_ns["run"].context.parameters["s"] == "servres"


def test_dry_run_and_mock_run_no_action(shell):
    shell.run_cell_magic("attune", "doubling --mock double=[5] --out run", FAN_OUT)
    assert shell.user_ns["run"].result("double") == [[5], [5]]
    shell.run_cell_magic("attune", "doubling --dry-run --out run", FAN_OUT)
    assert shell.user_ns["run"].result("double") == [None, None]


def test_background_returns_at_once_and_the_run_can_be_waited_for(shell):
    shell.run_cell("import threading\ngate = threading.Event()\ndef waits(): gate.wait(90)")
    text = "tasks: [{name: a, action: waits}]"
    shell.run_cell_magic("attune", "waiting --background --out run", text)
    assert shell.user_ns["run"].status in ("pending", "running")
    shell.user_ns["gate"].set()
    assert shell.user_ns["run"].wait(60)
    assert shell.user_ns["run"].status == "succeeded"


def test_quiet_shows_nothing_and_the_run_is_the_last_value(shell):
    shell.run_cell(f"%%attune doubling --quiet --out run\n{FAN_OUT}", store_history=True)
    assert shell.user_ns["_"] is shell.user_ns["run"]
    assert told(shell, f"%%attune doubling --quiet\n{FAN_OUT}") == ""


def test_debug_shows_the_action_s_own_frames(shell):
    shell.run_cell("def breaks(x):\n    raise ZeroDivisionError('here')")
    text = told(shell, "%%attune broken --debug\n" + BREAKS)
    assert "ZeroDivisionError" in text
    assert "in breaks(x)" in text
    assert "attune_nb" not in text.partition("ZeroDivisionError")[0]


@pytest.mark.parametrize(("backend", "count"), [("processes", 1), ("inline", 0)])
def test_debug_says_that_it_runs_elsewhere_than_was_asked_for(shell, backend, count):
    said = told(shell, f"%%attune doubling --debug --backend {backend} --out run\n{FAN_OUT}")
    assert said.count("--debug runs inline, in this thread: not on `--backend proc") == count
    assert shell.user_ns["run"].status == "succeeded"


def test_options_are_configured(shell):
    shell.run_line_magic("config", "AttuneMagics.out = 'last_run'")
    shell.run_line_magic("config", "AttuneMagics.backend = 'inline'")
    try:
        shell.run_cell_magic("attune", "doubling", FAN_OUT)
        assert shell.user_ns["last_run"].status == "succeeded"
        assert "backend" in told(shell, "%config AttuneMagics")
        told(shell, "%config AttuneMagics.backend = 'nowhere'")
        assert "'inline'" in told(shell, "%config AttuneMagics.backend")
    finally:
        shell.run_line_magic("config", "AttuneMagics.out = ''")
        shell.run_line_magic("config", "AttuneMagics.backend = 'threads'")


def test_the_defaults_are_listed_and_those_that_cannot_be_are_refused_when_used(shell):
    assert re.search(r"^workers +None +The most threads", repr(line(shell, "config")), re.MULTILINE)
    told(shell, "%config AttuneMagics.out = '1 x'")
    try:
        assert "variable's name, not `1 x`" in told(shell, "%attune run doubling n=[1]")
    finally:
        told(shell, "%config AttuneMagics.out = ''")
    with pytest.raises(BackendError, match="`workers` must be an integer"):
        shell.run_cell_magic("attune", "doubling --workers 0", FAN_OUT)


@pytest.mark.parametrize("name", ["workers", "concurrency"])
def test_a_number_that_no_run_could_use_is_refused_at_once(shell, name, caplog):
    for wrong in (0, -3):
        caplog.clear()
        told(shell, f"%config AttuneMagics.{name} = {wrong}")  # IPython logs what is refused
        assert f"'{name}' trait of an AttuneMagics instance should not be less" in caplog.text
        assert "less than 1" in caplog.text
    assert re.search(rf"^{name} +None", repr(line(shell, "config")), re.MULTILINE)
    told(shell, f"%config AttuneMagics.{name} = 2")
    told(shell, f"%config AttuneMagics.{name} = None")
    assert re.search(rf"^{name} +None", repr(line(shell, "config")), re.MULTILINE)


def test_a_run_that_has_ended_cannot_be_paused_or_cancelled(shell):
    shell.run_cell_magic("attune", "doubling", FAN_OUT)
    for command in ("pause", "resume", "cancel"):
        assert "has ended already: succeeded" in told(shell, f"%attune {command} doubling")


def test_runs_of_an_earlier_kernel_are_listed_and_found_in_the_store(shell, tmp_path):
    store = tmp_path / "runs.db"
    shell.run_cell_magic("attune", f"doubling --store {store} --out earlier", FAN_OUT)
    run = shell.user_ns.pop("earlier")
    shell.run_cell_magic("attune", "doubling", FAN_OUT)
    magics = shell.magics_manager.registry["AttuneMagics"]
    magics.session.runs.pop(run.run_id)  # as after a restart
    with pytest.raises(UsageError, match="no id of a run"):
        line(shell, f"status {run.run_id}")
    shell.run_line_magic("config", f"AttuneMagics.store = '{store}'")
    try:
        assert run.run_id in repr(line(shell, "runs"))
        assert repr(line(shell, f"status {run.run_id}")) == repr(run)
        assert line(shell, f"results {run.run_id} double").equals(run.items("double"))
    finally:
        shell.run_line_magic("config", "AttuneMagics.store = ''")


def test_imports_are_allowed_by_configuration_alone(shell):
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
    said = repr(line(shell, text.removeprefix("%attune").strip()))
    assert "--background" in said
    assert re.search(r"^  timeline +Draw what ran when", said, re.MULTILINE)


def test_a_command_has_help_of_its_own(shell):
    said = repr(line(shell, "context --help"))
    assert "--at TASK" in said
    assert "as this task saw it" in said


def test_a_question_mark_shows_the_options(shell):
    assert "--concurrency" in shell.object_inspect_text("%%attune") or "--concurrency" in str(
        shell.find_line_magic("attune").__doc__
    )


# --- commands --------------------------------------------------------------------------------


def test_actions_are_listed_with_what_they_do(shell):
    said = repr(line(shell, "actions"))
    assert re.search(r"^core\.shell +\S+", said, re.MULTILINE)
    assert re.search(r"^double +Give twice as much\.", said, re.MULTILINE)


def test_a_run_is_named_by_variable_workflow_or_id(shell, run):
    for word in ("run", "doubling", run.run_id, ""):
        assert line(shell, f"status {word}") is run
    assert run.run_id in repr(line(shell, "runs"))
    assert "doubling" in line(shell, "runs")._repr_html_()


def test_results_are_the_output_the_rows_or_the_value(shell, run):
    assert line(shell, "results run") == {"found": [2, 4]}
    assert list(line(shell, "results run double")["result"]) == [2, 4]
    assert line(shell, "results run end") == {"message": [2, 4]}


class Left(RemoteReference):
    """Stands for what was left on a cluster."""

    def get(self, near=None):
        raise AssertionError("it is fetched")

    def __repr__(self):
        return "<a list, on the cluster>"

    @classmethod
    def gather(cls, needed):
        raise AssertionError("nothing is to be fetched")


def test_rows_of_results_fetch_nothing_that_was_left_on_a_cluster(shell):
    shell.user_ns["double"] = lambda x: Left()
    shell.run_cell_magic(
        "attune", "left --out left --set n=[1,2]", FAN_OUT.partition("    next")[0]
    )
    shell.run_cell("def double(x):\n    'Give twice as much.'\n    return 2 * x")
    shown = line(shell, "results left double")
    assert str(shown["result"][1]) == "<a list, on the cluster>"
    assert "2" in shown._repr_html_()


def test_the_context_now_and_as_a_task_saw_it(shell, run):
    assert line(shell, "context run").variables["all"] == [2, 4]
    assert "all" not in line(shell, "context run --at double").variables


def test_timeline_and_graph_are_figures(shell, run):
    for text in ("timeline run", "timeline --dark", "graph doubling", "graph run --dark"):
        assert type(line(shell, text)).__name__ == "Figure"


def test_events_are_lines(shell, run):
    said = repr(line(shell, "events run"))
    assert re.search(r"TaskStarted +task='double'", said)
    assert "attempts=2 failed=0" in said


def test_a_question_is_answered(shell):
    shell.run_cell_magic("attune", "asking --background --out asked", ASK)
    asked = shell.user_ns["asked"]
    while not asked.questions:
        asked.wait(0.01)
    assert "has no open question" in told(shell, "%attune answer asked p yes")
    line(shell, "answer asked q {'a':1}")
    assert asked.wait(60)
    assert asked.result("q") == {"response": {"a": 1}}


def test_a_run_is_paused_resumed_and_cancelled(shell):
    shell.run_cell_magic("attune", "asking --background --out asked", ASK)
    asked = shell.user_ns["asked"]
    for command, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        line(shell, f"{command} asked")
        for _ in range(500):
            if asked.status == status:
                break
            asked.wait(0.01)
        assert asked.status == status


def test_a_workflow_is_saved_loaded_and_exported(shell, run, tmp_path):
    line(shell, f"save doubling {tmp_path}/again.yaml")
    assert "again: 2 tasks" in repr(line(shell, f"load {tmp_path}/again.yaml"))
    assert line(shell, "run again").status == "succeeded"
    assert "named: 2 tasks" in repr(line(shell, f"load {tmp_path}/again.yaml --as named"))
    line(shell, f"export doubling {tmp_path}/pack")
    assert (tmp_path / "pack/actions/doubling.yaml").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("status runn", "did you mean `run`?"),
        ("show doublin", "did you mean `doubling`?"),
        ("results run doubel", "did you mean `double`?"),
        ("context run --at", "expected one argument"),
        ("resume --bakcend dask", "did you mean `--backend`?"),
        ("load /nowhere.yaml", "cannot read"),
        ("save doubling /nowhere/x.yaml", "No such file"),
        ("graph nothing_here", "no workflow that ran"),
        ("answer run", "required: task, expression"),
        ("tmieline run", "did you mean `timeline`?"),
        ("run", "takes a workflow's name"),
        ("run doubling n", "NAME=EXPR"),
    ],
)
def test_a_wrong_command_is_told_in_a_line(shell, run, text, said):
    shown = told(shell, f"%attune {text}")
    assert said in shown
    assert "Traceback" not in shown


def test_unloading_takes_everything_away_and_loading_brings_it_back(shell):
    shell.run_line_magic("unload_ext", "attune_nb")
    try:
        assert shell.find_line_magic("attune") is None
        assert shell.find_cell_magic("attune") is None
        matchers = shell.Completer.custom_matchers
        assert [each for each in matchers if hasattr(each, "is_of_attune")] == []
        names = [type(each).__name__ for each in shell.configurables]
        assert "AttuneMagics" not in names
    finally:
        shell.run_line_magic("load_ext", "attune_nb")
    shell.run_cell_magic("attune", "doubling --out run", FAN_OUT)
    assert shell.user_ns["run"].status == "succeeded"

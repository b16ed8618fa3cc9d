"""The meaning of the words of a line: values of `--set`, comments, runs."""

import pytest
from IPython.core.error import UsageError
from IPython.utils.capture import capture_output

import attune_nb
from attune_nb.notebook.expressions import evaluate

ECHO = "parameters: {x: {}}\ntasks: [{name: a, action: core.echo, input: {message: 1}}]"


@pytest.fixture
def shell(ipython, tmp_path, monkeypatch):
    monkeypatch.setenv("ATTUNE_NB_STORE", str(tmp_path / "runs.db"))
    return ipython


def run_cell(shell, line, text=ECHO):
    """Run a cell, and return its Run."""
    with capture_output():
        return shell.run_cell_magic("attune", line, text)


def printed_by(shell, text):
    """Return the text that a cell prints."""
    with capture_output() as output:
        shell.run_cell(text)
    return output.stdout + output.stderr


# --- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2024-12-24", "10/24", "1-2", "1.5/2", "2024 - 12", "-1-2", "192.168.0.0/24",
        "all", "max", "exit", "Out", "web", "web-1", "data/x.csv", "Hello (world)",
    ],
)  # fmt: skip
def test_a_text_is_never_computed(text):
    assert evaluate(text, {"Out": {}, "exit": exit}, "--set x") == text


@pytest.mark.parametrize(
    ("expression", "value"),
    [("-5", -5), ("n - 1", 2), ("2 * 3", 6), ("max(n, 9)", 9), ("True", True), ("None", None),
     ("true", True), ("false", False), ("null", None)],
)  # fmt: skip
def test_an_expression_is_computed(expression, value):
    assert evaluate(expression, {"n": 3}, "--set x") == value


def test_a_variable_hides_a_function_of_python():
    assert evaluate("all", {"all": [1]}, "--set x") == [1]


@pytest.mark.parametrize("text", ["1.0", "12", "0x1F", "true", "null"])
def test_a_literal_for_a_string_parameter_stays_text(shell, text):
    declared = ECHO.replace("{x: {}}", "{x: {type: string}}")
    run = run_cell(shell, f"x --set x={text}", declared)
    assert run.context.parameters["x"] == text


def test_a_variable_for_a_string_parameter_is_not_turned_into_text(shell):
    shell.user_ns["number"] = 5
    declared = ECHO.replace("{x: {}}", "{x: {type: string}}")
    with pytest.raises(attune_nb.ParameterError, match="must be a string, not an integer"):
        run_cell(shell, "x --set x=number", declared)


def test_a_name_that_is_missing_in_a_function_is_an_error(shell):
    shell.run_cell("def make(): return missing_in_make")
    text = printed_by(shell, f"%%attune x --set x=make()\n{ECHO}")
    assert "--set x=make(): NameError: name 'missing_in_make' is not defined" in text


def test_a_misspelled_variable_in_an_expression_is_named(shell):
    shell.user_ns["servers"] = [1]
    text = printed_by(shell, f"%%attune x --set x=len(servres)\n{ECHO}")
    assert (
        "--set x: `servres` is not a variable, so `len(servres)` is used as a string; "
        "did you mean `servers`?" in text
    )


@pytest.mark.parametrize("words", ["--set x", "--set=x"])
def test_a_name_alone_is_the_variable_of_that_name(shell, words):
    shell.user_ns["x"] = [1, 2]
    assert run_cell(shell, f"short {words}").context.parameters["x"] == [1, 2]


def test_a_name_alone_is_short_on_a_run_line_too(shell):
    shell.user_ns["x"] = 5
    run_cell(shell, "short --set x=1")
    assert shell.run_line_magic("attune", "run short x").context.parameters["x"] == 5


def test_a_name_alone_must_be_a_variable(shell):
    shell.user_ns["servers"] = [1]
    text = printed_by(shell, f"%%attune x --set servrs\n{ECHO}")
    assert "--set servrs is short for servrs=servrs, and there is no such variable" in text
    assert "did you mean `servers`?" in text


def test_a_comment_is_no_part_of_a_line(shell):
    run = run_cell(shell, "noted --set x=1 # it's the first", ECHO)
    assert run.context.parameters["x"] == 1
    assert shell.run_line_magic("attune", "status noted  # and it's done") is run


def test_a_semicolon_before_a_comment_hides_the_value(shell):
    run_cell(shell, "noted --set x=1")
    assert shell.run_line_magic("attune", "status noted;  # hidden") is None


# --- runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["{rid}", "$rid", "rid", "beginning", "{run.run_id}", "run", "_"])
def test_a_run_is_named_by_its_id_or_a_variable(shell, monkeypatch, word):
    run = run_cell(shell, "named --set x=1")
    monkeypatch.setitem(shell.user_ns, "_", run)
    shell.user_ns.update(run=run, rid=run.run_id, beginning=run.run_id[:6])
    shown = shell.run_line_magic("attune", f"status {word}")
    assert shown.run_id == run.run_id


def test_an_underscore_may_hold_an_id(shell, monkeypatch):
    run = run_cell(shell, "named --set x=1")
    monkeypatch.setitem(shell.user_ns, "_", run.run_id)
    retry = shell.run_line_magic("attune", "fork _ --from a -o again")
    assert shell.user_ns["again"] is retry
    assert retry.run_id != run.run_id


def test_a_run_on_record_is_named_by_a_variable(shell):
    run = attune_nb.loads(ECHO).run({"x": 1}, progress=False)
    shell.user_ns["rid"] = run.run_id
    for line in ("status rid", "results rid", "diff rid {rid}"):
        assert shell.run_line_magic("attune", line) is not None


def test_a_variable_that_holds_no_id_is_an_error(shell):
    shell.user_ns["rid"] = "none such"
    with pytest.raises(UsageError, match="there is no run `none such`, which the variable `rid`"):
        shell.run_line_magic("attune", "status rid")


@pytest.mark.parametrize("name", ["--from", "--at"])
def test_fork_takes_from_like_a_cell(shell, name):
    run_cell(shell, "named --set x=1")
    assert shell.run_line_magic("attune", f"fork named {name} a").status == "succeeded"

"""What `attune-nb run` and `check` say about a workflow that probably means something else."""

from support.command_line import attune_here

SUSPICIOUS = """\
parameters: {host: {default: "a b"}}
tasks:
  - name: ping
    action: core.shell
    input: {cmd: "echo {{ parameters.host }}"}
"""
WARNING = "suspicious.yaml, line 5, column 24: `{{ parameters.host }}` becomes a part of the shell"


def test_run_shows_a_line_for_each_warning(tmp_path):
    file = tmp_path / "suspicious.yaml"
    file.write_text(SUSPICIOUS)
    outcome = attune_here("run", str(file), "--json", "--store", "none")

    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("{")
    line, printed = outcome.stderr.splitlines()
    assert line.startswith("warning: ")
    assert WARNING in line
    assert printed == "ping | a b"


def test_check_shows_each_warning_with_its_lines(tmp_path):
    file = tmp_path / "suspicious.yaml"
    file.write_text(SUSPICIOUS)
    outcome = attune_here("check", str(file))

    assert outcome.exit_code == 0
    assert outcome.stderr.count("warning: ") == 1
    assert WARNING in outcome.stderr
    assert "    5 |     input: {cmd:" in outcome.stderr


def test_a_file_of_parameters_has_the_messages_of_a_workflow(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(SUSPICIOUS)
    parameters = tmp_path / "p.json"
    parameters.write_text('{"host": "a",\n "host": "b"}')
    outcome = attune_here("run", str(file), "--params", str(parameters), "--store", "none")

    assert outcome.exit_code == 2
    assert "p.json, line 2, column 2: `host` stands twice: lines 1 and 2" in outcome.stderr


def test_a_file_is_recorded_under_its_name(tmp_path):
    file = tmp_path / "nightly.yaml"
    file.write_text("name: night shift\n" + SUSPICIOUS)
    store = str(tmp_path / "runs.db")
    attune_here("run", str(file), "--store", store)

    assert " night shift: " in attune_here("runs", "--store", store).stdout

"""Actions whose processes print much, read nothing, die, or leave others behind."""

import os
import platform
import tempfile
from pathlib import Path

import psutil
import pytest
from support.packs import call_action, failure_of, find_action, write_action

from attune_nb.errors import ActionError
from attune_nb.packs.options import PackOptions
from attune_nb.packs.process.pack_function import PackFunction


def run_script(folder, script, parameters=None, **keys):
    """Run a script as the action of a new pack; return its envelope."""
    return call_action("kit.act", parameters or {}, write_action(folder, script, **keys))


def fail_script(folder, script, parameters=None, **keys):
    """Run a script that fails; return its error."""
    return failure_of("kit.act", parameters or {}, write_action(folder, script, **keys))


def write_native(folder, script):
    """Write a pack whose action is a program by itself; return its folder."""
    write_action(folder, script, name="act", runner_type="native")
    (folder / "actions" / "act").chmod(0o700)
    return folder


def test_a_child_that_prints_before_it_reads_does_not_hang(tmp_path):
    """Both pipes are full: the child writes 300 kB, and 200 kB wait for it."""
    script = "head -c 300000 /dev/zero | tr '\\0' x; wc -c >&2"

    envelope = run_script(tmp_path, script, {"text": "y" * 200_000})

    assert len(envelope["stdout"]) == 300_000
    assert int(envelope["stderr"]) == len('{"text":""}\n') + 200_000


def test_a_child_that_closes_its_input_gets_no_error(tmp_path):
    envelope = run_script(tmp_path, "exec <&-; echo done", {"text": "y" * 200_000})

    assert envelope["stdout"] == "done\n"


def test_of_much_output_ten_megabytes_are_kept(tmp_path):
    script = "echo first; head -c 30000000 /dev/zero | tr '\\0' x; echo; echo last"

    envelope = run_script(tmp_path, script, output_format="json")

    assert len(envelope["stdout"]) < 10_001_000
    assert envelope["stdout"].startswith("first\n")
    assert envelope["stdout"].endswith("last\n")
    assert "bytes are left out" in envelope["stdout"]
    assert envelope["warnings"] == [
        "`stdout` was cut: 10 MB of it are kept",
        "`output_format: json` promises JSON, but the output was cut",
    ]


def test_invalid_characters_are_replaced(tmp_path):
    envelope = run_script(tmp_path, r"printf 'a\xffb'; printf '\xfe' >&2")

    assert envelope["stdout"] == "a�b"
    assert envelope["stderr"] == "�"


def test_the_end_by_a_signal_is_named(tmp_path):
    failure = fail_script(tmp_path, "kill -9 $$")

    assert failure.message == "Command exited with code -9 (signal SIGKILL)"
    assert failure.data["exit_code"] == -9


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 7", "Command exited with code 7"),
        ("echo one >&2; echo two >&2; exit 1", "one\ntwo"),
        ("seq 6 >&2; exit 1", "6"),
        ("printf 'no disk%020000d' 0 >&2; exit 1", "no disk" + "0" * 9_993),
        ('echo note >&2; echo \'{"error": "no disk"}\'; exit 1', "no disk"),
        ('echo log; echo \'{"error": {"code": 5}}\'; exit 1', '{"code":5}'),
        ("echo note >&2; echo '{\"error\": null}'; exit 1", "note"),
    ],
    ids=[
        "a code",
        "short stderr",
        "long stderr",
        "a long line",
        "JSON",
        "JSON in the last line",
        "no error",
    ],
)
def test_the_message_of_a_failure(tmp_path, script, message):
    assert fail_script(tmp_path, script).message == message


def test_a_background_child_does_not_hold_the_action_up(tmp_path):
    envelope = run_script(tmp_path, "sleep 300 & echo $!")

    child = psutil.Process(int(envelope["stdout"]))
    assert child.is_running()
    child.kill()


@pytest.mark.parametrize(
    ("output", "output_format", "data"),
    [
        ('{"a": 1}', "json", {"a": 1}),
        ('log\n{"a": 1}', "json", {"a": 1}),
        ("null", "json", None),
        ("a: [1, no]", "yaml", {"a": [1, "no"]}),
        ('1\n\n{"b": 2}', "jsonl", [1, {"b": 2}]),
    ],
    ids=["JSON", "JSON in the last line", "null", "YAML", "lines"],
)
def test_an_output_is_parsed(tmp_path, output, output_format, data):
    (tmp_path / "output").write_text(output)

    envelope = run_script(tmp_path, "cat output", output_format=output_format)

    assert envelope["data"] == data
    assert "stdout" not in envelope
    assert "warnings" not in envelope


@pytest.mark.parametrize(
    ("output", "output_format", "warning"),
    [
        ("", "json", "`output_format: json` promises JSON, but nothing was printed"),
        ("hello", "json", "`output_format: json` promises JSON, but the output has none"),
        ("NaN", "json", "`output_format: json` promises JSON, but the output has none: "),
        (
            "hello",
            "jsonl",
            "`output_format: jsonl` promises lines of JSON, but the output has none",
        ),
        (
            "a: [1",
            "yaml",
            "`output_format: yaml` promises YAML, but the output has none: stdout, line 1",
        ),
    ],
    ids=["blank", "text", "a number that JSON lacks", "no line", "YAML"],
)
def test_a_promise_that_is_not_kept_is_noted(tmp_path, output, output_format, warning):
    (tmp_path / "output").write_text(output)

    envelope = run_script(tmp_path, "cat output", output_format=output_format)

    assert envelope["stdout"] == output
    assert "data" not in envelope
    assert envelope["warnings"][0].startswith(warning)


def test_the_environment_is_cleared(tmp_path, monkeypatch):
    monkeypatch.setenv("PRIVATE_TOKEN", "s3cr3t")
    monkeypatch.setenv("LC_TIME", "C")

    names = set(run_script(tmp_path, "compgen -e")["stdout"].split())

    assert "PRIVATE_TOKEN" not in names
    assert {"PATH", "LC_TIME", "ATTUNE_ACTION", "ATTUNE_EXEC_ID"} <= names
    allowed = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "PWD", "SHLVL", "_"}
    unexpected_names = {name for name in names - allowed if not name.startswith(("LC_", "ATTUNE_"))}
    assert unexpected_names == set()


def test_the_process_knows_its_action_and_its_folder(tmp_path):
    script = 'echo "$ATTUNE_ACTION $ATTUNE_PACK_REF $ATTUNE_PARAMETER_DELIVERY $PWD"'

    envelope = run_script(tmp_path, script)

    assert envelope["stdout"] == f"kit.act kit stdin {tmp_path}\n"


def test_each_execution_has_a_number_of_its_own(tmp_path):
    outputs = {run_script(tmp_path, "echo $ATTUNE_EXEC_ID")["stdout"] for _ in range(3)}

    assert len(outputs) == 3
    assert all(0 < int(output) < 2**48 for output in outputs)


def test_the_process_leads_a_group_of_its_own(tmp_path):
    group = int(run_script(tmp_path, "ps -o pgid= -p $$")["stdout"])

    assert group != os.getpgid(0)


def test_a_parameter_file_is_private_and_removed(tmp_path):
    script = 'stat -c %a "$ATTUNE_PARAMETER_FILE"; echo "$ATTUNE_PARAMETER_FILE"; cat'

    mode, path = run_script(tmp_path, script, {"a": 1}, parameter_delivery="file")["stdout"].split()

    assert mode == "400"
    assert not Path(path).exists()


def test_python_finds_lib_first_and_no_product(tmp_path):
    """A pack that imports `attune` must not get the product."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helper.py").write_text("NAME = 'of the pack'\n")
    script = (
        "import helper, importlib.util\n"
        "print(helper.NAME, importlib.util.find_spec('attune') is None)\n"
    )

    envelope = run_script(tmp_path, script, name="act.py", runner_type="python")

    assert envelope["stdout"] == "of the pack True\n"


def test_a_native_program_must_be_executable(tmp_path):
    folder = write_native(tmp_path, "#!/bin/sh\necho hi\n")
    function = PackFunction(find_action("kit.act", folder), PackOptions())
    (folder / "actions" / "act").chmod(0o600)

    with pytest.raises(ActionError, match=r"not executable; run `chmod \+x"):
        function({})


def test_a_native_program_needs_a_first_line(tmp_path):
    failure = failure_of("kit.act", {}, write_native(tmp_path, "echo hi\n"))

    assert "has no `#!` line" in failure.message


def test_a_native_program_runs_by_itself(tmp_path):
    folder = write_native(tmp_path, "#!/bin/sh\necho hi\n")

    assert call_action("kit.act", {}, folder)["stdout"] == "hi\n"


def test_a_script_that_became_a_link_out_does_not_run(tmp_path):
    folder = write_action(tmp_path / "kit", "echo inside")
    function = PackFunction(find_action("kit.act", folder), PackOptions())
    outside = tmp_path / "outside.sh"
    outside.write_text("echo outside")
    script = folder / "actions" / "act.sh"
    script.unlink()
    script.symlink_to(outside)

    with pytest.raises(ActionError, match="leads out of the pack's folder"):
        function({})


def test_a_missing_script_names_the_machine(tmp_path):
    """A worker of another machine may lack the pack's folder."""
    folder = write_action(tmp_path, "echo hi")
    function = PackFunction(find_action("kit.act", folder), PackOptions())
    (folder / "actions" / "act.sh").unlink()

    with pytest.raises(ActionError, match=f"there is no file .*act.sh on {platform.node()}; the"):
        function({})


def test_a_file_of_parameters_that_cannot_be_made(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))

    failure = fail_script(tmp_path, "cat", parameter_delivery="file")

    assert failure.message.startswith("the file of the parameters cannot be created: ")


SECRET = "parameters: {pin: {type: integer, secret: true}, key: {secret: true}}"


def secret_pack(folder, script, **keys):
    """Write a pack whose action has two secret parameters; return its folder."""
    write_action(folder, script, **keys)
    with (folder / "actions" / "act.yaml").open("a") as file:
        file.write(f"{SECRET}\n")
    return folder


def test_a_secret_parameter_is_hidden_in_stderr(tmp_path):
    folder = secret_pack(tmp_path, "cat >&2")

    envelope = call_action("kit.act", {"pin": 482913, "key": "s3cr3t-key"}, folder)

    assert envelope["stderr"] == '{"pin":***,"key":"***"}\n'


def test_a_secret_parameter_is_hidden_in_an_error(tmp_path):
    folder = secret_pack(tmp_path, "cat >&2; exit 1")

    failure = failure_of("kit.act", {"key": "s3cr3t-key"}, folder)

    assert failure.message == '{"key":"***"}'
    assert "s3cr3t" not in str(failure.data)


def test_a_short_secret_does_not_hide_the_exit_code(tmp_path):
    envelope = call_action("kit.act", {"pin": 0}, secret_pack(tmp_path, "echo 0"))

    assert envelope["exit_code"] == 0


def test_the_token_of_an_attempt_is_hidden(tmp_path):
    folder = write_action(tmp_path, 'echo "$ATTUNE_API_URL $ATTUNE_API_TOKEN"')
    options = PackOptions(api_url="http://127.0.0.1:9", api_key="k")

    envelope = call_action("kit.act", {}, folder, options)

    assert envelope["stdout"] == "http://127.0.0.1:9 ***\n"

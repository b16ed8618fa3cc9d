import subprocess
import sys

GOOD = "tasks:\n  - name: greet\n    action: core.echo\n    input: {message: hello}\n"


def attune(*arguments):
    code = "from attune_nb.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_run_prints_the_outcome_and_exits_zero(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text(GOOD)
    done = attune("run", str(file), "--json")
    assert done.returncode == 0
    assert '"status": "succeeded"' in done.stdout


def test_a_failed_run_exits_one(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(GOOD.replace("core.echo", "core.fail"))
    assert attune("run", str(file)).returncode == 1


def test_check_tells_line_column_and_the_nearest_name(tmp_path):
    file = tmp_path / "typo.yaml"
    file.write_text(GOOD.replace("action:", "acton:"))
    done = attune("check", str(file))
    assert done.returncode == 2
    assert "line 3, column 5" in done.stderr
    assert "did you mean `action`" in done.stderr


def test_the_demo_finds_exactly_the_servers_that_are_down():
    done = attune("demo", "--servers", "200")
    assert done.returncode == 0, done.stderr
    assert "these are exactly the servers that were told to fail" in done.stdout


def test_a_measurement_that_does_not_exist_is_told():
    done = attune("bench", "clon")
    assert done.returncode == 2
    assert "did you mean `clone`?" in done.stderr

"""Jobs of docs/how-to/ for a shell: a deployment with an approval, and a command on hosts."""

import json
import os
import re
import subprocess
import sys

import pexpect
import pytest
from support.pages import job_files

pytestmark = pytest.mark.slow

HOSTS = [f"host-{number}" for number in range(1, 21)]
COMMAND = [sys.executable, "-m", "attune_nb"]


@pytest.fixture
def folder(tmp_path):
    """A folder with the workflows and scripts of the pages, and with a store of its own."""
    for page in ("how-to/approval", "how-to/command-on-hosts"):
        for name, text in job_files(page).items():
            path = tmp_path / name
            path.write_text(text)
            path.chmod(0o755)
    return tmp_path


def environment():
    return {**os.environ, "ATTUNE_NB_STORE": ".attune/runs.db"}


def run_command(folder, *words):
    """Run `attune-nb` without a terminal."""
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def run_deployment(folder, *options, hosts=HOSTS):
    words = ["run", "deploy.yaml", "--set", "version=1.2", "--set", f"hosts={json.dumps(hosts)}"]
    return run_command(folder, *words, *options)


def deployed(folder):
    """Return the lines that `deploy.sh` wrote: hosts and versions in their order."""
    path = folder / "deployed.log"
    if not path.exists():
        return []
    return path.read_text().splitlines()


def test_a_deployment_that_a_person_approves(folder):
    hosts = ["host-1", "host-2", "host-3"]
    words = ["run", "deploy.yaml", "--set", "version=1.2", "--set", f"hosts={json.dumps(hosts)}"]
    terminal = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], *words], cwd=str(folder), env=environment(), timeout=60
    )
    terminal.expect(r"Deploy 1\.2 to 3 hosts\?")
    terminal.sendline("y")
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 0
    assert sorted(deployed(folder)) == [f"{host} 1.2" for host in hosts]
    steps = (folder / "steps.log").read_text().splitlines()
    assert steps[0] == "build 1.2"
    assert sorted(steps[1:]) == ["test integration", "test unit"]


def test_a_deployment_that_nobody_approves(folder):
    ended = run_deployment(folder, "--answer", "approve=false")
    assert ended.returncode == 0, ended.stderr
    assert deployed(folder) == []


def test_a_question_that_no_person_can_answer(folder):
    ended = run_deployment(folder, hosts=["host-1"])
    assert ended.returncode != 0
    assert "Deploy 1.2 to 1 hosts?" in ended.stderr
    assert "--answer approve=" in ended.stderr

    run_id = re.search(r"attune-nb resume (\S+)", ended.stderr)[1]
    resumed = run_command(folder, "resume", run_id, "--answer", "approve=true")
    assert resumed.returncode == 0, resumed.stderr
    assert deployed(folder) == ["host-1 1.2"]


def test_a_failed_host_stops_the_deployment_and_rolls_back(folder):
    ended = run_deployment(folder, "--answer", "approve=true")
    assert ended.returncode == 1
    assert "task `deploy` failed" in ended.stdout + ended.stderr
    assert "no space left on host-13" in ended.stdout + ended.stderr

    lines = deployed(folder)
    begun = [line.split()[0] for line in lines if line.endswith("1.2")]
    # the twelve before it, and the one that ran beside it
    assert set(HOSTS[:12]) <= set(begun) <= set(HOSTS[:14])
    assert [line.split()[0] for line in lines if line.endswith("previous")] == sorted(
        begun, key=HOSTS.index
    )


def test_a_command_over_fifty_hosts(folder):
    hosts = [f"web {number}" for number in range(1, 49)] + ["down-1", "down-2"]
    ended = run_command(
        folder, "run", "fleet_command.yaml", "--set", f"hosts={json.dumps(hosts)}",
        "--set", "command=df -h; echo 'done'",
    )  # fmt: skip
    assert ended.returncode == 1
    printed = ended.stdout + ended.stderr
    assert "2 of 50 items failed" in printed
    assert "Connection refused" in printed

    # it stands behind the lines of the attempts
    run_id = re.search(r"^Run (\w+): fleet_command: failed", ended.stdout, re.MULTILINE)[1]
    shown = run_command(folder, "show", run_id, "--json")
    assert shown.returncode == 0, shown.stderr

"""A rolling deployment of 20 hosts of which one fails; the action writes down what it does."""

import os
import time
from pathlib import Path

WORKFLOW = """
parameters:
  log: {type: string}
  hosts: {type: array, default: [%s]}
tasks:
  - name: deploy
    action: deploy
    with_items: "{{ parameters.hosts }}"
    concurrency: 5
    max_failures: 0
    input: {host: "{{ item }}", log: "{{ parameters.log }}"}
""" % ", ".join(f"host-{number}" for number in range(20))  # noqa: UP031 - it has braces
BROKEN = "host-13"


def note(log, word, host):
    """Add a line to the log in one write, so that lines of several processes do not mix."""
    file = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(file, f"{word} {host}\n".encode())
    os.close(file)


def deploy(host, log):
    """Deploy to a host. The broken one fails while its neighbours still work.

    They wait for its failure, and it waits as long as a file beside the log exists.
    """
    note(log, "begin", host)
    number = int(host.removeprefix("host-"))
    if host == BROKEN:
        time.sleep(0.1)
        while Path(log + ".hold").exists():
            time.sleep(0.01)
        note(log, "fail", host)
        raise RuntimeError("no space left")

    if number > 8:
        while ("fail", BROKEN) not in read_log(log):
            time.sleep(0.01)
        # until the engine has received it
        time.sleep(0.5)
    note(log, "end", host)
    return f"{host} is new"


def deploy_repaired(host, log):
    """Deploy to a host, none of which fails any more."""
    note(log, "begin", host)
    note(log, "end", host)
    return f"{host} is new"


def read_log(log):
    """Return the lines of the log, each as a word and a host."""
    path = Path(log)
    if not path.exists():
        return []
    return [tuple(line.split()) for line in path.read_text().splitlines()]


def hosts_of(lines, word):
    """Return the hosts of the lines with a word, in order."""
    return [host for line_word, host in lines if line_word == word]

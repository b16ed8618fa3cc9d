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
BROKEN_NUMBER = 13
BROKEN = f"host-{BROKEN_NUMBER}"


def note(log, word, host):
    """Add a line to the log in one write, so that lines of several processes do not mix."""
    file = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(file, f"{word} {host}\n".encode())
    os.close(file)


def is_settled(log):
    """Return whether hosts have begun beside the broken one, and no more begin.

    Those before it have ended, one after it has begun, and the last line is 0.3 s old.
    """
    lines = read_log(log)
    before = {f"host-{number}" for number in range(BROKEN_NUMBER)}
    have_ended = before <= set(hosts_of(lines, "end"))
    has_neighbour = f"host-{BROKEN_NUMBER + 1}" in hosts_of(lines, "begin")
    return have_ended and has_neighbour and time.time() - Path(log).stat().st_mtime > 0.3


def deploy(host, log):
    """Deploy to a host. The broken one fails while its neighbours still work.

    It fails once as many hosts as can be are at work beside it, and those wait for its failure.
    A file beside the log holds it up, and another one holds them up.
    """
    note(log, "begin", host)
    number = int(host.removeprefix("host-"))
    if host == BROKEN:
        while not is_settled(log) or Path(log + ".hold the broken").exists():
            time.sleep(0.3)
        note(log, "fail", host)
        raise RuntimeError("no space left")

    if number > BROKEN_NUMBER:
        while ("fail", BROKEN) not in read_log(log):
            time.sleep(0.01)
        # until the engine has received it
        time.sleep(0.5)
        while Path(log + ".hold others").exists():
            time.sleep(0.01)
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

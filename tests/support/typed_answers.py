"""The `attune-nb` command in a pseudo-terminal, in which a test types."""

import os
import sys

import pexpect

SECONDS = 60


class TypedCommand:
    """A running command; what it shows is compared as it comes."""

    def __init__(self, *arguments):
        # no colours and no progress lines of an undefined width
        environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "attune_nb", *arguments],
            env=environment,
            encoding="utf-8",
            timeout=SECONDS,
            dimensions=(40, 120),
        )

    def type(self, prompt, line):
        """Wait for a prompt, then type a line."""
        self._child.expect_exact(prompt)
        self._child.sendline(line)

    def expect(self, text):
        """Wait for a text."""
        self._child.expect_exact(text)

    def press_control(self, key, prompt):
        """Wait for a prompt, then press Ctrl with a key."""
        self._child.expect_exact(prompt)
        self._child.sendcontrol(key)

    def finish(self):
        """Wait for the end; return what was shown since the last prompt, and the exit status."""
        self._child.expect(pexpect.EOF)
        shown = self._child.before
        self._child.close()
        return shown, self._child.exitstatus

"""Lists and flags that a test shares with its actions, in any process."""

import json
import os
import time
from pathlib import Path


class SharedList:
    """A list in a file. Any process may append to it; an append is one write."""

    def __init__(self, path):
        self.path = str(path)

    def append(self, value):
        line = (json.dumps(value) + "\n").encode()
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.write(file, line)
        finally:
            os.close(file)

    def __iter__(self):
        return iter(self._read())

    def __len__(self):
        return len(self._read())

    def _read(self):
        path = Path(self.path)
        if not path.exists():
            return []

        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


class SharedFlag:
    """A flag that any process may set or wait for: a file that exists or not."""

    def __init__(self, path):
        self.path = str(path)

    def set(self):
        Path(self.path).touch()

    def wait(self, seconds):
        """Return whether the flag was set within some seconds."""
        deadline = time.monotonic() + seconds
        while not Path(self.path).exists():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

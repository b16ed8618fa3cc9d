"""Lists and flags that a test shares with its actions, in whatever process these run."""

import json
import os
import time
from pathlib import Path


class Seen:
    """A list in a file: any process adds to it, in one write each."""

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
        if not Path(self.path).exists():
            return iter(())
        lines = Path(self.path).read_text(encoding="utf-8").splitlines()
        return iter([json.loads(line) for line in lines])

    def __len__(self):
        return sum(1 for _ in self)


class Flag:
    """An event in a file."""

    def __init__(self, path):
        self.path = str(path)

    def set(self):
        Path(self.path).touch()

    def wait(self, seconds):
        until = time.monotonic() + seconds
        while not Path(self.path).exists():
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
        return True

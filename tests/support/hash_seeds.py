"""Code that runs in another process, with a hash seed of its own."""

import subprocess
import sys


def print_with_seed(code, seed, *arguments):
    """Run code in a new Python with a hash seed, and return what it prints, stripped."""
    process = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": seed},
    )
    return process.stdout.strip()

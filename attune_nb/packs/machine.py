"""The name of a machine, by which a process knows whose loopback addresses it reaches."""

from __future__ import annotations

import functools
import platform
from pathlib import Path

__all__ = ["LOOPBACK", "machine_name"]

LOOPBACK = "127.0.0.1"
"""The address that only processes of the same machine reach."""


@functools.cache
def machine_name() -> str:
    """Return a name that processes have in common if one reaches the loopback ports of the other.

    On Linux these are processes of one network namespace, since the machine was started.
    """
    parts = [platform.node()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/net").readlink()))
    except OSError:
        # not Linux: only the name is known
        pass
    return " ".join(parts)

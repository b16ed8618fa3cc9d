"""A wall clock that is wrong for the package only.

The event loops of a Dask cluster in this process measure their delays by the wall clock, so they
would stand still for as long as the clock is set back.
"""

import sys
import time

__all__ = ["shift_clock"]


class _ShiftedTime:
    """The module `time`, but for `time.time`."""

    def __init__(self, offset):
        self._offset = offset

    def __getattr__(self, name):
        return getattr(time, name)

    def time(self):
        return time.time() + self._offset()


def shift_clock(monkeypatch, offset):
    """Shift the package's wall clock until the test ends.

    Args:
        monkeypatch: pytest's fixture.
        offset: Returns the seconds that are added to the time.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("attune_nb.") and vars(module).get("time") is time:
            monkeypatch.setattr(module, "time", _ShiftedTime(offset))

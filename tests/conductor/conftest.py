"""Running a workflow on every backend: the language means the same on all of them."""

import sys

import cloudpickle
import pytest
from support import shared_records

import attune_nb

cloudpickle.register_pickle_by_value(shared_records)
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def boom():
    raise ValueError("it broke")


def same(x):
    return x


def late():
    raise attune_nb.Timeout("too slow")


class Go:
    """Runs a text; keyword arguments are the actions."""

    def __init__(self, backend):
        self.backend = backend

    @property
    def near(self):
        """Whether actions run in this process."""
        return self.backend in ("inline", "threads")

    def __call__(self, text, parameters=None, **actions):
        return self._run(text, parameters, actions, background=False)

    def on(self, text, parameters=None, **actions):
        """Start a run and let it go on in the background."""
        return self._run(text, parameters, actions, background=True)

    def _run(self, text, parameters, actions, **options):
        given = {"boom": boom, "same": same, "late": late, **actions}
        return attune_nb.loads(text).run(
            parameters, actions=given, backend=self.backend, progress=False, **options
        )


@pytest.fixture(params=["inline", "threads", "processes", "dask"])
def go(request):
    if request.param == "dask":
        request.getfixturevalue("cluster")
    # a worker may not have the path that the test's module came from
    cloudpickle.register_pickle_by_value(request.module)
    yield Go(request.param)
    cloudpickle.unregister_pickle_by_value(request.module)


@pytest.fixture(params=["inline", "threads"])
def here(request):
    """As `go`, for what only this process can hold."""
    return Go(request.param)


@pytest.fixture
def seen(tmp_path):
    return shared_records.Seen(tmp_path / "seen")


@pytest.fixture
def flag(tmp_path):
    """Make flags, by name."""
    return lambda name: shared_records.Flag(tmp_path / name)

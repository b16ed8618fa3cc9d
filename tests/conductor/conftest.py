"""Run workflows on every backend: the language means the same on all of them."""

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


class Runner:
    """Runs the text of a workflow on one backend; keyword arguments are the actions."""

    def __init__(self, backend):
        self.backend = backend
        self._runs = []

    @property
    def is_local(self):
        """Whether actions run in this process."""
        return self.backend in ("inline", "threads")

    def run(self, text, parameters=None, **actions):
        """Run a workflow to its end."""
        return self._run(text, parameters, actions, background=False)

    def start(self, text, parameters=None, **actions):
        """Start a run that continues in the background."""
        run = self._run(text, parameters, actions, background=True)
        self._runs.append(run)
        return run

    def close(self):
        """End the runs that a failed test has left: they would disturb the tests after it."""
        for run in self._runs:
            if not run.has_ended:
                run.cancel(force=True)
                run.wait(60)

    def _run(self, text, parameters, actions, **options):
        all_actions = {"boom": boom, "same": same, "late": late, **actions}
        return attune_nb.loads(text).run(
            parameters, actions=all_actions, backend=self.backend, progress=False, **options
        )


@pytest.fixture(
    params=[
        "inline",
        "threads",
        pytest.param("processes", marks=pytest.mark.slow),
        pytest.param("dask", marks=pytest.mark.slow),
    ]
)
def runner(request):
    """Run workflows on each backend."""
    if request.param == "dask":
        request.getfixturevalue("cluster")

    # a worker may not have the path of the test's module
    cloudpickle.register_pickle_by_value(request.module)
    runner = Runner(request.param)
    yield runner
    runner.close()
    cloudpickle.unregister_pickle_by_value(request.module)


@pytest.fixture(params=["inline", "threads"])
def local_runner(request):
    """Run workflows on the backends of this process, for values that cannot leave it."""
    runner = Runner(request.param)
    yield runner
    runner.close()


@pytest.fixture
def calls(tmp_path):
    """A list that actions append to, one element for each call."""
    return shared_records.SharedList(tmp_path / "calls")


@pytest.fixture
def make_flag(tmp_path):
    """Make a flag with a name."""
    return lambda name: shared_records.SharedFlag(tmp_path / name)

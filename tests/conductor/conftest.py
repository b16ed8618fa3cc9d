"""Running a workflow on both backends of this process."""

import pytest

import attune_nb


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


@pytest.fixture(params=["inline", "threads", "processes"])
def go(request):
    return Go(request.param)

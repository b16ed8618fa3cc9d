"""Values of each type through a run: on each backend, and of a run that was killed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import typed_values
from support.typed_values import ALL, echo, is_same, run_echo

import attune_nb

TESTS = Path(typed_values.__file__).parents[1]


def find_changed(results):
    """Return the names of the values that did not come back as they were."""
    pairs = zip(ALL, results, strict=True)
    return [name for name, result in pairs if not is_same(result, ALL[name])]


def assert_holds_all(run):
    assert run.status == "succeeded"
    assert find_changed(run.result("each")) == []
    assert find_changed(run.output["many"]) == []
    assert find_changed(run.output["value"].values()) == []


@pytest.mark.parametrize("backend", ["inline", "threads", "processes", "dask"])
@pytest.mark.slow
def test_each_value_comes_back_from_a_backend(backend, tmp_path):
    store = tmp_path / "runs.db"
    run = run_echo(ALL, list(ALL.values()), backend=backend, store=store)

    assert_holds_all(run)
    assert_holds_all(attune_nb.open_run(run.run_id, store=store))


@pytest.mark.slow
def test_each_value_comes_back_after_a_kill(tmp_path):
    store = tmp_path / "runs.db"
    script = "import sys; from support import typed_values as t; t.run_until_killed(sys.argv[1])"
    killed = subprocess.run(
        [sys.executable, "-c", script, store],
        cwd=TESTS,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode < 0, killed.stderr
    repeated = []

    def note(value):
        repeated.append(value)
        return value

    run_id = attune_nb.runs(store)["run_id"][0]
    run = attune_nb.resume(
        run_id, store=store, actions={"echo": note, "last": echo}, progress=False
    )

    assert run.status == "succeeded"
    assert repeated == []
    assert find_changed(run.result("each")) == []
    assert find_changed(run.result("last")) == []


NUMPY = {
    "float": (np.float32(0.5), 0.5),
    "integer": (np.int64(3), 3),
    "boolean": (np.bool_(1), True),
    "string": (np.str_("a"), "a"),
    "bytes": (np.bytes_(b"a"), b"a"),
    "complex number": (np.complex64(1j), 1j),
}


@pytest.mark.parametrize(("value", "plain"), NUMPY.values(), ids=NUMPY)
def test_a_scalar_of_numpy_is_a_plain_value(value, plain):
    run = run_echo(value, [value], backend="inline", store="none")
    assert is_same(run.result("one"), plain)
    assert is_same(run.result("each")[0], plain)

"""A rolling deployment stops at its first failure, and goes on with the rest after the repair."""

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cloudpickle
import pytest
from support import rollouts
from support.item_runs import until
from support.rollouts import BROKEN, WORKFLOW, deploy, deploy_repaired, hosts_of, read_log

import attune_nb

cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(rollouts)

ENGINE = """
import sys
import attune_nb
import cloudpickle

sys.path.insert(0, sys.argv[4])
from support import rollouts

cloudpickle.register_pickle_by_value(rollouts)
attune_nb.loads(rollouts.WORKFLOW).run(
    {"log": sys.argv[1]}, actions={"deploy": rollouts.deploy}, backend=sys.argv[2], workers=5,
    store=sys.argv[3], progress=False,
)
"""


async def deploy_async(host, log):
    import asyncio  # noqa: PLC0415 - the function is sent to workers

    from support.rollouts import (  # noqa: PLC0415
        BROKEN,
        BROKEN_NUMBER,
        is_settled,
        note,
        read_log,
    )

    note(log, "begin", host)
    if host == BROKEN:
        while not is_settled(log):  # noqa: ASYNC110 - processes write to it
            await asyncio.sleep(0.1)
        note(log, "fail", host)
        raise RuntimeError("no space left")

    if int(host.removeprefix("host-")) > BROKEN_NUMBER:
        while ("fail", BROKEN) not in read_log(log):  # noqa: ASYNC110 - a process writes it
            await asyncio.sleep(0.01)
        # until the engine has received it
        await asyncio.sleep(0.5)
    note(log, "end", host)
    return f"{host} is new"


@pytest.fixture(params=["threads", "processes", "dask"])
def backend(request):
    """A backend, with five workers if they are processes."""
    if request.param == "dask":
        request.getfixturevalue("cluster")
    return request.param


def roll_out(backend, log, action=deploy):
    return attune_nb.loads(WORKFLOW).run(
        {"log": str(log)}, actions={"deploy": action}, backend=backend, workers=5, progress=False
    )


@pytest.mark.parametrize("action", [deploy, deploy_async])
def test_no_host_begins_after_the_failure(tmp_path, backend, action):
    log = tmp_path / "log"
    run = roll_out(backend, log, action)

    lines = read_log(log)
    after = lines[lines.index(("fail", BROKEN)) :]
    assert hosts_of(after, "begin") == []
    assert len(hosts_of(after, "end")) <= 4
    assert len(hosts_of(lines, "begin")) <= 18

    # those that ran beside it have finished
    assert sorted([*hosts_of(lines, "end"), BROKEN]) == sorted(hosts_of(lines, "begin"))
    statuses = Counter(run.items("deploy")["status"])
    begun = len(hosts_of(lines, "begin"))
    assert statuses == {"succeeded": begun - 1, "failed": 1, "skipped": 20 - begun}
    assert (
        f"stopped after 1 failure, as `max_failures` is 0; {20 - begun} of 20 items not started"
        in run.error
    )


def test_a_retry_deploys_only_the_rest(tmp_path, backend):
    log = tmp_path / "log"
    run = roll_out(backend, log)
    done = hosts_of(read_log(log), "end")

    again = run.retry(actions={"deploy": deploy_repaired}, progress=False)
    assert again.status == "succeeded"
    assert again.result("deploy") == [f"host-{number} is new" for number in range(20)]
    repaired = hosts_of(read_log(log), "end")[len(done) :]
    assert sorted(done + repaired) == sorted(f"host-{number}" for number in range(20))


def is_on_record(store, status):
    """Return whether an attempt with a status is on record."""
    if not store.exists() or attune_nb.runs(store).empty:
        return False

    (run_id,) = attune_nb.runs(store)["run_id"]
    attempts = attune_nb.open_run(run_id, store).attempts()
    return status in set(attempts["status"])


@pytest.mark.parametrize("word", ["begin", "fail"])
def test_a_killed_rollout_deploys_only_the_rest(tmp_path, backend, word):
    """It is killed while the host that fails is at work, or when it has failed."""
    log = tmp_path / "log"
    store = tmp_path / "runs.db"
    tests = Path(__file__).parents[1]
    held = "the broken" if word == "begin" else "others"
    hold = tmp_path / f"log.hold {held}"
    hold.touch()
    first_backend = "processes" if backend == "dask" else backend
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, log, first_backend, store, tests])
    while (word, BROKEN) not in read_log(log):
        assert engine.poll() is None
        time.sleep(0.01)
    until(lambda: is_on_record(store, "failed" if word == "fail" else "succeeded"))
    engine.kill()
    engine.wait()
    hold.unlink()

    (run_id,) = attune_nb.runs(store)["run_id"]
    on_record = attune_nb.open_run(run_id, store).items("deploy")
    finished = on_record.loc[on_record["status"] == "succeeded", "item"].tolist()
    actions = {"deploy": deploy_repaired}
    resumed = attune_nb.resume(run_id, store, actions=actions, backend=backend, progress=False)
    if word == "fail":
        assert resumed.status == "failed"
        assert Counter(resumed.items("deploy")["status"])["failed"] == 1
        resumed = resumed.retry(actions=actions, progress=False)

    assert resumed.status == "succeeded"
    ends = Counter(hosts_of(read_log(log), "end"))
    assert set(ends) == {f"host-{number}" for number in range(20)}
    assert {ends[host] for host in finished} == {1}

"""The parts of an item's cost, to compare with an earlier state of the code.

    pytest benchmarks --benchmark-save=before
    pytest benchmarks --benchmark-compare --benchmark-compare-fail=median:50%

The first command saves the figures in `.benchmarks`. The second, after a change, compares the new
figures with the last ones that were saved.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

import attune_nb as attune
from attune_nb.bench.peers import WORKFLOW, no_op
from attune_nb.bench.strategies import STRATEGIES, plain_context
from attune_nb.demo import WORKFLOW as DEMO
from attune_nb.language.parameter_specs import bind
from attune_nb.values.frozen import freeze
from attune_nb.values.secrets import Mask
from benchmarks import masking, records, tables
from benchmarks.tasks import write_chain

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"empty": 0, "100KB": 102_400, "500KB": 512_000, "1MB": 1_024_000, "5MB": 5_120_000}
TEXTS = [
    "{{ item.url }}",
    "{{ item.name }} at {{ item.url }}",
    "{{ item.name | upper }}",
    "{{ workflow.region }}",
    "{{ task.fetch.total }}",
]


@pytest.mark.parametrize("size", SIZES)
def test_scope(benchmark: Any, size: str) -> None:
    make = STRATEGIES["attune_nb"](plain_context(SIZES[size]))
    benchmark(make, "item", 7)


@pytest.mark.parametrize("variables", [1, 10, 100])
def test_scope_with_variables_of_1_kb(benchmark: Any, variables: int) -> None:
    context = attune.WorkflowContext.create(
        vars={f"name_{number}": "x" * 1_024 for number in range(variables)}
    )
    benchmark(context.scope, "item", 7)


@pytest.mark.parametrize("count", [10, 100, 1_000, 10_000])
def test_scopes_on_1_mb(benchmark: Any, count: int) -> None:
    make = STRATEGIES["attune_nb"](plain_context(SIZES["1MB"]))

    def make_all() -> None:
        for number in range(count):
            make(number, number)

    benchmark(make_all)


@pytest.mark.parametrize("text", TEXTS)
def test_template(benchmark: Any, text: str) -> None:
    context = attune.WorkflowContext.create(vars={"region": "eu"})
    context = context.with_result("fetch", {"total": 3})
    scope = context.scope(freeze({"url": "http://127.0.0.1", "name": "web-1"}), 0)

    benchmark(attune.Template(text).evaluate, scope)


@pytest.mark.parametrize("backend", ["threads", "inline"])
def test_fan_out_of_10_000(benchmark: Any, backend: str) -> None:
    workflow = attune.loads(WORKFLOW)
    parameters = {"items": range(10_000)}
    actions = {"no_op": no_op}

    def run() -> None:
        workflow.run(parameters, actions=actions, backend=backend, progress=False, store="none")

    benchmark(run)


def test_load(benchmark: Any) -> None:
    benchmark(attune.loads, DEMO)


def test_freeze_of_1_mb(benchmark: Any) -> None:
    benchmark(freeze, plain_context(SIZES["1MB"])["tasks"])


def test_records_taken_in(benchmark: Any) -> None:
    benchmark(freeze, records.make_rows(10_000))


def test_records_as_a_declared_parameter(benchmark: Any) -> None:
    benchmark(bind, {"rows": records.SCHEMA}, {"rows": records.make_rows(10_000)})


def test_fan_out_of_10_000_records(benchmark: Any) -> None:
    workflow = attune.loads(records.WORKFLOW)
    parameters = {"rows": records.make_rows(10_000)}
    actions = {"score": records.score}

    def run() -> None:
        workflow.run(parameters, actions=actions, progress=False, store="none")

    benchmark(run)


def test_a_record_of_10_000_records_is_opened(benchmark: Any, tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    run_id = _run_records(10_000, store).run_id

    benchmark(attune.open_run, run_id, store)


def test_items_of_10_000_records(benchmark: Any) -> None:
    run = _run_records(10_000, "none")
    benchmark(run.items, "score")


def test_attempts_of_10_000_records(benchmark: Any) -> None:
    run = _run_records(10_000, "none")
    benchmark(run.attempts, "score")


def _run_records(count: int, store: str) -> attune.Run:
    workflow = attune.loads(records.WORKFLOW)
    parameters = {"rows": records.make_rows(count)}
    actions = {"score": records.score}
    return workflow.run(parameters, actions=actions, progress=False, store=store)


def test_a_table_is_kept(benchmark: Any, tmp_path: Path) -> None:
    store = str(tmp_path / "runs.db")
    workflow = attune.loads(tables.WORKFLOW)
    frame = tables.make_frame(0)
    counts = itertools.count()

    def run() -> None:
        # another table each time: an equal one is on record already
        changed = frame.assign(id=frame["id"] + next(counts))
        actions = {"load": lambda number: changed}  # noqa: ARG005 - a task has one table
        workflow.run({"tables": 1}, actions=actions, progress=False, store=store)

    benchmark(run)


def test_1_000_secrets_in_1_mb(benchmark: Any) -> None:
    secrets = {f"key {number}": f"secret-{number:06}" for number in range(1_000)}
    mask = Mask(secrets)
    benchmark(mask.text, masking.make_text(1_000_000, "secret-000007"))


def test_chain_of_200_tasks(benchmark: Any) -> None:
    workflow = attune.loads(write_chain(200))
    benchmark(workflow.run, progress=False, store="none")

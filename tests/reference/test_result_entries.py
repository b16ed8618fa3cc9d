"""Entries of what runs leave behind: each column, error, metric and variable has one."""

import inspect
import re
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from support.recorded_spans import RecordedSpans

import attune_nb as attune
from attune_nb import bench, errors
from attune_nb.actions import http_errors
from attune_nb.packs.artifacts.view import Artifacts
from attune_nb.reference.columns import TABLES, columns_of
from attune_nb.reference.errors import ERROR_CLASSES, ERRORS, error_classes
from attune_nb.reference.metrics import METRICS, SPAN_ATTRIBUTES, describe_metric
from attune_nb.reference.settings import VARIABLES
from attune_nb.running.recorded_run import RecordedRun
from attune_nb.server.metrics import _metrics_of
from attune_nb.server.run_counters import RunCounters

ROOT = Path(attune.__file__).parent

WORKFLOW = """
tasks:
  - name: check
    action: core.shell
    with_items: [0, 1]
    retry: {count: 1}
    input: {cmd: "echo checking; exit {{ item }}"}
    next: [{when: "{{ failed() }}", do: approve}]
  - name: approve
    action: core.ask
    input: {prompt: Go on?}
    next: [{do: inner}]
  - name: inner
    action: inner
"""
INNER = "name: inner\ntasks: [{name: nothing, action: core.noop}]"

# the types of the values of a column, by the first words of its entry
TYPES = {
    "string": pd.api.types.is_string_dtype,
    "string or null": pd.api.types.is_object_dtype,
    "integer": pd.api.types.is_integer_dtype,
    "integer or missing": pd.api.types.is_integer_dtype,
    "number": pd.api.types.is_numeric_dtype,
    "boolean": pd.api.types.is_bool_dtype,
    "date in UTC": lambda dtype: str(getattr(dtype, "tz", "")) == "UTC",
    "any value": pd.api.types.is_object_dtype,
}


def is_of_type(series, values):
    """Return whether the values of a column are as its entry says."""
    name = values.partition(",")[0]
    is_fitting = TYPES[name.removesuffix(" or missing") if name not in TYPES else name]
    if series.dtype != object or name in ("any value", "string or null"):
        return is_fitting(series.dtype)
    # some columns of text and of numbers are of objects
    return is_fitting(series.infer_objects().dtype) or series.map(type).eq(str).all()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """All tables, by their names."""
    store = tmp_path_factory.mktemp("store") / "runs.db"
    inner = attune.loads(INNER)
    workflow = attune.loads(WORKFLOW)
    run = workflow.run(answers={"approve": "yes"}, actions={"inner": inner}, store=store)
    sampled = workflow_without_results().run(store=store)

    return {
        "run.tasks": run.tasks,
        "run.items": run.items("check"),
        "run.attempts": sampled.attempts(),
        "run.failures": run.failures(),
        "run.successes": run.successes(),
        "run.logs": run.logs(),
        "run.children": run.children(),
        "run.answers": run.answers,
        "run.diff": run.diff(sampled),
        "run.artifacts.frame": Artifacts([], store, run.context.mask).frame,
        "attune_nb.runs": attune.runs(store, children=True),
        "bench.clone": bench.clone([1], ["attune_nb"], counts=[1], repeats=1),
        "bench.fanout": bench.fanout([1], [1], ["for loop"], repeats=1),
    }


def workflow_without_results():
    return attune.loads(
        "tasks: [{name: count, action: core.noop, with_items: '{{ range(6000) }}', "
        "concurrency: 10, keep_results: none}]"
    )


def test_every_table_is_compared(tables):
    # a test of the benchmark itself starts a cluster
    assert {entry.name for entry in TABLES} - set(tables) == {"bench.crossing"}


@pytest.mark.parametrize("name", [entry.name for entry in TABLES if entry.name != "bench.crossing"])
def test_the_columns_of_a_table_have_entries(name, tables):
    assert list(tables[name].columns) == [entry.name for entry in columns_of(name)]


@pytest.mark.parametrize(
    "name",
    [entry.name for entry in TABLES if entry.name not in ("bench.crossing", "run.artifacts.frame")],
)
def test_the_values_of_a_table_are_as_described(name, tables):
    frame = tables[name]
    assert len(frame)
    for entry in columns_of(name):
        assert is_of_type(frame[entry.name], entry.values), (entry.name, frame[entry.name].dtype)


def test_a_new_column_has_no_entry(tables):
    frame = tables["run.tasks"].assign(colour="red")

    assert list(frame.columns) != [entry.name for entry in columns_of("run.tasks")]


def test_every_table_of_a_run_is_described():
    """A method that returns a DataFrame has an entry."""
    names = set()
    for name, member in inspect.getmembers(RecordedRun) + inspect.getmembers(attune.Run):
        function = member.fget if isinstance(member, property) else member
        returned = getattr(function, "__annotations__", {}).get("return")
        if returned == "pd.DataFrame" and not name.startswith("_"):
            names.add(f"run.{name}")

    assert names
    assert names <= {entry.name for entry in TABLES}


# --- errors ----------------------------------------------------------------------------------


def test_every_error_has_an_entry():
    modules = (errors, http_errors)
    classes = {name for module in modules for name in error_classes(module)}

    assert classes == set(ERROR_CLASSES) <= {entry.name for entry in ERRORS}


def test_a_new_error_without_a_description_is_noticed():
    module = ModuleType("more_errors")
    module.NewError = type("NewError", (errors.AttuneError,), {"__doc__": None})
    module.__all__ = ["NewError"]

    assert error_classes(module) == {"NewError": module.NewError}
    assert module.NewError.__doc__ is None
    assert set(error_classes(module)) - {entry.name for entry in ERRORS}


def test_every_type_of_an_error_that_is_made_has_an_entry():
    types = set()
    for path in ROOT.rglob("*.py"):
        types |= set(re.findall(r'(?:ErrorInfo\(\s*type|error_type) ?= ?"(\w+)"', path.read_text()))

    assert {"WorkerLost", "ParallelFailed", "InquiryCancelled"} <= types
    assert types <= {entry.name for entry in ERRORS}


# --- metrics ---------------------------------------------------------------------------------


def metrics_of(group):
    return {entry.name: entry for entry in METRICS if entry.group == group}


def test_the_figures_of_a_run_have_entries(tables):
    run = attune.loads("tasks: [{name: a, action: core.noop}]").run()

    assert list(run.metrics) == list(metrics_of("run.metrics"))


def test_every_metric_for_prometheus_has_an_entry():
    described = {}
    for metric in _metrics_of(RunCounters()):
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        labels = ", ".join(metric._labelnames)  # noqa: SLF001
        described[name] = f"{metric.type}; {labels}" if labels else metric.type
        assert metric.documentation == describe_metric(name)

    entries = metrics_of("Prometheus").items()
    assert described == {name: entry.values for name, entry in entries}  # noqa: PD011


def test_a_metric_without_an_entry_cannot_be_made():
    with pytest.raises(KeyError, match="attune_new_total"):
        describe_metric("attune_new_total")


def test_every_metric_for_opentelemetry_and_attribute_has_an_entry(tmp_path):
    spans = RecordedSpans()
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    workflow = attune.loads(WORKFLOW)
    run_options = {"answers": {"approve": "yes"}, "actions": {"inner": attune.loads(INNER)}}
    follower = spans.reader(items="sample:5", cicd=True, meter_provider=provider)
    workflow.run(readers=[follower], store=tmp_path / "runs.db", **run_options)
    failing = attune.loads("tasks: [{name: stop, action: core.fail, input: {message: no}}]")
    failing.run(readers=[spans.reader(cicd=True, meter_provider=provider)])
    failing.run(readers=[spans.reader(cicd=True)], mock={"stop": 1})

    attributes = {name for span in spans.all for name in span.attributes}
    assert attributes == {entry.name for entry in SPAN_ATTRIBUTES}

    (resource,) = reader.get_metrics_data().resource_metrics
    names = {metric.name for scope in resource.scope_metrics for metric in scope.metrics}
    assert names == set(metrics_of("OpenTelemetry"))
    provider.shutdown()


# --- variables of the environment ------------------------------------------------------------


def variables_in(text):
    """Return the variables of the environment that a text names in strings."""
    names = set(re.findall(r"\"((?:ATTUNE_[A-Z_]+|OTEL_[A-Z_]+))\"", text))
    # constants of the language, and the mark of a process
    return names - {"ATTUNE_KEYS", "ATTUNE_TRANSITION_KEYS", "ATTUNE_NB_COMMAND"}


def described_variables():
    return {entry.name.removesuffix("*") for entry in VARIABLES}


def test_every_variable_that_is_read_has_an_entry():
    found = set()
    for path in ROOT.rglob("*.py"):
        if path.parent.name != "reference":
            found |= variables_in(path.read_text())

    # the first one is named in a message alone
    assert found | {"ATTUNE_NB_CACHE"} == described_variables()


def test_a_new_variable_without_an_entry_is_noticed():
    names = variables_in('os.environ.get("ATTUNE_NB_COLOUR")')

    assert names - described_variables() == {"ATTUNE_NB_COLOUR"}

"""Spans of runs on the command line and in cells: `--otel`, and the setting of the magic."""

import json
import os
import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from support.command_line import GREET, attune, attune_here
from support.recorded_spans import RecordedSpans

import attune_nb
from attune_nb import otel

CELL = "tasks:\n- {name: cell, action: core.noop}\n"


@pytest.fixture
def spans():
    return RecordedSpans()


@pytest.fixture
def workflow_file(tmp_path):
    path = tmp_path / "greet.yaml"
    path.write_text(GREET)
    return path


@pytest.fixture
def magics(ipython, spans, monkeypatch):
    """Yield the magics of a shell whose tracer provider is that of `spans`."""
    monkeypatch.setattr(otel, "reader_from_environment", spans.reader)
    magics = ipython.magics_manager.registry["AttuneMagics"]
    yield magics
    magics.otel = False


@pytest.mark.slow
def test_the_command_line_sends_spans_as_variables_say(workflow_file):
    environment = {
        **os.environ,
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_SERVICE_NAME": "nightly",
        "OTEL_SDK_DISABLED": "",
    }
    outcome = attune("run", workflow_file, "--otel", "--logs", "none", env=environment)

    assert outcome.returncode == 0, outcome.stderr
    text = outcome.stdout[outcome.stdout.index("{") :]
    decoder = json.JSONDecoder()
    names = []
    while text.startswith("{"):
        span, end = decoder.raw_decode(text)
        names.append(span["name"])
        assert span["resource"]["attributes"]["service.name"] == "nightly"
        text = text[end:].lstrip()
    assert names == ["task greet", "run greet"]


@pytest.mark.parametrize("by_variable", [False, True])
def test_spans_without_an_exporter_are_an_error(workflow_file, monkeypatch, by_variable):
    monkeypatch.delenv("OTEL_TRACES_EXPORTER", raising=False)
    words = ["run", str(workflow_file)]
    if by_variable:
        monkeypatch.setenv("ATTUNE_NB_OTEL", "1")
    else:
        words.append("--otel")
    outcome = attune_here(*words)

    assert outcome.exit_code == 2
    assert "no exporter takes the spans: set OTEL_TRACES_EXPORTER" in outcome.stderr


@pytest.mark.parametrize(
    ("exporter", "message"),
    [
        ("otlp", "is missing: pip install opentelemetry-exporter-otlp"),
        ("consol", "there is no exporter `consol`; did you mean `console`?"),
    ],
)
def test_an_unknown_exporter_is_an_error(workflow_file, monkeypatch, exporter, message):
    monkeypatch.setattr("attune_nb.otel.environment.entry_points", only_console)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", exporter)
    outcome = attune_here("run", str(workflow_file), "--otel")

    assert outcome.exit_code == 2
    assert message in outcome.stderr


def only_console(*, group):
    """Return the entry points of a machine with no exporter but that of the SDK."""

    class Console:
        name = "console"

    return [Console()]


def test_an_sdk_that_is_turned_off_is_no_error(workflow_file, monkeypatch, caplog):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    outcome = attune_here("run", str(workflow_file), "--otel")

    assert outcome.exit_code == 0
    assert caplog.messages == []


def test_a_reader_without_a_provider_says_so_once(caplog):
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    reader = otel.reader()
    workflow = attune_nb.loads(CELL)
    workflow.run(readers=[reader])
    workflow.run(readers=[reader])

    (message,) = caplog.messages
    assert "no tracer provider of OpenTelemetry is set" in message


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "attune_nb.otel.follower", None)
    with pytest.raises(attune_nb.ParameterError, match=r"pip install 'attune_nb\[otel\]'"):
        otel.reader()


def test_a_cell_sends_spans_with_the_option(magics, spans, ipython):
    ipython.run_cell_magic("attune", "spanned", CELL)
    assert spans.names == []

    ipython.run_cell_magic("attune", "spanned --otel", CELL)
    assert spans.names == ["run spanned", "task cell"]


def test_the_setting_holds_for_all_runs_of_a_notebook(magics, spans, ipython):
    magics.otel = True
    ipython.run_cell_magic("attune", "spanned", CELL)
    ipython.run_line_magic("attune", "run spanned")
    ipython.run_line_magic("attune", "fork run --from cell")

    assert len(spans.named("run spanned")) == 3


def test_the_conventions_for_pipelines_can_be_added(spans):
    metric_reader = InMemoryMetricReader()
    reader = spans.reader(
        cicd=True, meter_provider=MeterProvider([metric_reader], shutdown_on_exit=False)
    )
    run = attune_nb.loads(f"name: nightly\n{CELL}").run(readers=[reader])

    root = spans.only("RUN nightly")
    assert root.kind is trace.SpanKind.SERVER
    assert root.attributes["cicd.pipeline.name"] == "nightly"
    assert root.attributes["cicd.pipeline.run.id"] == run.run_id
    assert root.attributes["cicd.pipeline.result"] == "success"
    task = spans.only("task cell")
    assert task.kind is trace.SpanKind.INTERNAL
    assert task.attributes["cicd.pipeline.task.name"] == "cell"
    assert task.attributes["cicd.pipeline.task.run.id"] == f"{run.run_id}/cell/1"
    assert task.attributes["cicd.pipeline.task.run.result"] == "success"

    (resource,) = metric_reader.get_metrics_data().resource_metrics
    (scope,) = resource.scope_metrics
    figures = {metric.name: metric.data.data_points[0] for metric in scope.metrics}
    assert figures["cicd.pipeline.run.active"].value == 0
    assert figures["cicd.pipeline.run.duration"].count == 1
    assert figures["cicd.pipeline.run.duration"].attributes["cicd.pipeline.result"] == "success"
    assert "cicd.pipeline.run.errors" not in figures

"""Metrics of runs for Prometheus, on the `/metrics` of the Jupyter server.

They are read from the stores when Prometheus asks for them, in a thread: without Prometheus they
cost nothing.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections import Counter
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from attune_nb.reference.metrics import describe_metric
from attune_nb.server.run_counters import BUCKETS, OTHER, STATES, RunCounters
from attune_nb.store.reading import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from prometheus_client import CollectorRegistry, Metric

    from attune_nb.server.run_counters import Histogram, Labels, OpenRun
    from attune_nb.server.stores import Stores

__all__ = ["MetricsSource", "RunCollector"]

# Seconds that a request of Prometheus waits for a look at the stores. The event loop waits, too:
# after this time the figures of the look before are sent.
_MAX_WAIT = 0.2

_log = logging.getLogger("attune_nb")

# the one collector of each registry
_collectors: WeakKeyDictionary[CollectorRegistry, RunCollector] = WeakKeyDictionary()
_collectors_lock = threading.Lock()


class MetricsSource:
    """The stores of one application, among those whose runs a registry counts.

    Several applications in one process share a collector, since the same time series must not be
    sent twice.

    Args:
        stores: The stores.
        threads: Reads them.
        registry: The registry; that of Jupyter's `/metrics` by default.
    """

    def __init__(
        self, stores: Stores, threads: Executor, registry: CollectorRegistry = REGISTRY
    ) -> None:
        self.stores = stores
        self.threads = threads
        self._registry = registry

    def register(self) -> None:
        """Add the metrics to the registry."""
        with _collectors_lock:
            collector = _collectors.get(self._registry)
            if collector is None:
                collector = RunCollector()
                _collectors[self._registry] = collector
                self._registry.register(collector)

            collector.add(self)

    def unregister(self) -> None:
        """Remove the metrics from the registry, unless another application has some."""
        with _collectors_lock:
            collector = _collectors.get(self._registry)
            if collector is None or not collector.remove(self):
                return

            del _collectors[self._registry]
            self._registry.unregister(collector)


class RunCollector(Collector):
    """Collects the metrics of the runs of all stores of a process."""

    def __init__(self) -> None:
        self._sources: list[MetricsSource] = []
        self._counters = RunCounters()
        self._look: Future[None] | None = None
        self._metrics: list[Metric] = []

    def add(self, source: MetricsSource) -> None:
        """Collect from more stores."""
        self._sources.append(source)

    def remove(self, source: MetricsSource) -> bool:
        """Collect no more from some stores; return whether no others are left."""
        if source in self._sources:
            self._sources.remove(source)
        return not self._sources

    def describe(self) -> list[Metric]:
        """Return no description: a registry would collect to get one, before there is a store."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics after a look at the stores; as they were, if the look takes long."""
        if self._look is None or self._look.done():
            self._look = self._begin_look()

        if self._look is not None:
            # its errors are logged in its thread
            wait([self._look], _MAX_WAIT)
        yield from self._metrics

    def _begin_look(self) -> Future[None] | None:
        """Begin a look at the stores in a thread; return None if no application has threads."""
        for source in list(self._sources):
            try:
                return source.threads.submit(self._read)
            except RuntimeError:
                # the application is ending
                continue
        return None

    def _read(self) -> None:
        """Look at all stores."""
        try:
            paths: list[Path] = []
            for source in list(self._sources):
                paths += source.stores.paths()
            self._counters.read(paths)
            self._metrics = list(_metrics_of(self._counters))
        except Exception:  # noqa: BLE001 - logged here; an error would end all of `/metrics`
            _log.exception("the metrics of runs could not be read")


def _metrics_of(counters: RunCounters) -> Iterator[Metric]:
    """Yield the metrics; a name and its labels are yielded once."""
    yield from _run_metrics(counters)
    yield from _task_metrics(counters)
    yield from _process_metrics(counters)


def _run_metrics(counters: RunCounters) -> Iterator[Metric]:
    ended = _with_zeros(counters.ended, counters.workflows, ENDED)
    yield _counter("attune_runs", ["workflow", "status"], ended)
    yield _active_runs(counters)
    yield _gauge(
        "attune_runs_interrupted",
        ["workflow"],
        counters.interrupted,
    )
    yield _histogram(
        "attune_run_duration_seconds",
        ["workflow"],
        counters.durations,
    )


def _task_metrics(counters: RunCounters) -> Iterator[Metric]:
    yield _counter("attune_items", ["workflow"], counters.items)
    yield _counter(
        "attune_items_failed",
        ["workflow"],
        counters.failed_items,
    )
    yield _histogram(
        "attune_task_duration_seconds",
        ["workflow", "task", "status"],
        counters.task_durations,
    )
    yield _histogram(
        "attune_with_items_duration_seconds",
        ["workflow", "task"],
        counters.item_durations,
    )


def _process_metrics(counters: RunCounters) -> Iterator[Metric]:
    yield _counter(
        "attune_context_scopes",
        ["workflow"],
        counters.scopes,
    )
    yield _gauge(
        "attune_context_size_bytes",
        ["workflow"],
        counters.context_bytes,
    )
    yield _gauge(
        "attune_executor_memory_bytes",
        ["workflow"],
        _memory_of(counters.open_runs),
    )

    questions = sum(run.questions for run in counters.open_runs)
    yield _gauge("attune_questions_open", [], {(): questions})
    yield _gauge(
        "attune_store_last_read_timestamp_seconds",
        [],
        {(): counters.read_time},
    )


def _active_runs(counters: RunCounters) -> Metric:
    counts = Counter([(run.workflow, run.state) for run in counters.open_runs])
    values = _with_zeros(counts, counters.workflows, STATES)
    return _gauge("attune_runs_active", ["workflow", "state"], values)


def _with_zeros(
    counts: Mapping[tuple[str, str], int], workflows: Sequence[str], words: Sequence[str]
) -> dict[Labels, int]:
    """Return counts by workflow and word, with zeros for all words of the workflows.

    A series that begins with 1 has not increased for Prometheus, and one that ends is not 0.
    """
    values: dict[Labels, int] = {}
    for workflow in (*workflows, OTHER):
        for word in words:
            count = counts.get((workflow, word), 0)
            if count or workflow != OTHER:
                values[workflow, word] = count
    return values


def _memory_of(runs: list[OpenRun]) -> dict[Labels, float]:
    """Return the memory of the processes of runs on this machine, the largest of a workflow."""
    import psutil  # noqa: PLC0415 - slow to import

    memory: dict[Labels, float] = {}
    host = socket.gethostname()
    for run in runs:
        if run.host != host:
            continue
        try:
            size = psutil.Process(run.pid).memory_info().rss
        except psutil.Error:
            # it has just ended
            continue

        labels = (run.workflow,)
        memory[labels] = max(size, memory.get(labels, 0))
    return memory


def _counter(name: str, labels: list[str], values: Mapping[Labels, float]) -> Metric:
    """Return a counter; the text for Prometheus adds `_total` to its name."""
    return _add_values(
        CounterMetricFamily(name, describe_metric(f"{name}_total"), labels=labels), values
    )


def _gauge(name: str, labels: list[str], values: Mapping[Labels, float]) -> Metric:
    return _add_values(GaugeMetricFamily(name, describe_metric(name), labels=labels), values)


def _add_values(
    family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[Labels, float]
) -> Metric:
    """Add values to a metric in the order of their labels, and return it."""
    for label_values, value in sorted(values.items()):
        family.add_metric(label_values, value)
    return family


def _histogram(name: str, labels: list[str], values: Mapping[Labels, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, describe_metric(name), labels=labels)
    limits = [*map(str, BUCKETS), "+Inf"]
    for label_values, histogram in sorted(values.items()):
        buckets: Any = list(zip(limits, histogram.cumulative(), strict=True))
        family.add_metric(label_values, buckets, histogram.total)
    return family

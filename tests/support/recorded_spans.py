"""Spans of OpenTelemetry that are kept in memory, for tests to look at."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from attune_nb import otel

__all__ = ["RecordedSpans"]


class RecordedSpans:
    """A tracer provider, and the spans that it has got.

    Attributes:
        provider: The provider.
    """

    def __init__(self, **options):
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def reader(self, **options):
        """Return a reader of runs that sends its spans here."""
        return otel.reader(tracer_provider=self.provider, **options)

    @property
    def all(self):
        """All spans, in the order of their ends."""
        return self._exporter.get_finished_spans()

    @property
    def names(self):
        """The names of all spans, sorted."""
        return sorted(span.name for span in self.all)

    def named(self, name):
        """Return the spans of a name."""
        return [span for span in self.all if span.name == name]

    def only(self, name):
        """Return the one span of a name."""
        (span,) = self.named(name)
        return span

"""The SDK of OpenTelemetry, set up as the environment variables say."""

from __future__ import annotations

import os
from importlib.metadata import entry_points

from opentelemetry import trace

from attune_nb.errors import ParameterError

__all__ = ["set_up_provider"]

_EXPORTER = "OTEL_TRACES_EXPORTER"


def set_up_provider() -> None:
    """Set a tracer provider, unless one is set.

    It is set up by the configurators that packages offer as entry points, as the command
    `opentelemetry-instrument` does it.

    Raises:
        ParameterError: No exporter is named, or the SDK or the exporter is not installed.
    """
    is_set = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    is_disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if is_set or is_disabled:
        return

    if not os.environ.get(_EXPORTER):
        raise ParameterError(
            f"no exporter takes the spans: set {_EXPORTER}, such as `{_EXPORTER}=otlp` with "
            "OTEL_EXPORTER_OTLP_ENDPOINT, or `console`; or set a tracer provider before"
        )
    configurators = list(entry_points(group="opentelemetry_configurator"))
    if not configurators:
        raise ParameterError(
            "the SDK of OpenTelemetry is missing: pip install opentelemetry-sdk "
            "opentelemetry-exporter-otlp"
        )
    try:
        for configurator in configurators:
            configurator.load()().configure()
    except Exception as error:  # noqa: BLE001 - a package of others may raise anything
        exporter = os.environ[_EXPORTER]
        raise ParameterError(
            f"OpenTelemetry cannot be set up for {_EXPORTER}={exporter}: {error}; "
            "`pip install opentelemetry-exporter-otlp` installs the usual exporter"
        ) from None

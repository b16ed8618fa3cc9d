"""The SDK of OpenTelemetry, set up as its environment variables say."""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from attune_nb.errors import ParameterError, nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["is_disabled", "set_up_provider"]

_EXPORTER = "OTEL_TRACES_EXPORTER"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")

# the entry points of exporters that `otlp` may mean
_OTLP_OVER_HTTP = "otlp_proto_http"
_OTLP_OVER_GRPC = "otlp_proto_grpc"

_INSTALL_SDK = "pip install opentelemetry-sdk opentelemetry-exporter-otlp"


def is_disabled() -> bool:
    """Return whether the environment turns OpenTelemetry off."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def set_up_provider() -> None:
    """Set a tracer provider with the exporters that the environment names, unless one is set.

    The SDK itself reads the other variables: the service's name, the sampler, the endpoint.

    Raises:
        ParameterError: No exporter is named, or the SDK or an exporter is not installed.
    """
    if is_disabled() or not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return

    names = _exporter_names()
    try:
        # the SDK is no dependency
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ModuleNotFoundError:
        raise ParameterError(f"the SDK of OpenTelemetry is missing: {_INSTALL_SDK}") from None

    exporters = [_make_exporter(name) for name in names]
    provider = TracerProvider()
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def _exporter_names() -> list[str]:
    """Return the exporters that the environment names; an empty list for `none`.

    Raises:
        ParameterError: It names none.
    """
    names = [name.strip() for name in os.environ.get(_EXPORTER, "").split(",") if name.strip()]
    if not names:
        raise ParameterError(
            f"no exporter takes the spans: set {_EXPORTER}, such as `{_EXPORTER}=otlp` with "
            "OTEL_EXPORTER_OTLP_ENDPOINT, or `console`; or set a tracer provider before"
        )
    return [name for name in names if name != "none"]


def _make_exporter(name: str) -> Any:
    """Return an exporter by its name in the environment.

    Raises:
        ParameterError: It is not installed, or cannot be used.
    """
    installed = {point.name: point for point in entry_points(group="opentelemetry_traces_exporter")}
    entry_point = _find_exporter(name, installed)
    if entry_point is None:
        if name == "otlp":
            raise ParameterError(
                f"the exporter of {_EXPORTER}=otlp is missing: pip install "
                "opentelemetry-exporter-otlp"
            )
        raise ParameterError(
            f"{_EXPORTER}: there is no exporter `{name}`{nearest(name, installed)}; installed: "
            f"{', '.join(sorted(installed))}"
        )

    try:
        return entry_point.load()()
    except Exception as error:  # noqa: BLE001 - the code of a package of others may raise anything
        raise ParameterError(
            f"the exporter of {_EXPORTER}={name} cannot be used: {error}"
        ) from None


def _find_exporter(name: str, installed: dict[str, EntryPoint]) -> EntryPoint | None:
    """Return the entry point of an exporter; `otlp` is one of two, by the protocol."""
    if name != "otlp":
        return installed.get(name)

    names = [_OTLP_OVER_GRPC, _OTLP_OVER_HTTP]
    for variable in _PROTOCOLS:
        if os.environ.get(variable, "").startswith("http"):
            names.reverse()
            break
    for candidate in (*names, name):
        if candidate in installed:
            return installed[candidate]
    return None

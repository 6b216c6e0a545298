"""Switches tracing on if OTEL_* asks for it; OpenTelemetry is loaded only then, and only here."""

from shared.telemetry.settings import TelemetrySettings
from shared.telemetry.tracing import Tracing


def tracing_for(service: str, settings: TelemetrySettings) -> Tracing | None:
    """Return tracing as OTEL_* configures it, or None without it; `service` is the default service name."""
    if not settings.traces_are_wanted:
        return None
    from shared.telemetry.otel import OtelTracing  # noqa: PLC0415 - it costs memory and a second at start

    return OtelTracing.from_environment(service, to_console=settings.otel_traces_exporter == "console")

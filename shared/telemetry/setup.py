"""Switches tracing on where OTEL_* asks for it; the one place that loads OpenTelemetry, and only then."""

from shared.telemetry.settings import TelemetrySettings
from shared.telemetry.tracing import Tracing


def tracing_for(service: str, settings: TelemetrySettings) -> Tracing | None:
    """Return tracing as OTEL_* says, or None where that says nothing; `service` is the name if that gives none."""
    if not settings.traces_are_wanted:
        return None
    from shared.telemetry.otel import OtelTracing  # noqa: PLC0415 - it takes memory and a second of everybody's start

    return OtelTracing.from_environment(service, to_console=settings.otel_traces_exporter == "console")

"""OpenTelemetry's own variables for tracing. Its SDK reads them; checking them here makes a wrong one stop the start.

An empty variable counts as not set, as OpenTelemetry's specification has it.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Value = TypeVar("Value")
Otel = Annotated[Value | None, BeforeValidator(lambda value: value or None)]
OtelUrl = Annotated[str, Field(pattern=r"^(https?://[^\s/]+\S*)?$")]
Ratio = Annotated[str, Field(pattern=r"^(0|1|0?\.[0-9]+|1\.0+)?$")]
Exporter = Literal["otlp", "console", "none"]
Sampler = Literal[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
]


class TelemetrySettings(BaseSettings):
    """Whether there is tracing, and where traces go."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", arbitrary_types_allowed=True, use_attribute_docstrings=True
    )

    otel_exporter_otlp_endpoint: OtelUrl = ""
    """A collector's URL for OTLP over HTTP, such as http://collector:4318; this switches tracing on."""
    otel_exporter_otlp_traces_endpoint: OtelUrl = ""
    """The same for traces only, with the path: http://collector:4318/v1/traces."""
    otel_exporter_otlp_protocol: Otel[Literal["http/protobuf"]] = None
    """The collector's protocol; only this one is supported."""
    otel_exporter_otlp_headers: SecretStr = SecretStr("")
    """Headers for the collector, such as a login: name=value,name=value."""
    otel_traces_exporter: Otel[Exporter] = None
    """Where traces go: to the collector, to standard output, or nowhere; `none` switches tracing off."""
    otel_traces_sampler: Otel[Sampler] = None
    """Which traces are recorded; by default all except those that a producer chose not to record."""
    otel_traces_sampler_arg: Ratio = ""
    """The share of traces, from 0 to 1, that a ratio sampler records."""
    otel_service_name: str = ""
    """The process's name in traces; by default signalpost- and the name of the service."""
    otel_resource_attributes: str = ""
    """More attributes of the process in traces, such as deployment.environment.name=production."""
    otel_sdk_disabled: Otel[Literal["true", "false"]] = None
    """`true` switches tracing off, whatever else is set."""

    @property
    def traces_are_wanted(self) -> bool:
        """Whether there is anywhere to send traces to."""
        if self.otel_sdk_disabled == "true" or self.otel_traces_exporter == "none":
            return False
        return bool(
            self.otel_traces_exporter or self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint
        )

"""OTEL_*: what switches tracing on and off, and which values stop the start."""

import pytest

from services.dispatcher.settings import DispatcherSettings
from shared.process.settings import InvalidSettings, load

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def wanted(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> bool:
    monkeypatch.setenv("ENVIRONMENT", "development")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load(DispatcherSettings).traces_are_wanted


@pytest.mark.parametrize(
    "variables",
    [
        COLLECTOR,
        COLLECTOR | {"OTEL_TRACES_EXPORTER": "", "OTEL_SDK_DISABLED": "false"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector/v1/traces"},
        {"OTEL_TRACES_EXPORTER": "console"},
        {"OTEL_TRACES_EXPORTER": "otlp"},
    ],
)
def test_an_exporter_or_an_endpoint_switches_tracing_on(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    assert wanted(monkeypatch, variables)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        COLLECTOR | {"OTEL_SDK_DISABLED": "true"},
        COLLECTOR | {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_SERVICE_NAME": "a"},
    ],
)
def test_nothing_else_does(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    assert not wanted(monkeypatch, variables)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
    ],
)
def test_a_wrong_value_stops_the_start_and_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(InvalidSettings, match=f"^{name} holds '{value}'"):
        wanted(monkeypatch, {name: value})

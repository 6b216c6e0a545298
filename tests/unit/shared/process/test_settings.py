"""Settings come from the environment alone; a wrong one is one line that helps and tells no secret."""

from ipaddress import ip_network

import pytest

from services.api.settings import ApiSettings
from services.mailer.settings import MailerSettings
from services.webhook.settings import WebhookSettings
from shared.model.retry import RetrySchedule
from shared.process.settings import CoreSettings, DeliverySettings, InvalidSettings, load

STRONG_KEY = "k1:dGhlIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzLCAzMisgYg=="
JWT_SECRET = "a secret of the tests, long enough for HS256"
SECRET_PART = "hunter2"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any setting of ours, in production."""
    for settings in (ApiSettings, MailerSettings, WebhookSettings):
        for name in settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SECRETS_MASTER_KEYS", STRONG_KEY)
    return monkeypatch


def test_the_defaults_are_those_of_the_design(environment: pytest.MonkeyPatch) -> None:
    settings = load(WebhookSettings)
    assert settings.environment == "production"
    assert settings.mongodb_database == "signalpost"
    assert settings.notification_transport == "smtp"
    assert settings.notification_http_timeout == 10
    assert settings.notification_retry_schedule == RetrySchedule((1, 5, 25))
    assert settings.notification_retry_4xx == frozenset()
    assert settings.notification_auto_disable_after == 10
    assert settings.retention_days == 30
    assert settings.log_format == "json"
    assert settings.security_outbound_allowed_hosts == frozenset()
    assert settings.security_outbound_allowed_networks == ()


def test_lists_and_durations_are_read_from_plain_text(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("NOTIFICATION_HTTP_TIMEOUT", "2m")
    environment.setenv("NOTIFICATION_RETRY_SCHEDULE", "100ms, 2s,1m")
    environment.setenv("NOTIFICATION_RETRY_4XX", "408, 425,429")
    environment.setenv("SECURITY_OUTBOUND_ALLOWED_HOSTS", "hooks.internal, other.internal")
    environment.setenv("SECURITY_OUTBOUND_ALLOWED_NETWORKS", "10.0.0.0/8,fd00::/8")
    settings = load(WebhookSettings)
    assert settings.notification_http_timeout == 120
    assert settings.notification_retry_schedule == RetrySchedule((0.1, 2, 60))
    assert settings.notification_retry_4xx == {408, 425, 429}
    assert settings.security_outbound_allowed_hosts == {"hooks.internal", "other.internal"}
    assert settings.security_outbound_allowed_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "staging"),
        ("ENVIRONMENT", ""),
        ("MONGODB_DATABASE", "a/b"),
        ("MONGODB_DATABASE", ""),
        ("HEALTH_PORT", "70000"),
        ("HEALTH_PORT", "http"),
        ("NOTIFICATION_TRANSPORT", "pigeon"),
        ("NOTIFICATION_HTTP_TIMEOUT", "0"),
        ("NOTIFICATION_HTTP_TIMEOUT", "soon"),
        ("NOTIFICATION_HTTP_TIMEOUT", "-1s"),
        ("NOTIFICATION_RETRY_SCHEDULE", "1s,later"),
        ("NOTIFICATION_RETRY_SCHEDULE", "48h"),
        ("NOTIFICATION_RETRY_4XX", "500"),
        ("NOTIFICATION_RETRY_4XX", "teapot"),
        ("NOTIFICATION_AUTO_DISABLE_AFTER", "0"),
        ("SECURITY_OUTBOUND_ALLOWED_NETWORKS", "10.0.0.0/33"),
        ("SECURITY_OUTBOUND_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("RETENTION_DAYS", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_variable_and_what_it_held(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(InvalidSettings) as caught:
        load(WebhookSettings)
    [line] = str(caught.value).splitlines()
    assert line.startswith(f"{name} holds {value!r}: ")


@pytest.mark.parametrize("name", ["AMQP_URL", "MONGODB_URL", "SECRETS_MASTER_KEYS"])
def test_a_wrong_secret_is_named_and_never_shown(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, f"nonsense-{SECRET_PART}")
    with pytest.raises(InvalidSettings) as caught:
        load(WebhookSettings)
    [line] = str(caught.value).splitlines()
    assert line.startswith(f"{name} holds ")
    assert SECRET_PART not in line


@pytest.mark.parametrize(
    "held", [None, "", "k1:c2hvcnQ=", "k1:" + "QUFB" * 11 + "QQ==", STRONG_KEY.partition(":")[2]]
)
def test_production_does_not_start_without_a_strong_master_key(
    environment: pytest.MonkeyPatch, held: str | None
) -> None:
    if held is None:
        environment.delenv("SECRETS_MASTER_KEYS")
    else:
        environment.setenv("SECRETS_MASTER_KEYS", held)
    with pytest.raises(InvalidSettings) as caught:
        load(WebhookSettings)
    [line] = str(caught.value).splitlines()
    assert line.startswith("SECRETS_MASTER_KEYS holds ")


def test_development_starts_without_any_setting(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("SECRETS_MASTER_KEYS")
    environment.setenv("ENVIRONMENT", "development")
    assert load(WebhookSettings).keyring() is not None


def test_two_wrong_values_are_two_lines(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOG_LEVEL", "LOUD")
    environment.setenv("RETENTION_DAYS", "none")
    with pytest.raises(InvalidSettings) as caught:
        load(CoreSettings)
    assert {line.partition(" ")[0] for line in str(caught.value).splitlines()} == {"LOG_LEVEL", "RETENTION_DAYS"}


def test_settings_cannot_be_changed_after_the_start(environment: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(DeliverySettings).retention_days = 1


def test_secrets_do_not_show_in_a_repr(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AMQP_URL", f"amqp://user:{SECRET_PART}@host/")
    environment.setenv("AUTH_JWT_SECRET", JWT_SECRET)
    shown = repr(load(ApiSettings))
    assert SECRET_PART not in shown
    assert JWT_SECRET not in shown
    assert STRONG_KEY.partition(":")[2] not in shown

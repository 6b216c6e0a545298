"""The API's settings: what production refuses to start with."""

import pytest

from services.api.settings import DEVELOPMENT_JWT_SECRET, ApiSettings
from shared.process.settings import InvalidSettings, load
from tests.support.system import MASTER_KEYS

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENVIRONMENT", "AUTH_JWT_SECRET", "AUTH_JWKS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRETS_MASTER_KEYS", MASTER_KEYS)


@pytest.mark.parametrize(
    ("given", "variable"),
    [
        ({}, "AUTH_JWKS_URL"),
        ({"AUTH_JWT_SECRET": ""}, "AUTH_JWKS_URL"),
        ({"AUTH_JWT_SECRET": SECRET[:-1]}, "AUTH_JWT_SECRET"),
        ({"AUTH_JWKS_URL": "id.example/keys"}, "AUTH_JWKS_URL"),
        ({"AUTH_JWT_SECRET": SECRET, "API_PORT": "eighty"}, "API_PORT"),
        ({"AUTH_JWT_SECRET": SECRET, "API_CORS_ORIGINS": "https://app.example.com/path"}, "API_CORS_ORIGINS"),
        ({"AUTH_JWT_SECRET": SECRET, "API_CORS_ORIGINS": "*"}, "API_CORS_ORIGINS"),
        ({"AUTH_JWT_SECRET": SECRET, "LIMITS_HEADER_BYTES": "0"}, "LIMITS_HEADER_BYTES"),
        ({"AUTH_JWT_SECRET": SECRET, "LIMITS_IDLE_TIME": "0"}, "LIMITS_IDLE_TIME"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], variable: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as refused:
        load(ApiSettings)
    assert str(refused.value).startswith(f"{variable} holds ")
    assert "\n" not in str(refused.value)
    assert SECRET[:-1] not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "secret"),
    [({"AUTH_JWT_SECRET": SECRET}, SECRET), ({"AUTH_JWKS_URL": "https://id.example/keys"}, "")],
)
def test_production_needs_one_way_to_judge_tokens(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], secret: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert load(ApiSettings).jwt_secret() == secret


def test_only_development_without_any_key_takes_the_well_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "development")
    assert load(ApiSettings).jwt_secret() == DEVELOPMENT_JWT_SECRET
    monkeypatch.setenv("AUTH_JWKS_URL", "http://127.0.0.1/keys")
    assert load(ApiSettings).jwt_secret() == ""
    monkeypatch.setenv("AUTH_JWT_SECRET", "mine")
    assert load(ApiSettings).jwt_secret() == "mine"

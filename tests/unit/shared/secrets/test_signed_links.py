"""A link works for what it was made for and the address it went to, until it expires; nobody else can make one."""

from datetime import timedelta

import pytest

from shared.process.settings import InvalidSettings, LinkSettings, load
from shared.secrets.keyring import Keyring
from shared.secrets.signed_links import LIFETIMES, MAX_TOKEN, LinkRefused, Links, Purpose
from tests.support.values import NOON

OLD = "old:b2xkIG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzLCAzMisgYnl0ZXM="
NEW = "new:bmV3IG1hc3RlciBrZXkgb2YgdGhlIHRlc3RzLCAzMisgYnl0ZXM="
ADDRESS = "ops@example.com"


def links(keys: str = OLD) -> Links:
    return Links(Keyring.parse(keys).link_keys(), "https://notify.example.com")


def token(purpose: Purpose = Purpose.CONFIRM, keys: str = OLD) -> str:
    return links(keys).url(purpose, "es_1", ADDRESS, now=NOON).partition("?token=")[2]


def test_a_link_names_its_purpose_and_carries_the_token_alone() -> None:
    url = links().url(Purpose.UNSUBSCRIBE, "es_1", ADDRESS, now=NOON)
    assert url == f"https://notify.example.com/email-subscriptions/unsubscribe?token={token(Purpose.UNSUBSCRIBE)}"
    assert ADDRESS not in url


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_grants_what_it_was_made_for_until_it_expires(purpose: Purpose) -> None:
    grant = links().open(purpose, token(purpose), now=NOON + LIFETIMES[purpose])
    assert (grant.purpose, grant.subscription_id) == (purpose, "es_1")
    assert grant.is_for(ADDRESS)
    assert not grant.is_for("other@example.com")
    with pytest.raises(LinkRefused, match="expired"):
        links().open(purpose, token(purpose), now=NOON + LIFETIMES[purpose] + timedelta(seconds=1))


def test_a_link_to_unsubscribe_confirms_nothing_and_the_other_way_round() -> None:
    for made, used in ((Purpose.CONFIRM, Purpose.UNSUBSCRIBE), (Purpose.UNSUBSCRIBE, Purpose.CONFIRM)):
        with pytest.raises(LinkRefused):
            links().open(used, token(made), now=NOON)


def test_changing_any_character_of_a_token_makes_it_worthless() -> None:
    good = token()
    for position, character in enumerate(good):
        changed = good[:position] + ("A" if character != "A" else "B") + good[position + 1 :]
        with pytest.raises(LinkRefused):
            links().open(Purpose.CONFIRM, changed, now=NOON)


@pytest.mark.parametrize("text", ["", ".", "...", "a.b.c.d", "é.ü", "\ud800.", "1." * MAX_TOKEN, "\x00"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(LinkRefused):
        links().open(Purpose.CONFIRM, text, now=NOON)


def test_a_link_outlives_a_new_master_key_but_not_the_end_of_its_own() -> None:
    old = token(keys=OLD)
    assert links(f"{NEW},{OLD}").open(Purpose.CONFIRM, old, now=NOON).subscription_id == "es_1"
    with pytest.raises(LinkRefused):
        links(NEW).open(Purpose.CONFIRM, old, now=NOON)
    assert token(keys=f"{NEW},{OLD}") == token(keys=NEW), "the newest key signs"


def test_no_link_key_is_a_webhook_secret_or_a_master_key() -> None:
    keyring = Keyring.parse(f"{NEW},{OLD}")
    assert len({*keyring.link_keys()}) == 2
    assert "key" not in repr(links()).replace("Keyring", "")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Production, with a master key and nothing else of ours."""
    for name in LinkSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("SECRETS_MASTER_KEYS", OLD)
    return monkeypatch


def made_under(settings: LinkSettings) -> str:
    links = settings.links()
    assert links is not None
    return links.url(Purpose.CONFIRM, "es_1", ADDRESS, now=NOON).partition("/email-subscriptions/")[0]


def test_production_without_a_public_url_makes_no_links(environment: pytest.MonkeyPatch) -> None:
    assert load(LinkSettings).links() is None


def test_development_without_a_public_url_uses_the_apis_own_port(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "development")
    environment.setenv("API_PORT", "8123")
    assert made_under(load(LinkSettings)) == "http://127.0.0.1:8123"


@pytest.mark.parametrize("url", ["https://notify.example.com", "https://example.com:8443/notify/", "https://[::1]:8"])
def test_links_are_made_under_the_public_url(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("PUBLIC_URL", url)
    assert made_under(load(LinkSettings)) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://notify.example.com",
        "notify.example.com",
        "ftp://notify.example.com",
        "https://user:word@notify.example.com",
        "https://notify.example.com/?a=b",
        "https://notify.example.com/#a",
        "https://notify.example.com/a b",
        "https://notify.example.com/\r\nBcc: all@example.com",
        "https://notify.example.com/" + "a" * 900,
        "https://",
    ],
)
def test_a_public_url_that_could_not_stand_in_a_header_stops_the_start(
    environment: pytest.MonkeyPatch, url: str
) -> None:
    environment.setenv("PUBLIC_URL", url)
    with pytest.raises(InvalidSettings, match="PUBLIC_URL"):
        load(LinkSettings)

"""AMQP_URL with one node or several."""

import pytest

from signalpost.amqp.urls import each_url


@pytest.mark.parametrize(
    ("held", "urls"),
    [
        ("amqp://a/", ("amqp://a/",)),
        ("amqp://u:p@a:1/v,amqps://u:p@b:2/v", ("amqp://u:p@a:1/v", "amqps://u:p@b:2/v")),
        (" amqp://a/ ,\n amqp://b/", ("amqp://a/", "amqp://b/")),
        ("amqp://u:one,two@a/,amqp://u:one,two@b/", ("amqp://u:one,two@a/", "amqp://u:one,two@b/")),
    ],
)
def test_each_node_has_its_url(held: str, urls: tuple[str, ...]) -> None:
    assert each_url(held) == urls


@pytest.mark.parametrize("held", ["", "a", "http://a/", "amqp://", "http://a/,amqp://b/", "amqp://a/ amqp://b/"])
def test_what_is_no_amqp_url_is_refused(held: str) -> None:
    with pytest.raises(ValueError, match="expected amqp://user:password@host"):
        each_url(held)

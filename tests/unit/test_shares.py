"""Who is set aside: only who holds more than half of a dispatcher that is full."""

from services.dispatcher.fairness import CALM, Shares, in_turn


def taken(shares: Shares, tenant: str, count: int) -> int:
    """How many of so many events are taken at once."""
    return sum(shares.take(tenant) for _ in range(count))


def test_nobody_is_set_aside_while_there_is_room() -> None:
    assert taken(Shares(), "a", CALM) == CALM


def test_who_floods_is_set_aside_and_everybody_else_is_not() -> None:
    shares = Shares()
    assert taken(shares, "flood", 10 * CALM) == CALM
    assert taken(shares, "b", 10) == 10
    assert taken(shares, "c", 10) == 10
    assert not shares.take("flood")


def test_tenants_that_share_a_full_dispatcher_are_not_set_aside() -> None:
    shares = Shares()
    assert [shares.take(f"tenant {number % 3}") for number in range(2 * CALM)] == [True] * 2 * CALM


def test_what_ends_makes_room() -> None:
    shares = Shares()
    taken(shares, "flood", CALM)
    assert not shares.take("flood")
    shares.give_back("flood")
    assert shares.take("flood")


def test_cheap_events_come_before_dear_ones_but_the_oldest_before_all() -> None:
    dear, cheap, dear_and_oldest, cheaper = [(5, 100), (6, 2), (4, 1000), (7, 1)]
    turns = in_turn([dear, cheap, dear_and_oldest, cheaper], since=lambda item: item[0], cost=lambda item: item[1])
    assert turns == [dear_and_oldest, cheaper, cheap, dear]

"""Who is set aside: only who holds more than half of a dispatcher that is full."""

from services.dispatcher.fairness import FAIRNESS_THRESHOLD, TenantFairness, fair_order


def taken(fairness: TenantFairness, tenant: str, count: int) -> int:
    """How many of so many events are taken at once."""
    return sum(fairness.admit(tenant) for _ in range(count))


def test_nobody_is_set_aside_while_there_is_room() -> None:
    assert taken(TenantFairness(), "a", FAIRNESS_THRESHOLD) == FAIRNESS_THRESHOLD


def test_who_floods_is_set_aside_and_everybody_else_is_not() -> None:
    fairness = TenantFairness()
    assert taken(fairness, "flood", 10 * FAIRNESS_THRESHOLD) == FAIRNESS_THRESHOLD
    assert taken(fairness, "b", 10) == 10
    assert taken(fairness, "c", 10) == 10
    assert not fairness.admit("flood")


def test_tenants_that_share_a_full_dispatcher_are_not_set_aside() -> None:
    fairness = TenantFairness()
    assert [fairness.admit(f"tenant {number % 3}") for number in range(2 * FAIRNESS_THRESHOLD)] == [
        True
    ] * 2 * FAIRNESS_THRESHOLD


def test_what_ends_makes_room() -> None:
    fairness = TenantFairness()
    taken(fairness, "flood", FAIRNESS_THRESHOLD)
    assert not fairness.admit("flood")
    fairness.release("flood")
    assert fairness.admit("flood")


def test_cheap_events_come_before_dear_ones_but_the_oldest_before_all() -> None:
    dear, cheap, dear_and_oldest, cheaper = [(5, 100), (6, 2), (4, 1000), (7, 1)]
    turns = fair_order([dear, cheap, dear_and_oldest, cheaper], since=lambda item: item[0], cost=lambda item: item[1])
    assert turns == [dear_and_oldest, cheaper, cheap, dear]

"""Who waits, and who tries, where a queue would not store a message."""

from bus.ledger import Outgoing
from bus.stalled import Stalled


def going(*places: int, queue: str = "to.wms") -> list[Outgoing]:
    """Give messages for one queue, at these places."""
    messages = [Outgoing("bus.deliver", queue, str(place)) for place in places]
    for message, place in zip(messages, places, strict=True):
        message.place = place
    return messages


def tries(stalled: Stalled[Outgoing], now: float) -> list[str]:
    return [message.id for message in stalled.tries(now)]


def test_the_oldest_tries_alone_and_the_rest_follows_in_order_when_it_is_stored() -> None:
    stalled = Stalled[Outgoing]()
    first, second, third, newest = going(1, 2, 3, 4)
    for message in (second, first, third):
        stalled.refused(message, 0.1)
    assert stalled.holds(newest)
    assert stalled.due == 0.1
    assert tries(stalled, 0.09) == []
    assert tries(stalled, 0.1) == ["1"]
    assert tries(stalled, 9.0) == []
    assert not stalled.holds(first)
    assert stalled.stored(third) == []
    assert stalled.stored(first) == [second, third, newest]
    assert bool(stalled) is False


def test_one_that_is_refused_while_another_tries_waits_for_it() -> None:
    stalled = Stalled[Outgoing]()
    first, second = going(1, 2)
    stalled.refused(first, 0.1)
    assert tries(stalled, 0.1) == ["1"]
    stalled.refused(second, 0.2)
    assert tries(stalled, 9.0) == []
    stalled.refused(first, 0.6)
    assert tries(stalled, 0.5) == []
    assert tries(stalled, 0.6) == ["1"]


def test_when_the_one_that_tries_leaves_it_is_the_next_one_s_turn() -> None:
    stalled = Stalled[Outgoing]()
    first, second = going(1, 2)
    stalled.refused(first, 0.1)
    stalled.refused(second, 0.1)
    stalled.left(second)
    assert tries(stalled, 0.1) == ["1"]
    stalled.left(first)
    assert tries(stalled, 0.1) == ["2"]
    stalled.left(second)
    assert bool(stalled) is False
    stalled.left(second)


def test_each_queue_has_a_line_of_its_own() -> None:
    stalled = Stalled[Outgoing]()
    (here,), (there,), (elsewhere,) = going(1), going(2, queue="to.mes"), going(3, queue="to.shop")
    stalled.refused(here, 0.1)
    stalled.refused(there, 0.2)
    assert not stalled.holds(elsewhere)
    assert stalled.stored(elsewhere) == []
    assert stalled.due == 0.1
    assert tries(stalled, 0.3) == ["1", "2"]
    assert stalled.stored(there) == []
    assert stalled.stored(here) == []
    assert bool(stalled) is False


def test_dissolving_gives_who_waits_and_not_who_is_on_its_way() -> None:
    stalled = Stalled[Outgoing]()
    first, second = going(1, 2)
    stalled.refused(first, 0.1)
    assert tries(stalled, 0.1) == ["1"]
    assert stalled.holds(second)
    assert stalled.dissolve() == [second]
    assert bool(stalled) is False

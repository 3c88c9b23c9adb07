"""Which incoming delivery waits for which outgoing messages."""

import pytest

from bus.ledger import PATIENCE_S, Incoming

from tests.core.ledger_books import Books, out


@pytest.fixture
def books() -> Books:
    return Books()


def test_a_delivery_is_acknowledged_after_the_last_confirm_of_what_it_became(books: Books) -> None:
    (delivery,) = books.came(1)
    books.ledger.became(delivery, out("a", "b"))
    assert books.sent() == ["a", "b"]
    assert books.acknowledged() == []
    books.ledger.confirmed(2, multiple=False)
    assert books.acknowledged() == []
    books.ledger.confirmed(1, multiple=False)
    assert books.acknowledged() == [(1, True)]
    assert books.acknowledged() == []
    assert books.ledger.idle


def test_a_delivery_that_became_nothing_is_acknowledged_at_once(books: Books) -> None:
    (delivery,) = books.came(1)
    books.ledger.became(delivery, [])
    assert not books.ledger.idle
    assert books.acknowledged() == [(1, True)]


def test_one_acknowledgement_covers_all_that_is_done_in_a_row(books: Books) -> None:
    for delivery in books.came(1, 2, 3, 4):
        books.ledger.became(delivery, out(str(delivery.tag)))
    books.sent()
    books.ledger.confirmed(3, multiple=True)
    assert books.acknowledged() == [(3, True)]


def test_multiple_never_passes_over_a_hole(books: Books) -> None:
    for delivery in books.came(*range(1, 11)):
        books.ledger.became(delivery, out(str(delivery.tag)))
    books.sent()
    for seq in (1, 2, 4, 5):
        books.ledger.confirmed(seq, multiple=False)
    assert books.acknowledged(0.0) == [(2, True)]
    books.ledger.confirmed(3, multiple=False)
    assert books.acknowledged(0.0) == [(5, True)]


def test_what_is_done_above_a_hole_is_acknowledged_alone_after_a_while(books: Books) -> None:
    for delivery in books.came(*range(1, 11))[1:4]:
        books.ledger.became(delivery, [])
    assert books.acknowledged(0.0) == []
    assert books.ledger.due() == PATIENCE_S
    assert books.acknowledged(PATIENCE_S) == []
    assert books.acknowledged(2 * PATIENCE_S) == [(2, False), (3, False), (4, False)]
    assert books.ledger.due() is None
    assert books.ledger.idle


def test_a_slow_delivery_does_not_hold_back_a_small_prefetch(books: Books) -> None:
    _, *rest = books.came(1, 2, 3)
    for delivery in rest:
        books.ledger.became(delivery, [])
    assert books.acknowledged(0.0) == [(2, False), (3, False)]


def test_a_low_water_mark_does_not_name_a_tag_twice(books: Books) -> None:
    first, second, third = books.came(1, 2, 3)
    books.ledger.became(second, [])
    books.ledger.became(third, [])
    assert books.acknowledged(0.0) == [(2, False), (3, False)]
    books.ledger.became(first, [])
    assert books.acknowledged(0.0) == [(1, True)]


def test_settling_twice_does_nothing(books: Books) -> None:
    (delivery,) = books.came(1)
    assert books.ledger.became(delivery, out("a"))
    assert not books.ledger.became(delivery, out("b"))
    assert not books.ledger.released(delivery)
    assert books.sent() == ["a"]


def test_a_released_delivery_makes_way_for_those_behind_it(books: Books) -> None:
    first, second = books.came(1, 2)
    books.ledger.became(second, [])
    assert books.ledger.released(first)
    assert not books.ledger.released(first)
    assert books.acknowledged() == [(2, True)]


def test_tags_of_an_old_epoch_are_never_acknowledged(books: Books) -> None:
    first, second, third = books.came(1, 2, 3)
    books.ledger.became(first, out("a"))
    books.ledger.became(second, [])
    books.sent()
    books.ledger.inlet_lost(books.inlet)
    books.ledger.confirmed(1, multiple=False)
    assert not books.ledger.became(third, out("c"))
    assert books.acknowledged(100.0) == []
    assert books.ledger.idle
    (again,) = books.came(1)
    books.ledger.became(again, [])
    assert books.acknowledged(100.0) == [(1, True)]


def test_deliveries_of_an_epoch_that_ended_before_they_were_entered_are_dropped(books: Books) -> None:
    late = Incoming(books.inlet, 7)
    books.ledger.inlet_lost(books.inlet)
    books.ledger.received([late])
    assert not books.inlet.unsettled
    assert not books.ledger.released(late)


def test_unsent_messages_of_an_orphan_are_dropped_and_it_is_not_marked(books: Books) -> None:
    (delivery,) = books.came(1)
    books.ledger.became(delivery, out("a", "b"), "mark")
    assert books.sent(limit=1) == ["a"]
    books.ledger.inlet_lost(books.inlet)
    books.ledger.confirmed(1, multiple=False)
    assert books.sent() == []
    assert books.ledger.outcome(0.0).unmarked == []
    assert books.ledger.idle


def test_an_orphan_whose_messages_are_all_stored_is_marked_and_not_acknowledged(books: Books) -> None:
    (delivery,) = books.came(1)
    books.ledger.became(delivery, out("a"), "mark")
    books.sent()
    books.ledger.inlet_lost(books.inlet)
    books.ledger.confirmed(1, multiple=False)
    assert books.ledger.outcome(0.0).unmarked == [delivery]
    books.ledger.marked([delivery])
    assert books.acknowledged() == []
    assert books.ledger.idle


def test_a_mark_comes_after_the_confirms_and_before_the_acknowledgement(books: Books) -> None:
    (delivery,) = books.came(1)
    books.ledger.became(delivery, out("a"), "mark")
    books.sent()
    assert books.ledger.outcome(0.0).unmarked == []
    books.ledger.confirmed(1, multiple=False)
    outcome = books.ledger.outcome(0.0)
    assert (outcome.unmarked, outcome.acknowledge) == ([delivery], [])
    assert not books.ledger.idle
    books.ledger.marked([delivery])
    assert books.acknowledged() == [(1, True)]
    assert books.ledger.idle


def test_a_delivery_that_becomes_nothing_waits_for_its_mark_as_well(books: Books) -> None:
    (delivery,) = books.came(1)
    books.ledger.became(delivery, [], "mark")
    outcome = books.ledger.outcome(0.0)
    assert (outcome.unmarked, outcome.acknowledge) == ([delivery], [])
    assert not books.ledger.released(delivery)
    books.ledger.marked([delivery])
    assert books.acknowledged() == [(1, True)]


def test_what_is_marked_together_is_acknowledged_together_and_at_once(books: Books) -> None:
    deliveries = books.came(*range(1, 12))
    for delivery in deliveries[:5]:
        books.ledger.became(delivery, [], "mark")
    unmarked = books.ledger.outcome(0.0).unmarked
    assert books.acknowledged(0.0) == []
    books.ledger.marked(unmarked)
    assert not books.ledger.idle
    assert books.acknowledged(0.0) == [(5, True)]
    assert books.ledger.due() is None


def test_all_that_is_done_is_acknowledged_before_a_channel_is_closed(books: Books) -> None:
    deliveries = books.came(*range(1, 11))
    for n in (0, 1, 4):
        books.ledger.became(deliveries[n], [])
    assert books.acknowledged(0.0) == [(2, True)]
    books.ledger.became(deliveries[2], [])
    books.ledger.became(deliveries[5], [])
    assert [(a.tag, a.multiple) for a in books.ledger.certain(books.inlet)] == [(3, True), (5, False), (6, False)]
    assert books.ledger.certain(books.inlet) == []
    assert set(books.inlet.unsettled) == {4, 7, 8, 9, 10}
    assert books.ledger.due() is None

"""Which incoming delivery waits for which outgoing messages."""

import pytest

from bus.flight import TRIMMED
from bus.ledger import PATIENCE_S, PAUSES_S, Incoming, Inlet, Ledger, Outgoing, Outlet


def out(*ids: str) -> list[Outgoing]:
    return [Outgoing("bus.deliver", f"to.{id_}", id_) for id_ in ids]


class Books:
    """A ledger and one inlet, in few words."""

    def __init__(self, window: int = 100) -> None:
        self.ledger: Ledger = Ledger(window)
        self.inlet = Inlet()

    def came(self, *tags: int) -> list[Incoming]:
        incoming = [Incoming(self.inlet, tag) for tag in tags]
        self.ledger.received(incoming)
        return incoming

    def sent(self, now: float = 0.0, limit: int = 1000) -> list[str]:
        return [outgoing.id for outgoing in self.ledger.publish(now, limit)]

    def acknowledged(self, now: float = 0.0) -> list[tuple[int, bool]]:
        return [(a.tag, a.multiple) for a in self.ledger.outcome(now).acknowledge]


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


def test_what_is_unconfirmed_goes_out_again_first_and_in_order_when_the_publisher_is_lost(books: Books) -> None:
    batch = books.ledger.submitted(out("a", "b", "c"))
    assert books.sent() == ["a", "b", "c"]
    books.ledger.confirmed(2, multiple=False)
    books.ledger.submitted(out("d"))
    books.ledger.publisher_lost()
    assert books.sent() == ["a", "c", "d"]
    books.ledger.confirmed(2, multiple=True)
    assert books.ledger.outcome(0.0).finished == [batch]


def test_confirms_nobody_waits_for_are_ignored(books: Books) -> None:
    books.ledger.submitted(out("a"))
    books.ledger.confirmed(1, multiple=True)
    books.sent()
    books.ledger.confirmed(9, multiple=True)
    assert books.ledger.outcome(0.0).finished == []
    for _ in range(2):
        books.ledger.confirmed(1, multiple=True)
    assert len(books.ledger.outcome(0.0).finished) == 1


def test_a_refused_message_is_tried_again_after_growing_pauses(books: Books) -> None:
    batch = books.ledger.submitted(out("a"))
    now = 0.0
    for seq, pause_s in enumerate((*PAUSES_S, PAUSES_S[-1]), start=1):
        assert books.sent(now) == ["a"]
        books.ledger.nacked(seq, now, multiple=False)
        assert books.ledger.troubles == {("refused", "to.a"): 1}
        assert books.ledger.due() == now + pause_s
        assert books.ledger.due(publishing=False) is None
        assert books.sent(now + pause_s - 0.01) == []
        now += pause_s
    assert books.sent(now) == ["a"]
    books.ledger.confirmed(seq + 1, multiple=False)
    assert books.ledger.outcome(now).finished == [batch]
    assert not books.ledger.troubles
    assert books.ledger.due() is None


def test_a_returned_message_is_not_stored_though_confirmed(books: Books) -> None:
    (delivery,) = books.came(1)
    books.ledger.became(delivery, out("a", "b"))
    books.sent()
    books.ledger.returned(Outlet("bus.deliver", "to.a", "a"))
    books.ledger.confirmed(2, multiple=True)
    assert books.acknowledged() == []
    assert [outgoing.id for outgoing in books.ledger.unroutable] == ["a"]
    assert not books.ledger.troubles  # the first time, making the queue again may be all it takes
    books.ledger.mended(0.0)
    assert books.sent() == ["a"]
    books.ledger.confirmed(3, multiple=False)
    assert books.acknowledged() == [(1, True)]


def test_a_message_that_stays_unroutable_is_reported_and_tried_with_pauses(books: Books) -> None:
    books.ledger.submitted(out("a"))
    books.sent()
    for seq in (1, 2):
        books.ledger.returned(Outlet("bus.deliver", "to.a", "a"))
        books.ledger.confirmed(seq, multiple=False)
        books.ledger.mended(0.0)
        if seq == 1:
            assert books.sent() == ["a"]
    assert books.ledger.troubles == {("unroutable", "to.a"): 1}
    assert books.sent(PAUSES_S[1] - 0.01) == []
    assert books.sent(PAUSES_S[1]) == ["a"]
    books.ledger.confirmed(3, multiple=False)
    assert not books.ledger.troubles


def test_of_two_messages_under_one_name_one_return_concerns_one(books: Books) -> None:
    books.ledger.submitted(out("a"))
    books.ledger.submitted(out("a"))
    books.sent()
    books.ledger.returned(Outlet("bus.deliver", "to.a", "a"))
    books.ledger.confirmed(2, multiple=True)
    assert len(books.ledger.unroutable) == 1
    assert len(books.ledger.outcome(0.0).finished) == 1


def test_of_two_messages_under_one_name_both_may_be_returned(books: Books) -> None:
    books.ledger.submitted(out("a", "a"))
    books.sent()
    books.ledger.returned(Outlet("bus.deliver", "to.a", "a"))
    books.ledger.returned(Outlet("bus.deliver", "to.a", "a"))
    books.ledger.confirmed(2, multiple=True)
    assert len(books.ledger.unroutable) == 2


def test_a_return_is_forgotten_with_its_channel_and_with_its_nack(books: Books) -> None:
    books.ledger.submitted(out("a"))
    books.sent()
    books.ledger.returned(Outlet("bus.deliver", "to.a", "a"))
    books.ledger.publisher_lost()
    books.sent()
    books.ledger.returned(Outlet("bus.deliver", "to.a", "a"))
    books.ledger.nacked(1, 0.0, multiple=False)
    assert books.sent(1.0) == ["a"]
    books.ledger.confirmed(2, multiple=False)
    assert len(books.ledger.outcome(1.0).finished) == 1


def test_no_more_than_the_window_is_unconfirmed() -> None:
    books = Books(window=3)
    books.ledger.submitted(out(*"abcde"))
    assert books.sent(limit=2) == ["a", "b"]
    assert books.sent() == ["c"]
    assert books.sent() == []
    books.ledger.confirmed(2, multiple=True)
    assert books.sent() == ["d", "e"]


def test_nobody_works_for_a_publisher_that_stopped_waiting(books: Books) -> None:
    batch = books.ledger.submitted(out("a", "b"))
    assert books.sent(limit=1) == ["a"]
    books.ledger.abandoned(batch)
    assert books.sent() == []
    books.ledger.publisher_lost()
    assert books.sent() == []
    assert books.ledger.idle


def test_a_message_dropped_while_in_trouble_is_no_trouble_any_more(books: Books) -> None:
    batch = books.ledger.submitted(out("a"))
    books.sent()
    books.ledger.nacked(1, 0.0, multiple=False)
    books.ledger.abandoned(batch)
    assert books.sent(1.0) == []
    assert not books.ledger.troubles


def test_what_can_never_be_stored_is_withdrawn_with_its_owner(books: Books) -> None:
    batch = books.ledger.submitted(out("large", "small"))
    (delivery,) = books.came(1)
    books.ledger.became(delivery, out("large", "other"))
    books.ledger.submitted(out("kept"))

    def is_large(outgoing: Outgoing) -> bool:
        return outgoing.id == "large"

    assert books.ledger.withdraw(is_large) == [batch, delivery]
    assert not batch.wanted
    assert not books.inlet.unsettled
    assert books.sent() == ["other", "kept"]
    books.ledger.confirmed(2, multiple=True)
    assert books.acknowledged() == []
    assert books.ledger.idle


def test_a_submission_of_nothing_is_finished(books: Books) -> None:
    batch = books.ledger.submitted([])
    assert books.ledger.outcome(0.0).finished == [batch]


def test_a_long_run_keeps_no_record_of_what_is_done() -> None:
    books = Books(window=500)
    delivered = 0
    for _ in range(50):
        for delivery in books.came(*range(delivered + 1, delivered + 101)):
            books.ledger.became(delivery, out("a"))
        books.sent()
        delivered += 100
        books.ledger.confirmed(delivered, multiple=True)
        assert books.acknowledged() == [(delivered, True)]
    assert len(books.ledger._flights[0]) <= 2 * TRIMMED
    assert not books.inlet.unsettled


def test_two_lanes_number_their_messages_each_for_itself() -> None:
    ledger = Ledger(window=10, lanes=2)
    first, second = (ledger.submitted([Outgoing("x", name, name, lane)]) for lane, name in enumerate("ab"))
    assert [outgoing.id for outgoing in ledger.publish(0.0, 10)] == ["a", "b"]
    ledger.confirmed(1, multiple=True, lane=1)
    assert ledger.outcome(0.0).finished == [second]
    ledger.nacked(1, 0.0, multiple=False, lane=0)
    assert [outgoing.id for outgoing in ledger.publish(PAUSES_S[0], 10)] == ["a"]
    ledger.publisher_lost()
    ledger.publish(0.0, 10)
    ledger.confirmed(1, multiple=False, lane=0)
    assert ledger.outcome(0.0).finished == [first]
    assert ledger.idle


def _mark(books: Books, deliveries: list[Incoming], now: float) -> None:
    """These become nothing, and their marks are stored."""
    for delivery in deliveries:
        books.ledger.became(delivery, [], "mark")
    books.ledger.marked(books.ledger.outcome(now).unmarked)


def test_few_done_ones_with_marks_wait_for_half_of_what_is_in_hand_or_for_a_while(books: Books) -> None:
    deliveries = books.came(*range(1, 12))
    _mark(books, deliveries[:1], 0.0)
    assert books.acknowledged(0.0) == [(1, True)]
    _mark(books, deliveries[1:5], 0.0)
    assert books.acknowledged(0.0) == []
    assert books.ledger.due() == PATIENCE_S
    assert not books.ledger.idle
    _mark(books, deliveries[5:6], 0.0)
    assert books.acknowledged(0.0) == [(6, True)]
    _mark(books, deliveries[6:7], 0.0)
    assert books.acknowledged(PATIENCE_S / 2) == []
    assert books.acknowledged(PATIENCE_S) == [(7, True)]


def test_one_without_a_mark_is_acknowledged_at_once_and_all_before_it(books: Books) -> None:
    deliveries = books.came(*range(1, 12))
    _mark(books, deliveries[:1], 0.0)
    assert books.acknowledged(0.0) == [(1, True)]
    _mark(books, deliveries[1:2], 0.0)
    books.ledger.became(deliveries[2], [])
    assert books.acknowledged(0.0) == [(3, True)]


def test_all_that_is_done_is_acknowledged_before_a_channel_is_closed(books: Books) -> None:
    deliveries = books.came(*range(1, 11))
    for n in (0, 1, 2, 4):
        _mark(books, deliveries[n : n + 1], 0.0)
        books.acknowledged(0.0)
    books.ledger.became(deliveries[5], [])
    assert [(a.tag, a.multiple) for a in books.ledger.certain(books.inlet)] == [(3, True), (5, False), (6, False)]
    assert books.ledger.certain(books.inlet) == []
    assert set(books.inlet.unsettled) == {4, 7, 8, 9, 10}
    assert books.ledger.due() is None

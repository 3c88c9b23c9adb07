"""What goes out, when, again and in which order."""

import pytest

from bus.flight import TRIMMED
from bus.ledger import PAUSES_S, Ledger, Outgoing, Outlet

from tests.core.ledger_books import Books, out, to


@pytest.fixture
def books() -> Books:
    return Books()


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


def test_nothing_overtakes_a_refused_message_to_its_queue_and_others_go_on(books: Books) -> None:
    books.ledger.submitted([*to("to.wms", "1", "2"), *to("to.mes", "x")])
    assert books.sent() == ["1", "2", "x"]
    books.ledger.nacked(1, 0.0, multiple=False)
    books.ledger.submitted([*to("to.wms", "3"), *to("to.mes", "y")])
    assert books.sent() == ["y"]
    books.ledger.nacked(2, 0.0, multiple=False)
    assert books.sent(PAUSES_S[0]) == ["1"]
    books.ledger.confirmed(5, multiple=True)
    assert books.sent(PAUSES_S[0]) == ["2", "3"]


def test_one_that_was_stored_behind_a_refused_one_does_not_end_the_line(books: Books) -> None:
    books.ledger.submitted(to("to.wms", "1", "2"))
    books.sent()
    books.ledger.nacked(1, 0.0, multiple=False)
    books.ledger.confirmed(2, multiple=False)
    books.ledger.submitted(to("to.wms", "3"))
    assert books.sent() == []
    assert books.sent(PAUSES_S[0]) == ["1"]


def test_a_lost_channel_ends_the_lines_and_all_goes_out_again_in_order(books: Books) -> None:
    books.ledger.submitted([*to("to.wms", "1"), *to("to.mes", "2"), *to("to.wms", "3")])
    books.sent()
    books.ledger.nacked(1, 0.0, multiple=False)
    books.ledger.submitted(to("to.wms", "4"))
    assert books.sent() == []
    books.ledger.publisher_lost()
    assert books.sent() == ["1", "2", "3", "4"]


def test_one_that_finds_no_queue_on_its_second_try_lets_the_next_one_try(books: Books) -> None:
    books.ledger.submitted(to("to.wms", "1", "2"))
    books.sent()
    books.ledger.nacked(2, 0.0, multiple=True)
    assert books.sent(1.0) == ["1"]
    books.ledger.returned(Outlet("bus.deliver", "to.wms", "1"))
    books.ledger.confirmed(3, multiple=False)
    assert books.sent(1.0) == ["2"]


def test_a_window_that_is_full_lets_nobody_try(books: Books) -> None:
    books = Books(window=2)
    books.ledger.submitted([*to("to.wms", "1"), *to("to.mes", "x", "y")])
    assert books.sent() == ["1", "x"]
    books.ledger.nacked(1, 0.0, multiple=False)
    assert books.sent() == ["y"]
    assert books.sent(1.0) == []
    books.ledger.confirmed(2, multiple=False)
    assert books.sent(1.0) == ["1"]


def test_a_nack_is_the_answer_to_a_return_only_if_no_other_of_that_name_is_on_its_way(books: Books) -> None:
    books.ledger.submitted(out("a"))
    books.ledger.submitted(out("a"))
    books.sent()
    books.ledger.returned(Outlet("bus.deliver", "to.a", "a"))
    books.ledger.nacked(1, 0.0, multiple=False)
    books.ledger.confirmed(2, multiple=False)
    assert len(books.ledger.unroutable) == 1
    assert books.ledger.outcome(0.0).finished == []


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


def names(oldest: list[Outgoing | None]) -> list[str]:
    return [outgoing.id if outgoing is not None else "" for outgoing in oldest]


def test_the_oldest_of_a_lane_is_what_it_has_waited_for_longest(books: Books) -> None:
    books.ledger.submitted(out("a", "b"))
    assert names(books.ledger.oldest) == ["", ""]
    books.sent()
    assert names(books.ledger.oldest) == ["a", ""]
    books.ledger.confirmed(1, multiple=False)
    assert names(books.ledger.oldest) == ["b", ""]
    books.ledger.confirmed(2, multiple=False)
    assert names(books.ledger.oldest) == ["", ""]


def test_the_oldest_that_was_refused_stays_it_through_all_its_tries(books: Books) -> None:
    books.ledger.submitted(to("to.wms", "1", "2"))
    books.sent()
    books.ledger.nacked(2, 0.0, multiple=True)
    assert names(books.ledger.oldest) == ["", "1"]
    assert books.sent(PAUSES_S[0]) == ["1"]
    assert names(books.ledger.oldest) == ["1", "1"]
    books.ledger.nacked(3, PAUSES_S[0], multiple=False)
    assert names(books.ledger.oldest) == ["", "1"]
    books.sent(9.0)
    books.ledger.confirmed(4, multiple=False)
    assert names(books.ledger.oldest) == ["", ""]


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


def test_what_goes_out_together_goes_lane_by_lane_and_each_in_its_order() -> None:
    ledger = Ledger(window=10, lanes=2)
    for n, name in enumerate("abcdef"):
        ledger.submitted([Outgoing("x", name, name, n % 2)])
    assert [one.id for one in ledger.publish(0.0, limit=5)] == ["a", "c", "e", "b", "d"]
    assert [one.id for one in ledger.publish(0.0, limit=5)] == ["f"]


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

"""When a confirm is overdue."""

from bus.ledger import Outgoing
from bus.owed import LONGEST_S, OWED_S, TRIED_S, Owed


def message(tries: int = 0) -> Outgoing:
    made = Outgoing("bus.deliver", "to.wms", "m")
    made.tries = tries
    return made


def test_what_is_the_oldest_of_its_lane_for_too_long_is_overdue_once() -> None:
    owed, first = Owed(), message()
    assert not owed.overdue([first, message()], 0.0)
    lanes = [first, message()]
    assert not owed.overdue(lanes, OWED_S - 1)
    assert owed.overdue(lanes, OWED_S + 1) == OWED_S + 1
    assert owed.due is None
    assert not owed.overdue(lanes, OWED_S + 1)


def test_a_lane_that_goes_on_is_never_overdue() -> None:
    owed = Owed()
    for turn in range(10):
        assert not owed.overdue([message(), None], turn * (OWED_S - 1))
    assert not owed.overdue([None, None], 1e9)
    assert owed.due is None


def test_what_is_tried_again_and_others_wait_for_is_owed_sooner() -> None:
    owed, again = Owed(), message(tries=1)
    assert not owed.overdue([again], 0.0)
    assert owed.due == TRIED_S
    assert owed.overdue([again], TRIED_S) == TRIED_S


def test_where_publishing_again_did_not_help_the_time_doubles() -> None:
    owed, now, waited, stuck = Owed(), 0.0, [], message()
    for _ in range(5):
        owed.overdue([stuck], now)
        assert owed.due is not None
        waited.append(owed.due - now)
        now = owed.due
        assert owed.overdue([stuck], now)
    assert waited == [60, 120, 240, LONGEST_S, LONGEST_S]
    owed.overdue([message()], now)
    assert owed.due == now + OWED_S


def test_time_without_a_channel_or_under_an_alarm_does_not_count() -> None:
    owed, sent = Owed(), message()
    assert not owed.overdue([sent], 0.0)
    assert not owed.overdue([], OWED_S)
    assert owed.due is None
    assert not owed.overdue([sent], 2 * OWED_S)
    assert owed.due == 3 * OWED_S

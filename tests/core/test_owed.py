"""When a confirm is overdue."""

from bus.owed import LONGEST_S, OWED_S, Owed


def test_what_is_the_oldest_of_its_lane_for_too_long_is_overdue_once() -> None:
    owed = Owed()
    assert not owed.overdue(["a", "x"], 0.0)
    assert not owed.overdue(["a", "y"], OWED_S - 1)
    assert owed.overdue(["a", "y"], OWED_S)
    assert owed.due is None
    assert not owed.overdue(["a", "y"], OWED_S)


def test_a_lane_that_goes_on_is_never_overdue() -> None:
    owed = Owed()
    for turn in range(10):
        assert not owed.overdue([turn, None], turn * (OWED_S - 1))
    assert not owed.overdue([None, None], 1e9)
    assert owed.due is None


def test_where_publishing_again_did_not_help_the_time_doubles() -> None:
    owed, now, waited = Owed(), 0.0, []
    for _ in range(8):
        owed.overdue(["a"], now)
        assert owed.due is not None
        waited.append(owed.due - now)
        now = owed.due
        assert owed.overdue(["a"], now)
    assert waited == [60, 120, 240, 480, 960, 1920, LONGEST_S, LONGEST_S]
    owed.overdue(["b"], now)
    assert owed.due == now + OWED_S


def test_time_without_a_channel_or_under_an_alarm_does_not_count() -> None:
    owed = Owed()
    assert not owed.overdue(["a"], 0.0)
    assert not owed.overdue([], OWED_S)
    assert owed.due is None
    assert not owed.overdue(["a"], 2 * OWED_S)
    assert owed.due == 3 * OWED_S

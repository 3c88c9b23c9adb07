"""The circuit breaker: a system that fails is left alone, and found again."""

from hypothesis import given
from hypothesis import strategies as st

from bus.breaker import FAILURES_TO_OPEN, FIRST_PAUSE_S, LONGEST_PAUSE_S, RECHECK_S, Breaker


def opened(now_s: float = 100.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(now_s)
    return breaker


def test_a_few_failures_open_nothing() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed(100.0)
    assert not breaker.is_open
    assert breaker.wait_s(100.0) == 0


def test_failures_count_only_in_a_row() -> None:
    breaker = Breaker()
    for _ in range(10):
        for _ in range(FAILURES_TO_OPEN - 1):
            breaker.failed(100.0)
        breaker.succeeded()
    assert not breaker.is_open


def test_an_open_circuit_waits_and_then_lets_one_try_out() -> None:
    breaker = opened()
    assert breaker.is_open
    assert breaker.wait_s(100.0) == FIRST_PAUSE_S
    assert breaker.wait_s(100.75) == 0.25
    assert breaker.wait_s(101.0) == 0
    breaker.start()
    assert breaker.wait_s(101.0) == RECHECK_S, "a second try went out beside the first"


def test_a_try_that_succeeds_closes_the_circuit_for_everybody_at_once() -> None:
    breaker = opened()
    breaker.start()
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.wait_s(100.0) == 0
    breaker.start()
    assert not breaker.trying


def test_pauses_double_with_every_try_that_fails_up_to_a_minute() -> None:
    breaker, now_s, pauses = opened(), 100.0, []
    for _ in range(9):
        pauses.append(breaker.wait_s(now_s))
        now_s += pauses[-1]
        breaker.start()
        breaker.failed(now_s)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_pauses_begin_anew_after_a_success() -> None:
    breaker = opened()
    breaker.start()
    breaker.failed(101.0)
    breaker.succeeded()
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed(200.0)
    assert breaker.wait_s(200.0) == FIRST_PAUSE_S


def test_late_failures_of_what_went_out_before_hold_it_open_but_lengthen_no_pause() -> None:
    breaker = opened()
    for _ in range(20):
        breaker.failed(100.5)
    assert breaker.wait_s(100.5) == FIRST_PAUSE_S


@given(st.lists(st.tuples(st.sampled_from(["start", "failed", "succeeded"]), st.floats(0, 100))))
def test_whatever_happens_somebody_may_try_again_within_a_minute(steps: list[tuple[str, float]]) -> None:
    breaker, now_s = Breaker(), 0.0
    for word, passed_s in steps:
        now_s += passed_s
        if word == "start":
            if breaker.wait_s(now_s) > 0:
                continue
            breaker.start()
        elif word == "failed":
            breaker.failed(now_s)
        else:
            breaker.succeeded()
        assert 0 <= breaker.wait_s(now_s) <= LONGEST_PAUSE_S
        assert breaker.trying or breaker.wait_s(now_s + LONGEST_PAUSE_S) == 0
        assert breaker.is_open or breaker.wait_s(now_s) == 0

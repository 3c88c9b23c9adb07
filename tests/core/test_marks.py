"""Marks: what came before is known, in 16 bytes each, for a window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.event import WINDOW_DAYS
from bus.marks import RECORD_BYTES, Marks, key, records
from bus.ports import Mark

DAY_S = 86_400.0
NOW_S = 20_000 * DAY_S


def digest(number: int) -> bytes:
    return number.to_bytes(8, "big")


def made(name: str, number: int, now_s: float = NOW_S) -> bytes:
    return records([Mark(name, digest(number))], now_s)[0]


def test_a_mark_is_known_with_its_digest_and_others_are_not() -> None:
    marks = Marks()
    marks.add(made("erp\n1", 1) + made("erp\n2", 2), NOW_S)
    assert marks.known(["erp\n1", "erp\n2", "erp\n3"], NOW_S) == {"erp\n1": digest(1), "erp\n2": digest(2)}


def test_the_first_digest_of_an_identity_stays() -> None:
    marks = Marks()
    marks.add(made("a", 1), NOW_S)
    marks.add(made("a", 2), NOW_S + 1)
    assert marks.known(["a"], NOW_S) == {"a": digest(1)}


@pytest.mark.parametrize("marked_at_s", [NOW_S, NOW_S + DAY_S - 1])
def test_a_mark_is_known_for_the_whole_window_and_for_a_day_more_at_most(marked_at_s: float) -> None:
    marks = Marks()
    marks.add(made("a", 1, marked_at_s), marked_at_s)
    assert marks.known(["a"], marked_at_s + WINDOW_DAYS * DAY_S) == {"a": digest(1)}
    assert marks.known(["a"], marked_at_s + (WINDOW_DAYS + 1) * DAY_S) == {}


def test_an_identity_that_comes_again_after_the_window_is_known_by_its_new_digest() -> None:
    marks = Marks(days=7)
    marks.add(made("a", 1), NOW_S)
    marks.add(made("a", 2, NOW_S + 6 * DAY_S), NOW_S + 6 * DAY_S)
    assert marks.known(["a"], NOW_S + 10 * DAY_S) == {"a": digest(2)}


def test_what_is_too_old_gives_its_memory_back_and_takes_none() -> None:
    marks = Marks(days=7)
    later_s = NOW_S + 9 * DAY_S
    marks.add(made("a", 1) * 5, NOW_S)
    assert len(marks) == 5
    marks.add(made("a", 2, later_s), later_s)
    assert len(marks) == 1
    marks.add(made("b", 1), later_s)
    assert len(marks) == 1


def test_a_torn_record_at_the_end_is_passed_over() -> None:
    marks = Marks()
    marks.add(made("a", 1) + b"torn", NOW_S)
    assert marks.known(["a"], NOW_S) == {"a": digest(1)}
    assert len(marks) == 1


def test_bytes_within_a_record_that_look_like_another_are_not_taken_for_it() -> None:
    marks, wanted = Marks(), key("a")
    other = wanted[:2] + b"\0" * 6 + wanted[2:] + b"\0\0" + made("a", 1)[-2:]  # its digest holds the rest of the hash
    marks.add(other, NOW_S)
    assert marks.known(["a"], NOW_S) == {}
    marks.add(made("a", 1), NOW_S)
    assert marks.known(["a"], NOW_S) == {"a": digest(1)}


def test_the_record_of_any_identity_and_digest_has_the_same_size() -> None:
    for name in ("", "erp\n45", "系统\n单号" * 100):
        assert len(records([Mark(name, b"short")], NOW_S)[0]) == RECORD_BYTES


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2**64 - 1)), max_size=40))
def test_marks_agree_with_a_dictionary(pairs: list[tuple[int, int]]) -> None:
    marks, wanted = Marks(), dict[str, bytes]()
    for name, number in pairs:
        marks.add(made(str(name), number), NOW_S)
        wanted.setdefault(str(name), digest(number))
    assert marks.known(map(str, range(31)), NOW_S) == wanted

"""Marks: what came before is known, in fixed memory, for a window."""

from hypothesis import given
from hypothesis import strategies as st

from bus.marks import RECORD_BYTES, Marks, record
from bus.ports import Mark

HOUR_S = 3600.0


def digest(number: int) -> bytes:
    return number.to_bytes(8, "big")


def test_a_mark_is_known_with_its_digest_and_others_are_not() -> None:
    marks = Marks(slots=64)
    marks.add(record(Mark("erp\n1", digest(1))) + record(Mark("erp\n2", digest(2))), 0.0)
    assert marks.known(["erp\n1", "erp\n2", "erp\n3"]) == {"erp\n1": digest(1), "erp\n2": digest(2)}


def test_the_first_digest_of_an_identity_stays() -> None:
    marks = Marks(slots=64)
    marks.add(record(Mark("a", digest(1))), 0.0)
    marks.add(record(Mark("a", digest(2))), 1.0)
    assert marks.known(["a"]) == {"a": digest(1)}


def test_a_mark_outlives_half_the_window_and_not_the_whole() -> None:
    marks = Marks(slots=64, window_s=10 * HOUR_S)
    marks.add(record(Mark("old", digest(1))), 0.0)
    marks.add(record(Mark("middle", digest(2))), 5.5 * HOUR_S)
    assert marks.known(["old", "middle"]) == {"old": digest(1), "middle": digest(2)}
    marks.add(record(Mark("new", digest(3))), 11 * HOUR_S)
    assert marks.known(["old", "middle", "new"]) == {"middle": digest(2), "new": digest(3)}


def test_more_events_than_fit_push_out_the_oldest_first() -> None:
    marks = Marks(slots=16)
    for number in range(40):
        marks.add(record(Mark(str(number), digest(number))), 0.0)
    known = marks.known(map(str, range(40)))
    assert set(known) == {str(number) for number in range(40 - len(known), 40)}
    assert len(known) >= 11


def test_a_torn_record_at_the_end_is_passed_over() -> None:
    marks = Marks(slots=16)
    marks.add(record(Mark("a", digest(1))) + b"torn", 0.0)
    assert marks.known(["a"]) == {"a": digest(1)}


def test_the_record_of_any_identity_fits_and_never_begins_with_zeros() -> None:
    for identity in ("", "erp\n45", "系统\n单号" * 100):
        made = record(Mark(identity, b"short"))
        assert len(made) == RECORD_BYTES
        assert any(made[:8])


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2**64 - 1)), max_size=40))
def test_marks_agree_with_a_dictionary(pairs: list[tuple[int, int]]) -> None:
    marks, wanted = Marks(slots=64), dict[str, bytes]()
    for name, number in pairs:
        marks.add(record(Mark(str(name), digest(number))), 0.0)
        wanted.setdefault(str(name), digest(number))
    assert marks.known(map(str, range(31))) == wanted

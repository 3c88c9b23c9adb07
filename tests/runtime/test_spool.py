"""Texts that are kept outside of memory, and given back by age."""

import tracemalloc

from bus.runtime.spool import Spool


def test_texts_come_back_by_age_and_those_of_one_age_as_they_came() -> None:
    with Spool() as spool:
        ages = [(2.0, 1.0), (1.0, 2.0), (1.0, 1.0), (2.0, 1.0), (0.0, 9.0)]
        assert [spool.add(age, f"text {n}".encode()) for n, age in enumerate(ages)] == [0, 1, 2, 3, 4]
        assert list(spool.sorted()) == [(n, f"text {n}".encode()) for n in (4, 2, 1, 0, 3)]
        spool.add((0.5, 0.0), b"")
        assert list(spool.sorted())[:2] == [(4, b"text 4"), (5, b"")]


def test_long_texts_take_no_more_memory_than_short_ones() -> None:
    tracemalloc.start()
    try:
        with Spool() as spool:
            for n in range(1000):
                spool.add((n, 0.0), b"x" * 10_000)
            assert sum(len(text) for _, text in spool.sorted()) == 10_000_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()

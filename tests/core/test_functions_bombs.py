"""What a hostile or broken document can make of the functions: refused or done, and soon."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.functions import FUNCTIONS, Function

from tests.core.calling import call, outcome, refusal

MEBI = 1024 * 1024
VAST = 10**5000  # longer than Python writes out
HUGE_TEXT = "9" * (8 * MEBI)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.fixture(autouse=True)
def _soon() -> Iterator[None]:
    """Every case ends within seconds on any machine; what is bounded takes milliseconds."""
    started = time.process_time()
    yield
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*a){20}b", "(x+x+)+y", "a?" * 30 + "a" * 30 + "b", "(?:.?){500}a{500}b", ".*a.{500}b$"],
)
def test_no_pattern_takes_longer_than_the_text_is_long(pattern: str) -> None:
    text = "a" * 50_000 + "!"
    for function in ("match", "extract"):
        started = time.process_time()
        call(function, text, pattern)
        assert time.process_time() - started < 0.1


def test_a_huge_width_is_refused_before_the_text_is_made() -> None:
    for width in (8 * MEBI + 1, 10**12, VAST, Decimal("1E+900")):
        assert refusal("pad", "1", width, "0").code == "function-too-long"


def test_a_text_that_grows_beyond_its_bounds_is_refused_before_it_is_made() -> None:
    assert refusal("replace", "a" * 10_000, "a", "b" * 10_000).code == "function-too-long"
    assert refusal("join", ["a" * MEBI] * 9, "").code == "function-too-long"
    assert refusal("join", [""] * 10_000, "b" * 10_000).code == "function-too-long"
    assert len(call("join", ["a" * MEBI] * 8, "")) == 8 * MEBI
    assert len(call("replace", "ab" * MEBI, "a", "")) == MEBI
    assert refusal("split", "," * 2_000_000, ",").code == "split-too-many"


@pytest.mark.parametrize("function", ["text", "decimal", "integer", "round", "amount_in_chinese"])
def test_a_number_of_a_billion_digits_is_refused(function: str) -> None:
    for number in (Decimal("1E+999999999"), Decimal("-1E-999999999"), Decimal("0E+999999999"), VAST):
        assert refusal(function, number).code == "number-out-of-range"


def test_rounding_to_any_number_of_digits_is_done_at_once() -> None:
    for digits in (10**9, VAST):
        assert str(call("round", Decimal("12.50"), digits)) == "12.50"
        assert str(call("round", Decimal("12.50"), -digits)) == "0"


def test_a_message_about_a_huge_number_can_be_said() -> None:
    for function, *arguments in (
        ("pad", "1", -VAST), ("cut", "1", -VAST), ("add_days", "2026-03-01", VAST), ("upper", VAST), ("date", VAST),
    ):
        assert "E+5000" in str(refusal(function, *arguments))


def test_a_message_shows_the_beginning_of_a_text_only() -> None:
    for function in ("decimal", "parse_date", "date"):
        assert len(str(refusal(function, "secret " * 1000))) < 200


def test_cutting_beyond_the_end_is_the_whole() -> None:
    assert call("cut", "采购", VAST) == call("cut_bytes", "采购", VAST) == "采购"


@pytest.mark.parametrize("function", ["decimal", "integer", "round", "parse_date", "gs1", "date"])
def test_a_document_sized_text_is_refused_at_once(function: str) -> None:
    for text in (HUGE_TEXT, "\ufdfa" * MEBI, "1," * (2 * MEBI), "0-" * (2 * MEBI) + "x"):
        refusal(function, text, *(["10"] if function == "gs1" else []))


def test_a_search_that_would_take_minutes_is_refused() -> None:
    assert refusal("match", HUGE_TEXT, "(?:.?){200}a{200}b").code == "pattern-too-slow"
    assert call("match", HUGE_TEXT, "^9+$") is True


def test_a_huge_text_is_cut_in_bytes_in_bounded_time() -> None:
    part = call("cut_bytes", "采" * 2 * MEBI, 3 * MEBI + 1, encoding="gb18030")
    assert len(part) == 3 * MEBI // 2


def test_long_patterns_are_refused_because_compiled_ones_are_kept() -> None:
    assert refusal("match", "a", "a" * 1001).code == "pattern-too-large"
    assert refusal("date", "2026-03-01", "yyyy" + "-" * 1000).code == "date-pattern-too-long"


def test_deep_nesting_is_refused_where_values_are_compared() -> None:
    assert refusal("unique", nested(100_000)).code == "function-nested-too-deep"
    assert refusal("group", [{"a": nested(100_000)}], "a").code == "function-nested-too-deep"


HOSTILE: tuple[Any, ...] = (
    "", " ", "0", "-1", "1e999", "a" * 1000, "\x00", "\ud800", "%s%n{0.__class__}", "{", "(", "\\", "$(id)", "__import__('os')",
    "../../etc/passwd", "]C1", "\x1d", "(01)", "９", "yyyy-MM-dd", "UTC", 0, -1, 10**30, VAST, True, False, Decimal("NaN"),
    Decimal("sNaN"), Decimal("-Infinity"), Decimal("1E+999999999"), Decimal("0.1"), [], [None], [[]], ["a", 1], {}, {"a": {}},
    [{"a": 1}, {"a": "x"}], 1.5, b"bytes", object(), FUNCTIONS,
)  # fmt: skip
CALLS = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)


@CALLS
@given(data=st.data())
def test_whatever_the_arguments_a_function_returns_or_refuses(function: Function, data: st.DataObject) -> None:
    count = data.draw(st.integers(sum(parameter.required for parameter in function.parameters), len(function.parameters)))
    arguments = [data.draw(st.sampled_from(HOSTILE) | st.text(max_size=20)) for _ in range(count)]
    error = outcome(function.name, *arguments)
    if error is not None:
        assert str(error)
        assert error.hint
        assert "object at 0x" not in str(error)

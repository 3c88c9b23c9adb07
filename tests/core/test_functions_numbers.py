from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bus.adapter import Numbers
from bus.expressions.operators import MAX_ROUNDED, rounded

from tests.core.calling import call, refusal

GERMAN = Numbers(thousands=".", decimal=",")
SAP = Numbers(trailing_minus=True)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("12.50", "12.50"),
        ("         5.000", "5.000"),
        ("\u3000 7\t\r\n", "7"),
        ("-0.10", "-0.10"),
        ("0012", "12"),
        ("+3", "3"),
        (".5", "0.5"),  # as Oracle writes it
        ("123456789012345678901234567890.123", "123456789012345678901234567890.123"),
    ],
)
def test_a_number_is_read_with_its_digits_and_padding_does_not_count(written: str, read: str) -> None:
    assert str(call("decimal", written)) == read


@pytest.mark.parametrize("empty", ["", "   ", "\u3000"])
@pytest.mark.parametrize("function", ["decimal", "integer", "round", "abs", "amount_in_chinese"])
def test_an_empty_text_is_no_number_and_no_fault(function: str, empty: str) -> None:
    assert call(function, empty) is None


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("1,234.50", "number-with-separators"),
        ("1.234,50", "number-with-separators"),
        ("1 234", "number-with-separators"),
        ("1,5", "number-with-separators"),
        ("10-", "number-trailing-minus"),
        ("1,234.50-", "number-trailing-minus"),
        ("１２", "number-full-width"),
        ("００１２．５", "number-full-width"),
        ("1e3", "number-with-exponent"),
        ("1.5E-3", "number-with-exponent"),
        ("1_000", "number-unreadable"),
        ("NaN", "number-unreadable"),
        ("Infinity", "number-unreadable"),
        ("5.", "number-unreadable"),
        (".", "number-unreadable"),
        ("-", "number-unreadable"),
        ("--5", "number-unreadable"),
        ("- 5", "number-unreadable"),
        ("12 EA", "number-unreadable"),
        ("٣", "number-unreadable"),
        ("9" * 1001, "number-unreadable"),
    ],
)
@pytest.mark.parametrize("function", ["decimal", "integer", "round"])
def test_what_could_mean_another_number_is_refused(function: str, written: str, code: str) -> None:
    assert refusal(function, written).code == code


@pytest.mark.parametrize("written", ["1,234.50", "10-"])
def test_a_refused_number_is_told_to_be_declared_at_its_source(written: str) -> None:
    error = refusal("decimal", written)
    assert "numbers:" in error.hint
    assert written in str(error)


@pytest.mark.parametrize(
    ("numbers", "written", "read"),
    [
        (Numbers(thousands=","), "1,234,567.50", "1234567.50"),
        (Numbers(thousands=","), "1234567.50", "1234567.50"),
        (Numbers(thousands=","), "-999", "-999"),
        (GERMAN, "1.234,50", "1234.50"),
        (GERMAN, "0,5", "0.5"),
        (Numbers(decimal=","), "12,50", "12.50"),
        (Numbers(thousands=" "), "1 234.5", "1234.5"),
        (Numbers(thousands=" "), "1\u00a0234\u00a0567", "1234567"),
        (Numbers(thousands="'"), "1'234.50", "1234.50"),
        (SAP, "10-", "-10"),
        (SAP, "10.50-", "-10.50"),
        (SAP, "-10", "-10"),
        (Numbers(thousands=",", trailing_minus=True), "1,234.50-", "-1234.50"),
    ],
)
def test_a_source_that_declares_how_it_writes_numbers_is_read(
    numbers: Numbers, written: str, read: str
) -> None:
    assert str(call("decimal", written, numbers=numbers)) == read


@pytest.mark.parametrize(
    ("numbers", "written"),
    [
        (Numbers(thousands=","), "1,23"),
        (Numbers(thousands=","), "12,34,567"),
        (Numbers(thousands=","), ",234"),
        (Numbers(thousands=","), "1,,234"),
        (Numbers(thousands=","), "1234,567"),
        (GERMAN, "1234.50"),
        (GERMAN, "1.5"),
        (SAP, "-10-"),
        (SAP, "-"),
        (Numbers(thousands=","), "１,２３４"),
    ],
)
def test_a_declared_separator_in_the_wrong_place_is_refused(numbers: Numbers, written: str) -> None:
    refusal("decimal", written, numbers=numbers)


def test_round_reads_a_text_as_its_source_declares_it() -> None:
    assert call("round", "1.234", 1, numbers=GERMAN) == 1234
    assert call("round", "12.345", 2) == Decimal("12.35")
    assert call("abs", "10-", numbers=SAP) == 10


@pytest.mark.parametrize("function", ["decimal", "integer", "round", "abs", "amount_in_chinese"])
@pytest.mark.parametrize("value", [True, [1], {"a": 1}, date(2026, 3, 1), 1.5])
def test_what_is_no_number_is_refused_by_every_function_of_numbers(function: str, value: Any) -> None:
    error = refusal(function, value)
    assert error.code == "function-needs-number"
    assert function in str(error)


@pytest.mark.parametrize(
    ("number", "digits", "rounded"),
    [
        ("12.345", 2, "12.35"),
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("0.5", 0, "1"),
        ("5", 2, "5"),
        ("5.10", 3, "5.10"),
        ("5.000", 2, "5.00"),
        ("-0.4", 0, "0"),
        ("-0.001", 2, "0.00"),
        ("1250", -2, "1300"),
        ("-1250", -2, "-1300"),
        ("49", -2, "0"),
        ("50", -2, "100"),
        ("49.99", -2, "0"),
        ("5", -9, "0"),
        ("1E+3", 2, "1000"),
        ("1E+3", -2, "1000"),
        ("0", -3, "0"),
        ("0.00", 1, "0.0"),
        ("123456789012345678901234567890123456789.5", 0, "123456789012345678901234567890123456790"),
        ("1", Decimal("2.0"), "1"),
        ("0.0004", 0, "0"),
        ("0.0004", -1, "0"),
        ("0.000", 0, "0"),
        ("0.00049", 3, "0.000"),
    ],
)
def test_round_goes_half_away_from_zero_and_adds_no_zeros(number: str, digits: Any, rounded: str) -> None:
    assert str(call("round", Decimal(number), digits)) == rounded


@given(st.integers(-(10**30), 10**30), st.integers(-40, 9), st.integers(0, MAX_ROUNDED))
@example(0, -1, 0)
@example(-4, -1, 0)
def test_the_quick_form_of_round_gives_what_round_gives(digits: int, exponent: int, places: int) -> None:
    for number in (Decimal(digits).scaleb(exponent), Decimal(digits).scaleb(exponent).copy_negate()):
        assert f"{rounded(number, places):f}" == f"{call('round', number, places):f}"


def test_the_quick_form_of_round_rounds_once_however_many_digits_there_are() -> None:
    assert str(rounded(Decimal("0.004" + "9" * 5000), 2)) == "0.00"


def test_round_without_digits_rounds_to_whole_numbers() -> None:
    assert str(call("round", Decimal("12.5"))) == "13"
    assert str(call("round", Decimal("12.55"), digits=1)) == "12.6"
    assert call("round", 7) == 7


@given(NUMBERS, st.integers(-14, 8))
def test_round_is_the_nearest_number_of_so_many_digits(number: Decimal, digits: int) -> None:
    rounded = call("round", number, digits)
    step = Fraction(10) ** -digits
    whole, rest = divmod(abs(Fraction(number)), step)
    nearest = (whole + (2 * rest >= step)) * step
    assert abs(Fraction(rounded)) == nearest
    assert not rounded or (rounded < 0) == (number < 0)
    assert -rounded.as_tuple().exponent <= max(-number.as_tuple().exponent, 0)  # type: ignore[operator] # finite
    assert "E" not in str(rounded)
    assert call("round", rounded, digits) == rounded


@given(NUMBERS)
def test_a_number_written_and_read_again_is_the_same_to_the_digit(number: Decimal) -> None:
    assert str(call("decimal", call("text", number))) == format(number, "f")


@given(NUMBERS, st.booleans())
def test_a_number_written_in_any_declared_way_is_read_the_same(number: Decimal, trailing: bool) -> None:
    whole = f"{abs(number):,f}".translate(str.maketrans(",.", ".,"))
    written = (whole + "-" if trailing else "-" + whole) if number < 0 else whole
    declared = Numbers(thousands=".", decimal=",", trailing_minus=trailing)
    assert call("decimal", written, numbers=declared) == number


@pytest.mark.parametrize(
    ("value", "whole"), [("0012", 12), ("12.00", 12), (Decimal("-7.0"), -7), (10**40, 10**40), ("-3", -3)]
)
def test_integer_reads_whole_numbers_however_they_are_written(value: Any, whole: int) -> None:
    assert call("integer", value) == whole
    assert type(call("integer", value)) is int


@pytest.mark.parametrize("value", ["12.5", Decimal("0.001")])
def test_integer_refuses_a_fraction_and_says_how_to_drop_it(value: Any) -> None:
    error = refusal("integer", value)
    assert error.code == "number-has-fraction"
    assert "round(" in error.hint


def test_abs_keeps_digits_and_kind() -> None:
    assert str(call("abs", Decimal("-12.50"))) == "12.50"
    assert call("abs", -5) == 5
    assert type(call("abs", -5)) is int


@pytest.mark.parametrize("digits", ["2", 1.5, True, Decimal("1.5"), [2]])
def test_round_to_anything_but_a_whole_number_of_digits_is_refused(digits: Any) -> None:
    assert refusal("round", Decimal("1.25"), digits).code.startswith("function-needs-")


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+1000"), Decimal("1E-1001"), 10**1001])
@pytest.mark.parametrize("function", ["decimal", "integer", "round", "text"])
def test_a_number_that_is_none_or_fills_the_memory_is_refused(function: str, number: Any) -> None:
    assert refusal(function, number).code == "number-out-of-range"

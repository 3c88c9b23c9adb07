import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.calling import call, refusal

DIGITS = "零壹贰叁肆伍陆柒捌玖"


def number_of(words: str) -> int:
    """Read a whole number from its capital digits: sections of 亿 and 万, then 仟 佰 拾."""
    for unit, power in (("亿", 10**8), ("万", 10**4)):
        if unit in words:
            high, _, low = words.rpartition(unit)
            return number_of(high) * power + number_of(low)
    values = {"仟": 1000, "佰": 100, "拾": 10, "": 1}
    return sum(DIGITS.index(digit) * values[unit] for digit, unit in re.findall("(.)([仟佰拾]?)", words))


def amount_of(words: str) -> Decimal:
    """Read an amount back."""
    found = re.fullmatch(r"(负?)(?:(.+)元)?(?:零?(.)角)?(?:零?(.)分)?(整?)", words)
    assert found, words
    sign, yuan, jiao, fen, whole = found.groups()
    assert bool(whole) == (fen is None)
    hundredths = number_of(yuan or "") * 100 + DIGITS.index(jiao or "零") * 10 + DIGITS.index(fen or "零")
    return Decimal(-hundredths if sign else hundredths) / 100


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "零元整"),
        ("0.00", "零元整"),
        ("-0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("0.55", "伍角伍分"),
        ("1", "壹元整"),
        ("10", "壹拾元整"),
        ("10.05", "壹拾元零伍分"),
        ("10.50", "壹拾元伍角整"),
        ("123.45", "壹佰贰拾叁元肆角伍分"),
        ("-123.45", "负壹佰贰拾叁元肆角伍分"),
        ("1000.01", "壹仟元零壹分"),
        ("1001", "壹仟零壹元整"),
        ("1010.10", "壹仟零壹拾元壹角整"),
        ("1409.50", "壹仟肆佰零玖元伍角整"),
        ("6007.14", "陆仟零柒元壹角肆分"),
        ("1680.32", "壹仟陆佰捌拾元叁角贰分"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("10000", "壹万元整"),
        ("10005", "壹万零伍元整"),
        ("100500", "壹拾万零伍佰元整"),
        ("107000.53", "壹拾万柒仟元伍角叁分"),
        ("1000000", "壹佰万元整"),
        ("10000001", "壹仟万零壹元整"),
        ("100000000", "壹亿元整"),
        ("100000001.00", "壹亿零壹元整"),
        ("100010000", "壹亿零壹万元整"),
        ("1000000000000", "壹万亿元整"),
        ("1000000000001", "壹万亿零壹元整"),
        ("1000100000000", "壹万零壹亿元整"),
        ("9999999999999999.99", "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
        ("12.500", "壹拾贰元伍角整"),
        ("1E+4", "壹万元整"),
    ],
)
def test_an_amount_is_written_as_cheques_have_it(amount: str, words: str) -> None:
    assert call("amount_in_chinese", Decimal(amount)) == words


@given(st.integers(-(10**18) + 1, 10**18 - 1) | st.integers(-(10**7), 10**7))
@example(10**17)
def test_an_amount_read_back_is_the_same_and_no_gap_is_left_or_doubled(hundredths: int) -> None:
    amount = Decimal(hundredths).scaleb(-2)
    words = call("amount_in_chinese", amount)
    assert amount_of(words) == amount
    assert "零零" not in words
    assert not re.search("零[万亿]|^负?零.|零元." if abs(hundredths) >= 100 else "元[^整]", words)


@pytest.mark.parametrize("amount", [Decimal("12.345"), Decimal("0.001"), "1.999"])
def test_part_of_a_fen_is_refused_and_told_to_be_rounded(amount: Any) -> None:
    error = refusal("amount_in_chinese", amount)
    assert error.code == "amount-has-fraction"
    assert "round(x, 2)" in error.hint


@pytest.mark.parametrize("amount", [10**16, Decimal(-(10**16)), Decimal("1E+900")])
def test_an_amount_beyond_the_names_of_numbers_is_refused(amount: Any) -> None:
    assert refusal("amount_in_chinese", amount).code == "amount-too-large"


def test_whole_numbers_and_texts_are_amounts_too() -> None:
    assert call("amount_in_chinese", 5) == "伍元整"
    assert call("amount_in_chinese", "5.10") == "伍元壹角整"

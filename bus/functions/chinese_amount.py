"""amount_in_chinese: amounts of money in the capital digits that cheques and contracts carry.

The rules are those of 支付结算办法 (annex 1) where it leaves no choice: a gap in the middle is one 零,
also between 元 and 分; 整 ends an amount without 分. Where it allows 零 or not (万 or 元 is 0 and the next
digit is not), none is written.
"""

from typing import Any

from bus.adapter import Numbers
from bus.errors import ExpressionError
from bus.functions.arguments import shown
from bus.functions.numbers import EXACT, plain_text, read_number

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_LIMIT = 10**16  # 万亿 is the last unit: below 9999万亿9999亿9999万9999 everything has a name

# From large to small, each a power of ten and its name.
_UNITS: tuple[tuple[int, str], ...] = (
    (10**8, "亿"), (10**4, "万"), (10**3, "仟"), (10**2, "佰"), (10, "拾"),
)


def amount_in_chinese(numbers: Numbers | None, x: Any) -> str | None:
    """Write an amount below 10,000 万亿 with at most two decimals.

    Raises:
        ExpressionError: part of a 分, or too large. An amount is never rounded in secret.

    >>> from decimal import Decimal
    >>> [amount_in_chinese(None, Decimal(amount)) for amount in ("123.45", "-10.05", "0")]
    ['壹佰贰拾叁元肆角伍分', '负壹拾元零伍分', '零元整']
    """
    amount = read_number("amount_in_chinese", numbers, x)
    if amount is None:
        return None
    hundredths = EXACT.multiply(amount.copy_abs(), 100)
    if hundredths != (whole := int(hundredths)):
        raise ExpressionError("amount-has-fraction", value=shown(amount))
    yuan, rest = divmod(whole, 100)
    if yuan >= _LIMIT:
        raise ExpressionError("amount-too-large", value=shown(plain_text(amount)))
    jiao, fen = divmod(rest, 10)
    parts = [
        "负" if amount < 0 else "",
        f"{_integer(yuan)}元" if yuan or not rest else "",
        f"{_DIGITS[jiao]}角" if jiao else "零" if fen and yuan else "",
        f"{_DIGITS[fen]}分" if fen else "整",
    ]
    return "".join(parts)


def _integer(number: int) -> str:
    """A number from 0; 10 is 壹拾, never 拾: a digit in front could be added to it."""
    for unit, name in _UNITS:
        if number >= unit:
            count, rest = divmod(number, unit)
            gap = "零" if 0 < rest < unit // 10 else ""
            return f"{_integer(count)}{name}{gap}{_integer(rest) if rest else ''}"
    return _DIGITS[number]

"""decimal integer round abs: exact, from what sources write to Decimal and back, and never a float."""

import re
import unicodedata
from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any

from bus.adapter import Numbers
from bus.errors import ExpressionError
from bus.functions.arguments import MAX_DIGITS, check_size, number_of, shown, whole_of

# Wide enough that no operation below ever rounds but where it is told to. HALF_UP of this module is
# half away from zero; the name is Java's.
EXACT = Context(prec=3 * MAX_DIGITS, rounding=ROUND_HALF_UP, Emin=MIN_EMIN, Emax=MAX_EMAX)
_BLANKS = " \u00a0\u202f\u2009"  # what programs write where a thousands separator is a blank


def decimal(numbers: Numbers | None, x: Any) -> Decimal | None:
    """Read a number with the digits it came with; an empty text is null.

    >>> decimal(None, "   5.000"), decimal(Numbers(thousands=",", trailing_minus=True), "1,234.50-")
    (Decimal('5.000'), Decimal('-1234.50'))
    """
    return read_number("decimal", numbers, x)


def integer(numbers: Numbers | None, x: Any) -> int | None:
    """Read a whole number; one with a fraction is refused, `12.00` has none.

    >>> integer(None, "0012"), integer(None, Decimal("12.00"))
    (12, 12)
    """
    number = read_number("integer", numbers, x)
    if number is None:
        return None
    if number != (whole := int(number)):
        raise ExpressionError("number-has-fraction", value=shown(x))
    return whole


def round_(numbers: Numbers | None, x: Any, digits: Any = 0) -> Decimal | None:
    """Round half away from zero to so many digits behind the point (-2: to hundreds); adds no zeros.

    >>> round_(None, Decimal("12.345"), 2), round_(None, Decimal("5"), 2), round_(None, 1250, -2)
    (Decimal('12.35'), Decimal('5'), Decimal('1300'))
    """
    number = read_number("round", numbers, x)
    if number is None:
        return None
    places = whole_of("round", digits)
    exponent = _exponent(number)
    if -exponent > places:
        # Past two places before the first digit nothing is left of any number.
        places = max(places, min(-number.adjusted() - 2, 0))
        number, exponent = EXACT.quantize(number, _step(places)), -places
        if not number:
            number = number.copy_abs()  # nobody orders -0
    return number if exponent <= 0 else EXACT.quantize(number, _step(0))


def absolute(numbers: Numbers | None, x: Any) -> int | Decimal | None:
    """The number without its sign."""
    if type(x) is int:
        return abs(x)
    number = read_number("abs", numbers, x)
    return None if number is None else number.copy_abs()


def read_number(function: str, numbers: Numbers | None, x: Any) -> Decimal | None:
    """A number, or a text that is one as its source writes them; null for an empty text.

    Raises:
        ExpressionError: anything else; the message says what `numbers:` would have to declare.
    """
    if not isinstance(x, str):
        return number_of(function, x)
    text = x.strip()
    if not text:
        return None
    number = (_PLAIN if numbers is None else _reader_of(numbers))(text)
    if number is None:
        raise ExpressionError(_fault(text), value=shown(text))
    return number


def plain_text(number: Decimal | int) -> str:
    """A number written out with all its digits, never with an exponent."""
    check_size(number)
    return format(number, "f") if isinstance(number, Decimal) else str(number)


def _exponent(number: Decimal) -> int:
    return number.as_tuple().exponent  # type: ignore[return-value] # only finite numbers come here


@lru_cache(maxsize=64)
def _step(places: int) -> Decimal:
    return Decimal((0, (1,), -places))


def _reader_of(numbers: Numbers) -> Callable[[str], Decimal | None]:
    return _reader(numbers.thousands, numbers.decimal, trailing_minus=numbers.trailing_minus)


@lru_cache(maxsize=64)
def _reader(thousands: str, point: str, *, trailing_minus: bool) -> Callable[[str], Decimal | None]:
    """Make what reads numbers written so; a separator stands between groups of three or not at all."""
    separator = f"[{_BLANKS}]" if thousands.isspace() else re.escape(thousands)
    groups = rf"[0-9]{{1,3}}(?:{separator}[0-9]{{3}})+|" if thousands else ""
    written = re.compile(
        rf"(?P<sign>[+-]?)(?P<whole>{groups}[0-9]*)(?:{re.escape(point)}(?P<fraction>[0-9]+))?(?P<minus>-?)"
    ).fullmatch

    def read(text: str) -> Decimal | None:
        found = written(text) if len(text) <= MAX_DIGITS else None
        if found is None:
            return None
        sign, whole, fraction, minus = found.group("sign", "whole", "fraction", "minus")
        if not (whole or fraction) or (minus and (sign or not trailing_minus)):
            return None
        digits = "".join(filter(str.isdigit, whole))
        return Decimal(f"{sign or minus}{digits}.{fraction}" if fraction else f"{sign or minus}{digits}")

    return read


_PLAIN = _reader("", ".", trailing_minus=False)
_FAULTS: tuple[tuple[str, str], ...] = (
    (r"[0-9][0-9.,]*-", "number-trailing-minus"),
    (r"[+-]?[0-9]{1,3}([.,' \u00a0\u202f\u2009][0-9]{3})+([.,][0-9]+)?", "number-with-separators"),
    (r"[+-]?[0-9]+,[0-9]+", "number-with-separators"),
    (r"[+-]?[0-9.]+[eE][+-]?[0-9]+", "number-with-exponent"),
)


def _fault(text: str) -> str:
    """What is wrong with a text that is no number, as a code of the catalogue."""
    if len(text) > MAX_DIGITS:
        return "number-unreadable"
    if not text.isascii() and unicodedata.normalize("NFKC", text).isascii():
        return "number-full-width"
    return next((code for pattern, code in _FAULTS if re.fullmatch(pattern, text)), "number-unreadable")

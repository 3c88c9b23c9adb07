"""Plain texts that are a number, a date or a time: the one reading of them on the wire and in mappings.

Strict on purpose: what Python's own constructors take besides (`1e3`, `1_000`, `１２`, `NaN`,
`2025-01-19+05:30`) is nothing a business system means as a quantity or a date. Padding is not trimmed
here; who reads a padded format trims it first.
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

MAX_EXPONENT = 60
"""Powers of ten a number may reach, up or down: beyond the atoms of the earth, before arithmetic hurts."""

# Digits are spelled out: \d and int() take every script's digits, e.g. full-width ones.
NUMBER_PATTERN = r"-?[0-9]+(?:\.[0-9]+)?"
INTEGER_PATTERN = r"-?[0-9]+"
DATE_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
DATETIME_PATTERN = (
    DATE_PATTERN + r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_MAX_DIGITS = MAX_EXPONENT + 1
_NUMBER = re.compile(rf"-?[0-9]{{1,{_MAX_DIGITS}}}(?:\.[0-9]{{1,{MAX_EXPONENT}}})?").fullmatch
_INTEGER = re.compile(rf"-?[0-9]{{1,{_MAX_DIGITS}}}").fullmatch
_DATETIME = re.compile(DATETIME_PATTERN).fullmatch

zone_info = lru_cache(maxsize=64)(ZoneInfo)


def plain_number(text: str) -> Decimal | None:
    """Return the number with the digits it was written with, None for anything but `-?digits[.digits]`.

    None too beyond 61 digits before the point or 60 behind it.

    >>> plain_number("12.50"), plain_number("1e3"), plain_number("1,234.50"), plain_number("１２")
    (Decimal('12.50'), None, None, None)
    """
    return Decimal(text) if _NUMBER(text) else None


def plain_integer(text: str) -> int | None:
    """Return the integer, None for anything but `-?digits` of at most 61 digits.

    >>> plain_integer("0012"), plain_integer("12.0"), plain_integer("+12")
    (12, None, None)
    """
    return int(text) if _INTEGER(text) else None


def in_range(number: Decimal) -> bool:
    """Say whether a number is finite and of a size that arithmetic can bear.

    A few bytes of JSON, `1e999999999`, would otherwise become gigabytes of digits.

    >>> in_range(Decimal("12.50")), in_range(Decimal("1e400")), in_range(Decimal("NaN"))
    (True, False, False)
    """
    return number.is_finite() and -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT


def parse_iso_date(text: str) -> date | None:
    """Return the day of a text `yyyy-MM-dd`, None for anything else and for days that do not exist.

    >>> parse_iso_date("2025-01-19"), parse_iso_date("20250119"), parse_iso_date("2025-02-30")
    (datetime.date(2025, 1, 19), None, None)
    """
    # The two dashes leave fromisoformat one reading of ten characters; it also knows weeks.
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_iso_datetime(text: str, zone: str) -> datetime | None:
    """Return the moment of an ISO 8601 text, None for anything else; the result always has a zone.

    `yyyy-MM-dd`, then `T` or a blank, `HH:mm[:ss[.fraction]]` and `Z`, `+08:00`, `+0800`, `+08` or
    nothing. Without a zone it is a time in `zone`, an IANA name; a date alone is its midnight there.
    Digits of the fraction beyond six (of at most nine) are dropped: Python keeps microseconds.

    >>> parse_iso_datetime("2025-01-19T08:30:00.1234567Z", "Asia/Shanghai").isoformat()
    '2025-01-19T08:30:00.123456+00:00'
    >>> parse_iso_datetime("2025-01-19 08:30", "Asia/Shanghai").isoformat()
    '2025-01-19T08:30:00+08:00'
    >>> parse_iso_datetime("2025-01-19+05:30", "Asia/Shanghai")
    """
    if not _DATETIME(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone_info(zone))
        if moment.year in (1, 9999):  # .NET's and SAP's "no date" and "for ever" can leave what UTC can say
            moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment

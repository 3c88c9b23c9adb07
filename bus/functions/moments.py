"""Dates and times from the texts that systems write: ISO 8601, and the parts a pattern has found."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

FIRST_SHORT_YEAR = 1977
"""Two digits of a year mean one of the hundred years from this one.

The rule of the GS1 General Specifications (49 years back, 50 ahead) as of 2026. Fixed, because a
document replayed in another year has to give the same date.
"""

OFFSET = "[Zz]|[+-][0-9]{1,2}(?::?[0-9]{2})?"
"""A zone as systems write it: `Z`, `+08:00`, `+0800`, `+08`, `+8`."""

_ISO = re.compile(
    r"(?P<yyyy>[0-9]{4})(?P<dash>-?)(?P<MM>[0-9]{2})(?P=dash)(?P<dd>[0-9]{2})"
    r"(?:[Tt ](?P<HH>[0-9]{2})(?::?(?P<mm>[0-9]{2})(?::?(?P<ss>[0-9]{2})(?:[.,](?P<SSS>[0-9]{1,9}))?)?)?)?"
    rf"(?: ?(?P<XXX>{OFFSET}))?"
).fullmatch
_NOTHING = re.compile(r"[-/.,: TZ+年月日时分秒]*0[-/.,: TZ+0年月日时分秒]*").fullmatch


def is_no_date(text: str) -> bool:
    """Whether a text without blanks around it says that there is no date: empty, or `00000000`.

    >>> [is_no_date(text) for text in ("", "00000000", "0000-00-00 00:00:00", "-", "20260301")]
    [True, True, True, False, False]
    """
    return not text or _NOTHING(text) is not None


def read_iso(text: str, zone: tzinfo) -> date | None:
    """Read ISO 8601, basic or extended: a date, or a moment when it has a time; None for anything else.

    A blank may stand for the T. A time without a zone is in the one given; a zone behind a date alone,
    as XML Schema has it, changes nothing about the date.

    >>> read_iso("20260301T083000+0800", UTC).isoformat()
    '2026-03-01T08:30:00+08:00'
    >>> read_iso("2025-01-19+05:30", UTC), read_iso("2026-02-30", UTC)
    (datetime.date(2025, 1, 19), None)
    """
    found = _ISO(text)
    return moment_of(found.groupdict(), zone, timed=found["HH"] is not None) if found else None


def moment_of(parts: Mapping[str, str | None], zone: tzinfo, *, timed: bool) -> date | None:
    """Put together what stands for each field; None for a day or time that does not exist.

    Fields are named as in patterns; month and day are the first where they are missing. 24:00 is
    midnight at the end of the day. Of a fraction of a second the digits beyond six are dropped.
    """
    try:
        day = date(_year(parts), int(parts.get("MM") or 1), int(parts.get("dd") or 1))
        offset = parts.get("XXX")
        named = _zone(offset) if offset else None
        if not timed:
            return day
        hour, minute, second = (int(parts.get(field) or 0) for field in ("HH", "mm", "ss"))
        fraction = int((parts.get("SSS") or "0").ljust(6, "0")[:6])
        ends_day = hour == 24 and not (minute or second or fraction)
        moment = datetime(
            day.year, day.month, day.day, 0 if ends_day else hour, minute, second, fraction,
            tzinfo=named or zone,
        )
        return with_offset(moment + timedelta(days=1) if ends_day else moment)
    except (ValueError, OverflowError):
        return None


def with_offset(moment: datetime) -> datetime:
    """The moment with its offset from UTC for a zone.

    Python compares two times of one zone by their clocks, and a time that clocks show twice as unequal
    to all of other zones (PEP 495); of those with an offset it compares the moments.
    """
    offset = moment.utcoffset()
    if offset is None or moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=timezone(offset), fold=0)


def full_year(two_digits: int) -> int:
    """The year that two digits mean.

    >>> full_year(26), full_year(76), full_year(77)
    (2026, 2076, 1977)
    """
    return FIRST_SHORT_YEAR + (two_digits - FIRST_SHORT_YEAR) % 100


def _year(parts: Mapping[str, str | None]) -> int:
    short = parts.get("yy")
    return full_year(int(short)) if short else int(parts["yyyy"] or 0)


def _zone(offset: str) -> tzinfo:
    """`Z`, `+08:00`, `+0800`, `+08`, `+8` as a zone."""
    if offset in "Zz":
        return UTC
    digits = offset[1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "0")
    distance = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-distance if offset[0] == "-" else distance)

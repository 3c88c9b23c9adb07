"""date, parse_date, add_days, days_between: business dates have no zone, moments are seen in one."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from bus.errors import ExpressionError
from bus.functions.arguments import shown, text_of, whole_of
from bus.functions.date_patterns import reader, writer
from bus.functions.moments import is_no_date, read_iso, with_offset
from bus.plain import zone_info

_MIDNIGHT = time()


def write_date(zone: tzinfo, value: Any, pattern: Any = None) -> str | None:
    """Write a date or a moment as the pattern says, or as ISO 8601, in the zone; a date is its midnight.

    >>> from datetime import UTC
    >>> write_date(UTC, date(2026, 3, 1), "yyyy/MM/dd HH:mm"), write_date(UTC, "2026-03-01", "ddMMyy")
    ('2026/03/01 00:00', '010326')
    """
    day = _day_or_moment("date", zone, value)
    if day is None:
        return None
    if pattern is None:
        return iso_text(zone, day)
    moment = _in_zone(day, zone) if isinstance(day, datetime) else datetime.combine(day, _MIDNIGHT, zone)
    return writer(text_of("date", pattern))(moment)


def parse_date(here: tzinfo, s: Any, pattern: Any = None, zone: Any = None) -> date | None:
    """Read a date, or a moment when the pattern or the ISO 8601 text has a time; empty or zeros is null.

    A time that names no zone is one in `zone`, an IANA name, else in the system's.

    >>> from datetime import UTC
    >>> parse_date(UTC, "01.03.2026", "dd.MM.yyyy"), parse_date(UTC, "00000000", "yyyyMMdd")
    (datetime.date(2026, 3, 1), None)
    """
    if isinstance(s, date):
        return s
    text = text_of("parse_date", s).strip()
    where = here if zone is None else _named_zone(text_of("parse_date", zone))
    if pattern is None:
        return None if is_no_date(text) else _iso("parse_date", text, where)
    read = reader(text_of("parse_date", pattern))
    if is_no_date(text):
        return None
    day = read(text, where)
    if day is None:
        raise ExpressionError("date-unreadable", value=shown(text), pattern=shown(pattern))
    return day


def add_days(zone: tzinfo, value: Any, days: Any) -> date | None:
    """The same time so many days later, or earlier; a moment keeps its time of day in the zone."""
    count = whole_of("add_days", days)
    day = _day_or_moment("add_days", zone, value)
    if day is None:
        return None
    try:
        if isinstance(day, datetime):
            return with_offset(_in_zone(day, zone) + timedelta(days=count))
        return day + timedelta(days=count)
    except OverflowError:
        raise ExpressionError("date-out-of-range", value=f"{day.isoformat()} + {shown(count)}") from None


def days_between(zone: tzinfo, first: Any, second: Any) -> int | None:
    """Calendar days from the first to the second; moments count as the day they are on in the zone."""
    a, b = (_day(_day_or_moment("days_between", zone, value), zone) for value in (first, second))
    return None if a is None or b is None else (b - a).days


def iso_text(zone: tzinfo, day: date) -> str:
    """A date or a moment as ISO 8601, a moment with the offset of the zone."""
    return _in_zone(day, zone).isoformat() if isinstance(day, datetime) else day.isoformat()


def check_date(text: str, pattern: str | None = None) -> ExpressionError | None:
    """Say why `parse_date` does not read a text that is written out, for lint; None when it does."""
    try:
        parse_date(UTC, text, pattern)
    except ExpressionError as error:
        return error
    return None


def check_zone(name: str) -> ExpressionError | None:
    """Say that there is no such zone, for lint; None when there is."""
    try:
        _named_zone(name)
    except ExpressionError as error:
        return error
    return None


def _day_or_moment(function: str, zone: tzinfo, value: Any) -> date | None:
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise ExpressionError("function-needs-date", function=function, value=shown(value))
    text = value.strip()
    return None if is_no_date(text) else _iso(function, text, zone)


def _iso(function: str, text: str, zone: tzinfo) -> date:
    day = read_iso(text, zone)
    if day is None:
        raise ExpressionError("date-not-iso", function=function, value=shown(text))
    return day


def _in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The moment as clocks in the zone show it; one without a zone is of this one."""
    if moment.tzinfo is zone:  # identity: two ZoneInfo of one name are one object
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(zone)
    except OverflowError:  # 9999-12-31T23:59:59Z is in the year 10000 in Shanghai
        raise ExpressionError("date-out-of-range", value=moment.isoformat()) from None


def _day(day: date | None, zone: tzinfo) -> date | None:
    return _in_zone(day, zone).date() if isinstance(day, datetime) else day


def _named_zone(name: str) -> tzinfo:
    try:
        return zone_info(name)
    except (KeyError, ValueError, OSError):  # not found; "../x"; a folder such as "Asia"
        raise ExpressionError("unknown-zone", zone=shown(name)) from None

"""Patterns of dates, `yyyy-MM-dd HH:mm:ss`: checked, then compiled to what writes and what reads them.

Fields are `yyyy yy MM dd HH mm ss SSS XXX`. Every other sign stands for itself, and so do `T` and
what stands in single quotes. Any other letter is an error: it was meant as a field of another
notation, and would come out as a letter in every document.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, tzinfo
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from bus.errors import ExpressionError
from bus.functions.arguments import MAX_PATTERN, shown
from bus.functions.moments import OFFSET, moment_of
from bus.types import ANY, DATE, DATETIME, Type

Write = Callable[[datetime], str]
Read = Callable[[str, tzinfo], date | None]


class _Field(NamedTuple):
    """How a field is written, by %-formatting what `value` reads, and read, as a regular expression."""

    value: str | Callable[[datetime], object]
    written: str
    read: str


def _offset(moment: datetime) -> str:
    offset = moment.utcoffset()
    if not offset:
        return "Z"
    # Whole minutes: XXX has no place for the seconds of local mean times before 1900.
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


_FIELDS: dict[str, _Field] = {
    "yyyy": _Field("year", "%04d", "[0-9]{4}"),
    "yy": _Field(lambda moment: moment.year % 100, "%02d", "[0-9]{2}"),
    "MM": _Field("month", "%02d", "[0-9]{2}"),
    "dd": _Field("day", "%02d", "[0-9]{2}"),
    "HH": _Field("hour", "%02d", "[0-9]{2}"),
    "mm": _Field("minute", "%02d", "[0-9]{2}"),
    "ss": _Field("second", "%02d", "[0-9]{2}"),
    "SSS": _Field(lambda moment: moment.microsecond // 1000, "%03d", "[0-9]{1,9}"),
    "XXX": _Field(_offset, "%s", OFFSET),
}
_TIMES = {"HH", "mm", "ss", "SSS"}
_ONE_OR_TWO_DIGITS = {"MM", "dd", "HH", "mm", "ss"}

# What people used to strftime, Java, .NET and Oracle type, and what it is here.
_MEANT: dict[str, str] = {
    "%Y": "yyyy", "%y": "yy", "%m": "MM", "%d": "dd", "%H": "HH", "%I": "HH", "%M": "mm", "%S": "ss",
    "%f": "SSS", "%z": "XXX", "%Z": "XXX", "%F": "yyyy-MM-dd", "%T": "HH:mm:ss", "%D": "MM/dd/yy",
    "YYYY": "yyyy", "YYY": "yyyy", "yyy": "yyyy", "YY": "yy", "Y": "yyyy", "y": "yyyy", "uuuu": "yyyy",
    "M": "MM", "D": "dd", "DD": "dd", "d": "dd",
    "HH24": "HH", "hh24": "HH", "hh": "HH", "h": "HH", "H": "HH", "k": "HH", "kk": "HH",
    "MI": "mm", "mi": "mm", "n": "mm", "nn": "mm", "m": "mm", "s": "ss", "SS": "ss",
    "S": "SSS", "SSSS": "SSS", "SSSSSS": "SSS", "SSSSSSS": "SSS", "SSSSSSSSS": "SSS",
    "f": "SSS", "ff": "SSS", "fff": "SSS", "ffffff": "SSS", "fffffff": "SSS",
    "FF": "SSS", "FF3": "SSS", "FF6": "SSS",
    "X": "XXX", "XX": "XXX", "x": "XXX", "xx": "XXX", "xxx": "XXX", "zzz": "XXX", "z": "XXX", "K": "XXX",
    # A literal Z would claim UTC for a time that is written in the system's zone.
    "Z": "XXX", "ZZ": "XXX", "'Z'": "XXX", "'": "", "%": "",
}
_PART = re.compile(
    r"%[A-Za-z]?|'(?:[^']|'')*'|HH24|hh24|FF[36]|MI|mi|(?P<letter>[A-Za-z])(?P=letter)*|[^A-Za-z%']+|'"
)


class _Compiled(NamedTuple):
    pieces: tuple[tuple[str, str], ...]  # (field, "") or ("", the signs themselves)
    write: Write


def check_date_pattern(pattern: str) -> ExpressionError | None:
    """Say what is wrong with a pattern to write dates by, for lint; None when nothing is."""
    return _error_of(writer, pattern)


def check_parse_pattern(pattern: str) -> ExpressionError | None:
    """Say what is wrong with a pattern to read dates by: it needs a year too, and no field twice."""
    return _error_of(reader, pattern)


def date_pattern_type(pattern: str) -> Type:
    """What `parse_date` makes with a pattern: DATETIME when it has a time, else DATE; ANY of a wrong one."""
    if check_date_pattern(pattern):
        return ANY
    return DATETIME if any(field in _TIMES for field, _ in _pieces(pattern)) else DATE


@lru_cache(maxsize=1024)
def writer(pattern: str) -> Write:
    """Compile the pattern to what writes a moment, in the moment's own zone.

    Raises:
        ExpressionError: the pattern is wrong; the message has the right one where it can be guessed.

    >>> writer("yy-MM-dd'T'HH:mm:ss.SSSXXX")(datetime(2026, 3, 1, 8, 5, 9, 123456))
    '26-03-01T08:05:09.123Z'
    """
    pieces = _pieces(pattern)
    values = [_FIELDS[field].value for field, _ in pieces if field]
    written = "".join(
        _FIELDS[field].written if field else signs.replace("%", "%%") for field, signs in pieces
    )
    names = [value for value in values if isinstance(value, str)]
    if len(names) == len(values):
        read_all: Callable[[datetime], Any] = attrgetter(*names)  # twice as fast as one by one
        return lambda moment: written % read_all(moment)
    readers = [attrgetter(value) if isinstance(value, str) else value for value in values]
    return lambda moment: written % tuple([read(moment) for read in readers])


@lru_cache(maxsize=1024)
def day_writer(pattern: str) -> Callable[[date], str] | None:
    """Compile the pattern to what writes a date, as `writer` writes its midnight; None where that takes a zone.

    Business dates are few and near today, so the last ones are remembered.
    """
    if any(field == "XXX" for field, _ in _pieces(pattern)):
        return None
    write = writer(pattern)
    return lru_cache(maxsize=1024)(lambda day: write(datetime(day.year, day.month, day.day)))  # noqa: DTZ001 - no zone is asked for


@lru_cache(maxsize=1024)
def reader(pattern: str) -> Read:
    """Compile the pattern to what reads a text: a date, or a moment where the pattern has a time.

    The text has no blanks around it. A month, day, hour … of one digit is read where other signs
    stand on both sides of it. A time without XXX is in the zone given. None means that the text does
    not fit the pattern or no such day exists.

    Raises:
        ExpressionError: the pattern is wrong, has no year or a field twice.

    >>> from datetime import UTC
    >>> reader("dd.MM.yyyy")("1.3.2026", UTC), reader("yyyyMMdd")("20260230", UTC)
    (datetime.date(2026, 3, 1), None)
    """
    pieces = _pieces(pattern)
    fields = [field for field, _ in pieces if field]
    if not {"yyyy", "yy"} & set(fields):
        raise ExpressionError("date-pattern-no-year", pattern=pattern)
    twice = next((field for field in fields if fields.count(field) > 1), None)
    if twice or len({"yyyy", "yy"} & set(fields)) > 1:
        raise ExpressionError("date-pattern-twice", pattern=pattern, field=twice or "yyyy")
    fits = re.compile("".join(_expected(pieces, at) for at in range(len(pieces)))).fullmatch
    timed = bool(_TIMES & set(fields))

    def read(text: str, zone: tzinfo) -> date | None:
        found = fits(text)
        return moment_of(dict(zip(fields, found.groups(), strict=True)), zone, timed=timed) if found else None

    return read


def _error_of(compile_: Callable[[str], Any], pattern: str) -> ExpressionError | None:
    try:
        compile_(pattern)
    except ExpressionError as error:
        return error
    return None


def _expected(pieces: tuple[tuple[str, str], ...], at: int) -> str:
    """The regular expression for one piece between its neighbours."""
    field, signs = pieces[at]
    if not field:
        return re.escape(signs)
    alone = (at == 0 or not pieces[at - 1][0]) and (at + 1 == len(pieces) or not pieces[at + 1][0])
    digits = "[0-9]{1,2}" if alone and field in _ONE_OR_TWO_DIGITS else _FIELDS[field].read
    return f"({digits})"


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[tuple[str, str], ...]:
    if len(pattern) > MAX_PATTERN:
        raise ExpressionError("date-pattern-too-long", pattern=shown(pattern), limit=MAX_PATTERN)
    parts = [found.group() for found in _PART.finditer(pattern)]
    for typed in parts:
        if not (typed in _FIELDS or typed in _MEANT or _stands_for_itself(typed)):
            raise ExpressionError("date-pattern-unknown", pattern=shown(pattern), letters=typed)
    meant = _in_context([_MEANT.get(typed, typed) for typed in parts])
    for typed, right in zip(parts, meant, strict=True):
        if typed[0] == "%":
            raise ExpressionError("date-pattern-percent", pattern=shown(pattern), right=shown("".join(meant)))
        if typed != right:
            raise ExpressionError(
                "date-pattern-letters", pattern=shown(pattern), letters=typed, right=shown("".join(meant))
            )
    if not _FIELDS.keys() & set(parts):
        raise ExpressionError("date-pattern-empty", pattern=shown(pattern))
    return tuple((typed, "") if typed in _FIELDS else ("", _unquoted(typed)) for typed in parts)


def _in_context(parts: list[str]) -> list[str]:
    """Months are MM and minutes mm: what stands behind hours or before seconds is minutes, else months."""
    fields = [typed for typed in parts if typed in _FIELDS]
    right, nth = [], 0
    for typed in parts:
        meant = typed
        if typed in _FIELDS:
            before = fields[nth - 1] if nth else ""
            after = fields[nth + 1] if nth + 1 < len(fields) else ""
            nth += 1
            if typed == "MM" and before == "HH":
                meant = "mm"
            elif typed == "mm" and before != "HH" and after != "ss":
                meant = "MM"
        right.append(meant)
    return right


def _stands_for_itself(typed: str) -> bool:
    return typed == "T" or not (typed[0] == "%" or (typed[0].isascii() and typed[0].isalpha()))


def _unquoted(typed: str) -> str:
    return (typed[1:-1].replace("''", "'") or "'") if typed[0] == "'" else typed

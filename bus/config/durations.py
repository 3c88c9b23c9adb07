"""How long: `500ms 5s 30m 1h 2d`, a whole number and one unit without a blank."""

import re
from decimal import Decimal
from fractions import Fraction

_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")

# What people write for a unit → the unit. A bare number is taken for seconds, as most tools do.
_MEANT = {
    "": "s",
    **dict.fromkeys(("msec", "msecs", "millisecond", "milliseconds", "毫秒"), "ms"),
    **dict.fromkeys(("sec", "secs", "second", "seconds", "秒", "秒钟"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes", "分", "分钟"), "m"),
    **dict.fromkeys(("hr", "hrs", "hour", "hours", "时", "小时", "个小时"), "h"),
    **dict.fromkeys(("day", "days", "天", "日"), "d"),
    **{unit: unit for unit in _MS},
}  # fmt: skip
# Digits, letters and the stop as a Chinese keyboard may give them.
_WIDE = (0xFF0E, *range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))
_HALF_WIDTH = {code: code - 0xFEE0 for code in _WIDE}
_PART = re.compile(
    r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(?:([a-z]+|[\u4e00-\u9fff]+)(?:\s+|(?=[0-9])|$)|$)"
)


def parse_duration(text: str) -> float | None:
    """Return the seconds, or None for what is no duration.

    >>> parse_duration("500ms"), parse_duration("30m"), parse_duration("5 sec")
    (0.5, 1800.0, None)
    """
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _MS[match[2]] / 1000 if match else None


def format_duration(seconds: float) -> str:
    """Return the shortest exact form, to the millisecond; queues are named by it.

    >>> format_duration(5), format_duration(0.5), format_duration(5400), format_duration(172800)
    ('5s', '500ms', '90m', '2d')
    """
    ms = round(seconds * 1000)
    if not ms:
        return "0s"
    unit, size = next((unit, size) for unit, size in reversed(_MS.items()) if ms % size == 0)
    return f"{ms // size}{unit}"


def meant_duration(text: str) -> str | None:
    """What someone meant who wrote `5 sec`, `1.5h`, `1h 30m` or `30分钟`; None when nobody can tell.

    >>> meant_duration("5 sec"), meant_duration("1.5h"), meant_duration("30分钟"), meant_duration("soon")
    ('5s', '90m', '30m', None)
    """
    rest = text.translate(_HALF_WIDTH).strip().lower().removeprefix("pt")
    total, at = Fraction(0), 0
    while at < len(rest):
        part = _PART.match(rest, at)
        unit = _MEANT.get(part[2] or "") if part else None
        if part is None or unit is None:
            return None
        total += Fraction(Decimal(part[1])) * _MS[unit]
        at = part.end()
    return format_duration(float(total) / 1000) if total and total.denominator == 1 else None

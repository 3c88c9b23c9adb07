"""What is done to texts: case, blanks, padding, parts; cut at a character's edge, in bytes too."""

from bisect import bisect_right
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any

from bus.errors import ExpressionError
from bus.functions.arguments import check_length, list_of, plain, shown, size_of, text_of
from bus.functions.dates import iso_text
from bus.functions.numbers import plain_text

_MAX_PARTS = 1_000_000


def text(zone: tzinfo, value: Any) -> str:
    """Write any single value: numbers with all their digits, dates as ISO 8601, true and false.

    >>> from datetime import UTC
    >>> text(UTC, Decimal("1E+3")), text(UTC, True), text(UTC, date(2026, 3, 1))
    ('1000', 'true', '2026-03-01')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return plain_text(value)
    if isinstance(value, date):
        return iso_text(zone, value)
    raise ExpressionError("function-needs-single-value", function="text", value=shown(value))


def upper(value: Any) -> str:
    """The text in capital letters."""
    return text_of("upper", value).upper()


def lower(value: Any) -> str:
    """The text in small letters."""
    return text_of("lower", value).lower()


def trim(value: Any) -> str:
    """The text without blanks at both ends, full-width ones and line ends included."""
    return text_of("trim", value).strip()


def pad(value: Any, width: Any, fill: Any = " ") -> str:
    """Fill up on the left to `width` characters; a longer text stays whole.

    >>> pad("12", 5, "0"), pad(7, 3), pad("123456", 5, "0")
    ('00012', '  7', '123456')
    """
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    padded = plain_text(value) if number else text_of("pad", value)
    characters = size_of("pad", width)
    check_length("pad", characters)
    if len(text_of("pad", fill)) != 1:
        raise ExpressionError("pad-fill", value=shown(fill))
    return padded.rjust(characters, fill)


def strip_zeros(value: Any) -> str:
    """The text without the zeros it begins with; of nothing but zeros one stays."""
    code = text_of("strip_zeros", value)
    return code.lstrip("0") or code[:1]


def replace(value: Any, old: Any, new: Any) -> str:
    """Every `old` becomes `new`; an empty `old` changes nothing."""
    whole, old, new = (text_of("replace", part) for part in (value, old, new))
    if not old:
        return whole
    if len(new) > len(old):
        check_length("replace", len(whole) + whole.count(old) * (len(new) - len(old)))
    return whole.replace(old, new)


def split(value: Any, separator: Any) -> list[str]:
    """The parts between separators, empty ones too; an empty text has none."""
    if not text_of("split", separator):
        raise ExpressionError("split-separator")
    whole = text_of("split", value)
    if whole.count(separator) >= _MAX_PARTS:
        raise ExpressionError("split-too-many", limit=_MAX_PARTS)
    return whole.split(separator) if whole else []


def join(zone: tzinfo, values: Any, separator: Any) -> str:
    """All values of a list as one text; null has no part in it."""
    parts = [text(zone, plain(value)) for value in list_of("join", values) if value is not None]
    between = text_of("join", separator)
    check_length("join", sum(map(len, parts)) + len(between) * max(len(parts) - 1, 0))
    return between.join(parts)


def starts(value: Any, part: Any) -> bool:
    """Whether the text begins with `part`."""
    return text_of("starts", value).startswith(text_of("starts", part))


def ends(value: Any, part: Any) -> bool:
    """Whether the text ends with `part`."""
    return text_of("ends", value).endswith(text_of("ends", part))


def contains(value: Any, part: Any) -> bool:
    """Whether `part` stands anywhere in the text."""
    return text_of("contains", part) in text_of("contains", value)


def cut(value: Any, characters: Any) -> str:
    """The first so many characters of the text."""
    return text_of("cut", value)[: size_of("cut", characters)]


def cut_bytes(encoding: str, value: Any, size: Any) -> str:
    """The longest beginning of the text that takes at most `size` bytes in the encoding.

    >>> cut_bytes("gb18030", "采购PO1", 5), cut_bytes("utf-8", "采购PO1", 5)
    ('采购P', '采')
    """
    limit = size_of("cut_bytes", size)
    candidate = text_of("cut_bytes", value)[:limit]  # no character takes less than one byte
    if len(_encoded(candidate, encoding)) <= limit:
        return candidate
    # Not cut in the bytes: half a character of GB18030 reads as another, UTF-16 begins with a mark.
    fitting = bisect_right(range(len(candidate)), limit, key=lambda n: len(_encoded(candidate[:n], encoding)))
    return candidate[: max(fitting - 1, 0)]


def _encoded(candidate: str, encoding: str) -> bytes:
    try:
        return candidate.encode(encoding)
    except UnicodeEncodeError as error:
        sign = candidate[error.start]
        raise ExpressionError(
            "character-not-in-encoding", character=sign, code=f"U+{ord(sign):04X}", encoding=encoding
        ) from None

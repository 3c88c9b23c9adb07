"""Arguments as functions take them: the right kind or an error that says what to write.

Whole numbers may come as Decimal, because JSON and databases make no difference; text never counts
as anything else, unless the function says that it reads it.
"""

from datetime import date
from decimal import Decimal
from typing import Any

from bus.codecs.element import Element
from bus.errors import ExpressionError

MAX_CHARACTERS = 8 * 1024 * 1024
"""Characters a function may make at once; the largest document a source takes by default."""

MAX_DIGITS = 1000
"""Digits before or behind the point that a number may have written out."""

MAX_PATTERN = 1000
"""Characters of a pattern; compiled ones are kept, so no document must bring long ones by the thousand."""

_SHOWN_CHARACTERS = 40


def shown(value: Any) -> str:
    """A value as a message shows it: a text in quotes, cut; of a list or a mapping never what it holds.

    >>> shown("PO-1"), shown([1, 2]), shown({"a": 1}), shown(True)
    ('"PO-1"', '[…]', '{…}', 'true')
    """
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= _SHOWN_CHARACTERS else f'"{value[:_SHOWN_CHARACTERS]}…"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[…]"
    if isinstance(value, int) and value.bit_length() > MAX_DIGITS:  # str() refuses the very long
        return format(Decimal(value), ".6E")
    return str(value)[:_SHOWN_CHARACTERS] if isinstance(value, int | Decimal | date) else "{…}"


def text_of(function: str, value: Any) -> str:
    """A text, and nothing that would have to become one first."""
    if isinstance(value, str):
        return value
    raise ExpressionError("function-needs-text", function=function, value=shown(value))


def number_of(function: str, value: Any) -> Decimal:
    """A finite number as Decimal."""
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        raise ExpressionError("function-needs-number", function=function, value=shown(value))
    check_size(value)
    return value if isinstance(value, Decimal) else Decimal(value)


def check_size(number: int | Decimal) -> None:
    """Refuse what would become megabytes of digits (`1e999999999` is ten bytes of JSON), and NaN.

    Raises:
        ExpressionError: `number-out-of-range`.
    """
    if isinstance(number, int):
        fits = number.bit_length() <= MAX_DIGITS * 3.32
    else:
        fits = number.is_finite() and -MAX_DIGITS <= number.adjusted() < MAX_DIGITS
    if not fits:
        raise ExpressionError("number-out-of-range", limit=MAX_DIGITS)


def whole_of(function: str, value: Any) -> int:
    """A number of things: an integer, or a decimal without a fraction."""
    if type(value) is int:
        return value
    if not isinstance(value, Decimal):
        raise ExpressionError("function-needs-number", function=function, value=shown(value))
    check_size(value)
    if value != (whole := int(value)):
        raise ExpressionError("function-needs-whole-number", function=function, value=shown(value))
    return whole


def size_of(function: str, value: Any) -> int:
    """A number of characters or bytes, from 0."""
    size = whole_of(function, value)
    if size < 0:
        raise ExpressionError("function-needs-size", function=function, value=shown(value))
    return size


def list_of(function: str, value: Any) -> list[Any]:
    """A list; one XML element is a list of itself, because a document cannot tell one from several."""
    if isinstance(value, list):
        return value
    if type(value) is Element:
        return [value]
    raise ExpressionError("function-needs-list", function=function, value=shown(value))


def check_length(function: str, characters: int) -> None:
    """Refuse a text before it is made, when it would be too long to be meant."""
    if characters > MAX_CHARACTERS:
        raise ExpressionError("function-too-long", function=function, limit=MAX_CHARACTERS)


def plain(value: Any) -> Any:
    """An XML element as its text, anything else as it is.

    Raises:
        ExpressionError: an element with elements inside has no one text.
    """
    if type(value) is not Element:
        return value
    if value.children:
        raise ExpressionError("function-element-is-group", name=value.name)
    return value.text

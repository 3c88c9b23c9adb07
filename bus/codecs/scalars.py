"""How single values are written, the same in every format.

Decimals keep their digits and have no exponent; dates and times are ISO 8601, UTC as `Z`.
"""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from bus.codecs.element import Element
from bus.errors import DocumentError


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(value)
    return format(value, "f")


def _datetime(value: datetime) -> str:
    text = value.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


_WRITE: dict[type, Callable[[Any], str]] = {
    str: lambda value: value,
    int: str,
    Decimal: _decimal,
    bool: lambda value: "true" if value else "false",
    date: date.isoformat,
    datetime: _datetime,
    type(None): lambda _: "",
    Element: lambda value: value.text,
}


def text_of(value: Any, path: str) -> str:
    """Return a single value as text; null is "", an element its text.

    Raises:
        DocumentError: a list, a mapping, or nothing a document can hold (NaN, float, bytes) at `path`.
    """
    try:
        return _WRITE[type(value)](value)
    except (KeyError, ValueError):
        raise unwritable(value, path) from None


def unwritable(value: Any, path: str) -> DocumentError:
    """Return the error for a value that has no text."""
    if type(value) in (dict, list):
        return DocumentError("value-not-single", at=path or "document")
    return DocumentError("value-unwritable", at=path or "document", kind=type(value).__name__)

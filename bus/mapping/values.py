"""What generated mappings do with the values they place: empty ones fail, others become tree or XML text."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from bus.codecs.element import Element, plain
from bus.codecs.scalars import text_of
from bus.errors import ExpressionError

# What XML text may not hold as it is: markup, control characters, and CR, which readers turn into LF.
_SPECIAL = re.compile("[&<>\"\r\n\t\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]").search
_ESCAPE = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#13;"}
_ESCAPE_ATTRIBUTE = {**_ESCAPE, ord('"'): "&quot;", ord("\n"): "&#10;", ord("\t"): "&#9;"}
PASS_ON = object()  # stands for a body that leaves byte for byte as it came
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]").search


def is_empty(value: Any) -> bool:
    """Null, "", only blanks, an empty list or an empty mapping; an element by its text."""
    if value is None:
        return True
    held = type(value)
    if held is str:
        return not value or value.isspace()
    if held is list or held is dict:
        return not value
    if held is Element:
        return not value.children and not value.attributes and is_empty(value.text)
    return False


def tree(value: Any) -> Any:
    """A value as the plain tree a format is written from: elements become texts, mappings or lists."""
    if type(value) is Element or (type(value) is list and value and type(value[0]) is Element):
        return plain(value)
    return value


def need(value: Any) -> Any:
    """A value that must not be empty: null, "" or only blanks."""
    value = tree(value)
    if value is None or (type(value) is str and (not value or value.isspace())):
        raise ExpressionError("mapped-empty")
    return value


def need_text(value: Any) -> Any:
    """`need` for what is known to be text or null."""
    if not value or value.isspace():
        raise ExpressionError("mapped-empty")
    return value


def need_value(value: Any) -> Any:
    """`need` for what is known to be a number, date or boolean, or null."""
    if value is None:
        raise ExpressionError("mapped-empty")
    return value


def default_of(value: Any, otherwise: Callable[[], Any]) -> Any:
    """`default(value, otherwise)`: the second is computed only when the first is empty."""
    if value is None or (type(value) is str and not value.strip()):
        return otherwise()
    if type(value) is Element and is_empty(value):
        return otherwise()
    return value


def scalar_text(value: Any) -> str:
    """A single value as XML, CSV and text formats write it; digits as they came, never an exponent."""
    if type(value) is Decimal:
        return f"{value:f}"
    if type(value) in (list, dict):
        raise ExpressionError("not-one-value", kind="list" if type(value) is list else "mapping")
    return text_of(value, "")


def xml_text(value: Any) -> str:
    """The text of an element, escaped; empty fails."""
    if type(value) is not str:
        value = scalar_text(need(value))
    elif not value or value.isspace():
        raise ExpressionError("mapped-empty")
    return escaped(value) if _SPECIAL(value) else value


def xml_number(value: Any) -> str:
    """`xml_text` for what is known to be a number or null."""
    if value is None:
        raise ExpressionError("mapped-empty")
    return f"{value:f}" if type(value) is Decimal else str(value)


def escaped(text: str, table: Mapping[int, str] = _ESCAPE) -> str:
    """Text with markup escaped; a character XML 1.0 cannot hold is a failure that names it."""
    if (found := _FORBIDDEN(text)) is not None:
        raise ExpressionError("character-not-in-xml", character=f"U+{ord(found.group()):04X}")
    return text.translate(table)


def xml_attribute(value: Any) -> str:
    """The text of an attribute, escaped; empty fails."""
    return escaped(scalar_text(need(value)), _ESCAPE_ATTRIBUTE)


def xml_optional_attribute(name: str, value: Any) -> str:
    """` name="…"`, or "" when the value is empty."""
    return "" if is_empty(value) else f' {name}="{xml_attribute(value)}"'


def xml_optional(name: str, value: Any) -> str:
    """`<name>…</name>`, once for each value of a list, or "" when empty."""
    return "" if is_empty(value) else xml_any(name, value)


def xml_any(name: str, value: Any) -> str:
    """An element of whatever the expression yields: a list repeats it, a mapping becomes its children."""
    value = tree(value)
    if type(value) is list:
        return "".join(xml_any(name, member) for member in value)
    if type(value) is dict:
        return _xml_mapping(name, value)
    return f"<{name}>{xml_text(value)}</{name}>"


def _xml_mapping(name: str, value: Mapping[str, Any]) -> str:
    attributes = "".join(xml_optional_attribute(key[1:], member) for key, member in value.items() if key[0] == "@")
    text = value.get("#text")
    inner = xml_text(text) if not is_empty(text) else ""
    inner += "".join(xml_optional(key, member) for key, member in value.items() if key[0] not in "@#")
    return f"<{name}{attributes}>{inner}</{name}>"

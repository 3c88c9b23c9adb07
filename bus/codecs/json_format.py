"""JSON: numbers as int and Decimal with the digits they came with, never a float."""

import codecs
import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Clamped, Context, Decimal, DecimalException, InvalidOperation, Overflow, Rounded, Subnormal
from typing import Any

import msgspec

from bus.codecs.charsets import charset, decode, encode, misfit
from bus.codecs.element import Element, plain
from bus.codecs.options import ReadOptions
from bus.codecs.scalars import text_of
from bus.errors import DocumentError
from bus.plain import MAX_EXPONENT as IN_RANGE

MAX_DEPTH = 64
MAX_EXPONENT = 400
"""Powers of ten a number may reach: `1e999999999` is eleven bytes, and a gigabyte once written out."""

_AS_THEY_ARE = frozenset({str, int, bool, type(None), date, datetime})
_OFFSET = re.compile(r"^(?:JSON is malformed: )?(.*) \(byte (\d+)\)$")


def _number(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise DocumentError("json-number-out-of-range", limit=MAX_EXPONENT) from None
    if ("e" in digits or "E" in digits) and not -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise DocumentError("json-number-out-of-range", limit=MAX_EXPONENT)
    return number


# Makes a number of at most 30 digits in a third of the time of `_number`, and raises DecimalException for any other.
# No last digit may be worth less than 10 to the power Emin - prec + 1, so that not even a zero is out of range.
_ordinary = Context(
    prec=30, Emin=29 - IN_RANGE, Emax=IN_RANGE, traps=[Clamped, InvalidOperation, Overflow, Rounded, Subnormal]
).create_decimal
decode_ordinary = msgspec.json.Decoder(float_hook=_ordinary).decode
"""Returns the value of JSON in UTF-8 whose numbers are ordinary, all of them `in_range`.

Raises whatever comes first for any other; `read_json_fast` then says what it is.
"""
_decode = msgspec.json.Decoder(float_hook=_number).decode


def read_json_fast(body: bytes) -> Any:
    """Return the value of UTF-8 JSON that the bus itself wrote, or that a schema checks next.

    Of a key that stands twice in one object the last one wins, and nesting is bounded by the parser
    alone; documents from outside take `read`, which refuses both.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    try:
        try:
            return decode_ordinary(body)
        except DecimalException:
            return _decode(body)
    except msgspec.ValidationError:  # without a type only an integer of thousands of digits is invalid
        raise DocumentError("json-number-out-of-range", limit=MAX_EXPONENT) from None
    except msgspec.DecodeError as exc:
        raise _malformed(body, str(exc)) from None
    except UnicodeDecodeError:
        return decode(body, "utf-8")  # raises the same with the byte's offset
    except RecursionError:
        raise DocumentError("document-too-deep", limit=MAX_DEPTH) from None


def read(body: bytes, _options: ReadOptions, encoding: str) -> Any:
    """Return the value of a document; a duplicate key or nesting beyond 64 is refused."""
    if not charset(encoding).startswith("utf-8"):
        body = decode(body, encoding).encode()
    value = read_json_fast(body)
    # Fewer brackets than levels allowed is proof enough, and the case of nearly every document.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    _check_keys(body, value)
    return value


def _check_depth(value: Any) -> None:
    level = [value] if type(value) in (dict, list) else []
    for _ in range(MAX_DEPTH):
        level = [
            part
            for held in level
            for part in (held.values() if type(held) is dict else held)
            if type(part) in (dict, list)
        ]
    if level:
        raise DocumentError("document-too-deep", limit=MAX_DEPTH)


def _check_keys(body: bytes, value: Any) -> None:
    """Refuse a key that stands twice in one object.

    A member is one colon, and further colons stand in texts only. So as many colons in the value
    written again as in the body prove that no member got lost; 2 µs where counting keys in Python takes
    15. Only where a colon is written as an escape does the proof fail, and Python counts.
    """
    escaped = b"\\u003a" in body or b"\\u003A" in body
    if escaped or msgspec.json.encode(value).count(b":") != body.count(b":"):
        text = body.decode().removeprefix("\ufeff")
        json.loads(text, object_pairs_hook=_unique, parse_float=str, parse_int=str)


def _unique(members: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in members:
        if key in seen:
            raise DocumentError("json-key-twice", key=key[:80])
        seen.add(key)


def _malformed(body: bytes, complaint: str) -> DocumentError:
    text = decode(body, "utf-8")
    found = _OFFSET.match(complaint)
    if not found:
        return DocumentError("json-truncated", line_no=text.count("\n") + 1)
    # The parser counts bytes without the mark; people count characters.
    before = text.encode()[: int(found[2])].decode(errors="ignore")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return DocumentError("json-malformed", reason=found[1], line_no=line, column_no=column)


def write(tree: Any, _options: Mapping[str, Any], encoding: str) -> bytes:
    """Return compact JSON; a Decimal as a number with its digits, dates and times as ISO 8601 text."""
    try:
        body = msgspec.json.encode(_writable(tree, ""))
    except UnicodeEncodeError as exc:  # half a surrogate pair
        raise misfit(exc, encoding, tree) from None
    return body if charset(encoding) == "utf-8" else encode(body.decode(), encoding, tree)


# A number with an exponent, or a text that looks like one. A pattern that begins with a letter is searched for fast.
_EXPONENT = re.compile(rb"E[+-][0-9]").search
_encode_fast = msgspec.json.Encoder(decimal_format="number").encode


def write_json_fast(tree: Any) -> bytes:
    """Return what `write` returns in UTF-8, of a tree that holds no Element, float or NaN: a mapping's own."""
    try:
        body = _encode_fast(tree)
    except UnicodeEncodeError:
        return write(tree, {}, "utf-8")  # raises the same with its path
    return write(tree, {}, "utf-8") if _EXPONENT(body) else body


def _writable(value: Any, path: str) -> Any:
    """Return the value as msgspec writes it right: it knows no Element, and gives a Decimal an exponent."""
    kind = type(value)
    if kind is dict:
        return {
            name: part if type(part) in _AS_THEY_ARE else _writable(part, f"{path}.{name}" if path else name)
            for name, part in value.items()
        }
    if kind is list:
        return [_writable(part, f"{path}[{n}]") for n, part in enumerate(value)]
    if kind is Element:
        return plain(value)
    if kind in _AS_THEY_ARE:
        return value
    return msgspec.Raw(text_of(value, path).encode())

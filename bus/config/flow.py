"""Collections in brackets, `{a: x, b: y}`: where they end, and what in them YAML reads otherwise.

YAML ends an entry at the first comma, an expression at the first comma outside its own brackets and
quotes. `{a: f(x, y)}` is two entries to the one and a single one to the other.
"""

import re
from typing import Literal, NamedTuple

from bus.config.signs import QUOTED, STRING, bad_escape, negates

_MAX_DEPTH = 64
_CLOSING = {"[": "]", "{": "}", "(": ")"}
_TOKENS = re.compile(STRING.pattern + r"|[\[\]{}]")
_EXTENT = re.compile(STRING.pattern + r"|[\[\]{}(),]")
_COMMENT = re.compile(r"(" + STRING.pattern + r")|(?<![^ \t\n])#[^\n]*")
_PLAIN_KEY = r"[^\s,\[\]{}\"'：@`%!&*#|>][^,\[\]{}\"'：\n]*?:(?=[\s,\]}]|$)"
_KEY = re.compile(r"(?:(?:" + QUOTED.pattern + r")[ \t]*:|" + _PLAIN_KEY + r")\s*")
_FULL_COLON = re.compile(r"[\w.?@=-]+[ \t]*(：)")
_NO_BLANK = re.compile(r"([^\W\d][\w.-]*\??:)(?=[^\s/\\:])")
_BARE_SIGN = re.compile(r"([@`%][\w.:-]*\??)[ \t]*:(?=\s)")
_NEXT_KEY = re.compile(r"，\s*[\"']?[\w.?@=-]+[\"']?\s*[:：]")
_ALIAS = re.compile(r"[*&][\w-]+(?:\s|$)")
_MEANT_OTHERWISE = re.compile(r"[\[\]{},]|:(?=\s|$)|(?<=\s)#|^[@`%|>*&]|^[-?](?=\s|$)")


class Closed(NamedTuple):
    """It ends with the bracket at `at`."""

    at: int


class Wrong(NamedTuple):
    """The bracket at `at` should be `expected`."""

    at: int
    expected: str


class Open(NamedTuple):
    """The bracket at `at` never closes; `missing` should stand before the character at `before`."""

    at: int
    missing: str
    before: int


class Fault(NamedTuple):
    """What YAML reads otherwise, from `start` to `end` of the text."""

    what: Literal["expression", "not", "quote", "escape", "key", "blank", "full-width"]
    start: int
    end: int


def without_comments(text: str) -> str:
    """The text with blanks for comments, so that places stay."""
    return _COMMENT.sub(lambda match: match[1] or " " * len(match[0]), text)


def ending(text: str) -> Closed | Wrong | Open:
    """Say where the bracket that begins the text closes."""
    opened: list[tuple[int, str]] = []
    for match in _TOKENS.finditer(text):
        sign = match[0]
        if sign in ("[", "{"):
            opened.append((match.start(), _CLOSING[sign]))
        elif sign in ("]", "}"):
            at, expected = opened.pop()
            if sign != expected and sign in (closing for _, closing in opened):
                return Open(at, expected, match.start())
            if sign != expected:
                return Wrong(match.start(), expected)
            if not opened:
                return Closed(match.start())
    missing = "".join(closing for _, closing in reversed(opened))
    return Open(opened[-1][0], missing, len(text.rstrip()))


def fault(text: str, start: int, end: int, depth: int = 0) -> Fault | None:
    """Return the first fault of the collection whose brackets are at `start` and `end`."""
    if depth > _MAX_DEPTH:
        return None
    listed = text[start] == "["
    at = start + 1
    while at < end:
        if text[at] == "," or text[at].isspace():
            at += 1
            continue
        stop = _extent(text, at, end)
        entry = text[at:stop].rstrip()
        if found := _entry_fault(text, at, at + len(entry), depth, listed=listed):
            return found
        at = stop
    return None


def _extent(text: str, at: int, end: int) -> int:
    """The first comma outside brackets and quotes, as an expression's reader sees it."""
    depth = 0
    for match in _EXTENT.finditer(text, at, end):
        sign = match[0]
        if sign in _CLOSING:
            depth += 1
        elif sign in _CLOSING.values():
            depth = max(0, depth - 1)
        elif sign == "," and not depth:
            return match.start()
    return end


def _entry_fault(text: str, at: int, end: int, depth: int, *, listed: bool) -> Fault | None:
    key = _KEY.match(text, at, end)
    if key:
        return _value_fault(text, key.end(), end, depth, listed=False) if key.end() < end else None
    if full := _FULL_COLON.match(text, at, end):
        return Fault("full-width", full.start(1), full.end(1))
    if bare := _BARE_SIGN.match(text, at, end):
        return Fault("key", bare.start(1), bare.end(1))
    if not listed and (tight := _NO_BLANK.match(text, at, end)):
        return Fault("blank", tight.end(), end)
    return _value_fault(text, at, end, depth, listed=listed)


def _value_fault(text: str, at: int, end: int, depth: int, *, listed: bool) -> Fault | None:
    value = text[at:end]
    first = value[0]
    if first in "[{":
        closed = ending(value)
        if isinstance(closed, Closed) and closed.at == len(value) - 1:
            return fault(text, at, end - 1, depth + 1)
    elif first in "\"'":
        if not QUOTED.match(value):
            return Fault("quote", at, end)
        if QUOTED.fullmatch(value):
            escape = bad_escape(text, at, end) if first == '"' else None
            return None if escape is None else Fault("escape", escape, escape + 2)
    elif first == "!":
        return Fault("not", at, end) if negates(value, alone=True) else None
    elif _ALIAS.match(value):
        return None
    elif comma := _full_comma(value, listed=listed):
        return Fault("full-width", at + comma, at + comma + 1)
    if first in "[{\"'" or _MEANT_OTHERWISE.search(value):
        return Fault("expression", at, end)
    return None


def _full_comma(value: str, *, listed: bool) -> int | None:
    """Where a full-width comma stands for one of YAML's: in a list anywhere, else before a key."""
    outside = STRING.sub(lambda match: "_" * len(match[0]), value)
    if listed:
        return outside.find("，") if "，" in outside else None
    found = _NEXT_KEY.search(outside)
    return found.start() if found else None

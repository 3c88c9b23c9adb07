"""match and extract: regular expressions in time linear in the text (RE2), whatever the pattern."""

from functools import lru_cache
from typing import Any

import re2

from bus.errors import ExpressionError
from bus.functions.arguments import MAX_PATTERN, shown, text_of

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # else RE2 writes to stderr by itself
_MAX_PROGRAM = 20_000  # instructions of a compiled pattern; `^PO-[0-9]+$` has 11
_MAX_STEPS = 1_000_000_000  # characters times instructions: RE2's worst case, about three seconds

# What RE2 leaves out because it cannot be done in linear time, and its messages' first words for it.
_FAULTS: tuple[tuple[str, str], ...] = (
    ("invalid perl operator: (?=", "pattern-looks-around"),
    ("invalid perl operator: (?!", "pattern-looks-around"),
    ("invalid perl operator: (?<", "pattern-looks-around"),
    ("invalid escape sequence: \\", "pattern-escape"),
    ("missing )", "pattern-bracket"),
    ("missing ]", "pattern-bracket"),
    ("unexpected )", "pattern-bracket"),
    ("no argument for repetition", "pattern-repetition"),
    ("bad repetition", "pattern-repetition"),
    ("invalid repetition size", "pattern-too-large"),
    ("pattern too large", "pattern-too-large"),
)


def match(value: Any, pattern: Any) -> bool:
    """Whether the pattern is found anywhere in the text."""
    return _search(_compiled(text_of("match", pattern)), text_of("match", value)) is not None


def extract(value: Any, pattern: Any) -> str | None:
    r"""What the pattern's first group found, or the whole pattern; null where nothing is found.

    >>> extract("PO-2026-001873", r"(\d+)$"), extract("PO-1", r"\d+"), extract("PO", r"\d+")
    ('001873', '1', None)
    """
    compiled = _compiled(text_of("extract", pattern))
    found = _search(compiled, text_of("extract", value))
    if found is None:
        return None
    part: bytes | None = found.group(1 if compiled.groups else 0)
    return None if part is None else part.decode()


def check_pattern(pattern: str) -> ExpressionError | None:
    """Say what is wrong with a pattern, for lint; None when nothing is."""
    try:
        _compiled(pattern)
    except ExpressionError as error:
        return error
    return None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    if len(pattern) > MAX_PATTERN:
        raise ExpressionError("pattern-too-large", pattern=shown(pattern), reason=f"> {MAX_PATTERN}")
    # "\b" in an expression is a text with a backspace in it; nobody looks for that one.
    readable = pattern.replace("\x08", r"\b")
    try:
        compiled = re2.compile(_utf8(readable), options=_OPTIONS)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace")
        code = next((code for start, code in _FAULTS if reason.startswith(start)), "pattern-unreadable")
        raise ExpressionError(code, pattern=shown(readable), reason=reason) from None
    if compiled.programsize > _MAX_PROGRAM:
        raise ExpressionError("pattern-too-large", pattern=shown(readable), reason=f"> {_MAX_PROGRAM}")
    return compiled


def _search(compiled: Any, text: str) -> Any:
    encoded = _utf8(text)
    if len(encoded) * compiled.programsize > _MAX_STEPS:
        raise ExpressionError("pattern-too-slow", characters=len(text))
    return compiled.search(encoded)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can hold
        raise ExpressionError("text-not-unicode") from None

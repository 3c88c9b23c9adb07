"""XML out of a tree: `@name` an attribute, `#text` the text beside them, a list repeats its element.

Always `<a></a>`, never `<a/>`; no blanks between elements; the generated fast writers give the same bytes.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from bus.codecs.charsets import character, encode, label
from bus.codecs.element import plain
from bus.codecs.scalars import text_of
from bus.errors import DocumentError

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search
_START = (
    r"A-Za-z_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    r"\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_PART = rf"[{_START}][{_START}\-.0-9\u00b7\u0300-\u036f\u203f\u2040]*"
# A carriage return, and in attributes any line break or tab, would be a blank to the reader.
_TEXT = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("\r"): "&#13;"}
_ATTRIBUTE = {**_TEXT, ord('"'): "&quot;", ord("\t"): "&#9;", ord("\n"): "&#10;"}


def escape_text(text: str) -> str:
    """Return text as it stands between tags."""
    return text.translate(_TEXT)


def escape_attribute(text: str) -> str:
    """Return text as it stands between double quotes."""
    return text.translate(_ATTRIBUTE)


def declaration(encoding: str) -> str:
    """Return the line every document begins with, its line break included."""
    return f'<?xml version="1.0" encoding="{label(encoding)}"?>\n'


def check_characters(text: str, path: str) -> str:
    """Return the text; a character that XML 1.0 cannot hold, even escaped, is a DocumentError."""
    found = _FORBIDDEN(text)
    if found:
        raise DocumentError("xml-character", at=path, character=character(found[0]))
    return text


def write(tree: Any, _options: Mapping[str, Any], encoding: str) -> bytes:
    """Return the document with its declaration.

    Raises:
        DocumentError: not exactly one root; no name for an element; a prefix nobody declared; a list or
            mapping as an attribute or `#text`; a character that XML or the encoding does not have.
    """
    tree = plain(tree)
    roots = list(tree.items()) if type(tree) is dict else []
    if len(roots) == 1 and type(roots[0][1]) is list:
        roots = [(roots[0][0], part) for part in roots[0][1]]
    if len(roots) != 1:
        raise DocumentError("xml-one-root", count=len(roots))
    parts = [declaration(encoding)]
    _write_element(parts, roots[0][0], roots[0][1], roots[0][0], frozenset({"xml"}))
    return encode("".join(parts), encoding, tree)


def _write_element(parts: list[str], name: str, value: Any, path: str, prefixes: frozenset[str]) -> None:
    if type(value) is not dict:
        _check_name(name, path, prefixes)
        parts.append(f"<{name}>{escape_text(_text(value, path))}</{name}>")
        return
    prefixes |= {key[7:] for key in value if key.startswith("@xmlns:")}
    _check_name(name, path, prefixes)
    parts.append(f"<{name}")
    for key, held in value.items():
        if key.startswith("@"):
            at = f"{path}.{key}"
            if not key.startswith("@xmlns:"):
                _check_name(key[1:], at, prefixes)
            parts.append(f' {key[1:]}="{escape_attribute(_text(held, at))}"')
    parts.append(">")
    for key, held in value.items():
        at = f"{path}.{key}"
        if key == "#text":
            parts.append(escape_text(_text(held, at)))
        elif type(held) is list:
            for n, part in enumerate(held):
                _write_element(parts, key, part, f"{at}[{n}]", prefixes)
        elif not key.startswith("@"):
            _write_element(parts, key, held, at, prefixes)
    parts.append(f"</{name}>")


def _text(value: Any, path: str) -> str:
    return check_characters(text_of(value, path), path)


@cache
def _name() -> re.Pattern[str]:
    """The names XML has; 10 ms to compile, which only those pay who write what is not generated."""
    return re.compile(rf"(?:({_PART}):)?({_PART})")


def _check_name(name: str, path: str, prefixes: frozenset[str]) -> None:
    found = _name().fullmatch(name)
    if not found:
        raise DocumentError("xml-name", at=path, name=name)
    if found[1] is not None and found[1] not in prefixes:
        raise DocumentError("xml-prefix-undeclared", at=path, prefix=found[1])

"""Text to bytes and back: always strict, the charset always declared and never guessed."""

import codecs
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from bus.codecs.element import Element, plain
from bus.errors import DocumentError
from bus.nearest import nearest

# The charsets of business documents by Python's name, with the name the IANA knows. An allow-list:
# Python would also take zlib, unicode_escape and utf-7 for encodings.
_LABELS = {
    "ascii": "US-ASCII", "utf-8": "UTF-8", "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16", "utf-16-le": "UTF-16LE", "utf-16-be": "UTF-16BE",
    "gb18030": "GB18030", "gbk": "GBK", "gb2312": "GB2312",
    "big5": "Big5", "big5hkscs": "Big5-HKSCS", "cp950": "Big5",
    "shift_jis": "Shift_JIS", "cp932": "Windows-31J", "euc_jp": "EUC-JP",
    "euc_kr": "EUC-KR", "cp949": "EUC-KR",
    **{f"iso8859-{n}": f"ISO-8859-{n}" for n in range(1, 17) if n != 12},
    **{f"cp125{n}": f"windows-125{n}" for n in range(9)},
    **{f"cp{n}": f"IBM{n}" for n in (437, 850, 852, 855, 866)},
    "koi8-r": "KOI8-R", "koi8-u": "KOI8-U", "tis-620": "TIS-620", "cp874": "windows-874",
}  # fmt: skip
_USUAL = (
    "utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk", "gb2312", "big5", "shift_jis", "euc-jp", "euc-kr",
    "latin-1", "iso-8859-1", "windows-1252", "windows-1251", "ascii",
)  # fmt: skip
# What says gb2312 or gbk is mostly GB18030 in truth, which holds both of them whole.
_READ_AS = {"gbk": "gb18030", "gb2312": "gb18030"}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# A piece of a document has no byte-order mark of its own.
_PIECE = {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}


@lru_cache(maxsize=256)
def charset(name: str) -> str:
    """Return Python's name of a charset; DocumentError with the nearest names for an unknown one."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):  # ValueError: a name with a NUL
        found = ""
    if found not in _LABELS:
        meant = nearest(name, _USUAL) or "utf-8, gb18030"
        raise DocumentError("charset-unknown", name=name[:40], nearest=meant)
    return found


def label(name: str) -> str:
    """Return the name an XML declaration or a header gives the charset, `ISO-8859-1` for latin-1."""
    return _LABELS[charset(name)]


def piece_charset(name: str, *, reading: bool = False) -> str:
    """Return Python's name of the charset for a piece of a document, where no byte-order mark belongs."""
    found = charset(name)
    if reading:
        found = _READ_AS.get(found, found)
    return _PIECE.get(found, found)


def byte_order_mark(body: bytes) -> str:
    """Return `utf-8` or `utf-16` where the body begins with its mark, else ""."""
    return next((name for mark, name in _MARKS if body.startswith(mark)), "")


def decode(body: bytes, encoding: str) -> str:
    """Return the text without its byte-order mark.

    gb2312 and gbk are read as GB18030, which contains them.

    Raises:
        DocumentError: the charset is unknown, a byte does not fit it, or the mark is another one's.
    """
    name = charset(encoding)
    name = _READ_AS.get(name, name)
    mark = byte_order_mark(body)
    if mark and not name.startswith(mark):
        raise DocumentError("encoding-contradiction", declared=encoding, found=mark.upper())
    try:
        return body.decode(name).removeprefix("\ufeff")
    except UnicodeDecodeError as exc:
        raise DocumentError("document-undecodable", encoding=encoding, offset=exc.start) from None


def encode(text: str, encoding: str, tree: Any) -> bytes:
    """Return the bytes of a text made of `tree`, which only serves to say where a misfit comes from.

    Raises:
        DocumentError: the charset is unknown, or has no such character; names its field in the tree.
    """
    try:
        return text.encode(charset(encoding))
    except UnicodeEncodeError as exc:
        raise misfit(exc, encoding, tree) from None


def misfit(exc: UnicodeEncodeError, encoding: str, tree: Any) -> DocumentError:
    """Return the error for a character its charset does not have, with the first field that holds it."""
    sign = exc.object[exc.start]
    holders = (path for path, leaf in leaves(tree) if sign in path or (type(leaf) is str and sign in leaf))
    return DocumentError(
        "character-does-not-fit",
        at=next(holders, "") or "document",
        character=character(sign),
        encoding=encoding,
    )


def character(sign: str) -> str:
    """Return a sign as messages name it, `U+9702 霂`; one that cannot be printed by its number alone."""
    return f"U+{ord(sign):04X} {sign}" if sign.isprintable() else f"U+{ord(sign):04X}"


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of every leaf, `lines[0].qty`, in document order."""
    tree = plain(tree) if type(tree) is Element else tree
    if type(tree) is dict:
        for name, part in tree.items():
            yield from leaves(part, f"{path}.{name}" if path else str(name))
    elif type(tree) is list:
        for n, part in enumerate(tree):
            yield from leaves(part, f"{path}[{n}]")
    else:
        yield path, tree

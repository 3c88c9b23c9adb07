"""The formats by name: who reads and who writes each."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from bus.codecs import csv_format, fixed_format, json_format, xml_format, xml_writer
from bus.codecs.charsets import decode, encode
from bus.codecs.element import plain
from bus.codecs.options import ReadOptions
from bus.codecs.scalars import text_of
from bus.errors import DocumentError

T = TypeVar("T")
Reader = Callable[[bytes, ReadOptions, str], Any]
Writer = Callable[[Any, Mapping[str, Any], str], bytes]

CONTENT_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "xml": "application/xml",
    "csv": "text/csv",
    "fixed": "text/plain",
    "text": "text/plain",
    "rows": "application/json",
}

_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._:+-]{1,40})", re.IGNORECASE)


def _read_text(body: bytes, _options: ReadOptions, encoding: str) -> str:
    return decode(body, encoding)


def _write_text(tree: Any, _options: Mapping[str, Any], encoding: str) -> bytes:
    return encode(text_of(tree, "text"), encoding, {"text": tree})


_READERS: Mapping[str, Reader] = {
    "json": json_format.read,
    "xml": xml_format.read,
    "csv": csv_format.read,
    "fixed": fixed_format.read,
    "text": _read_text,
}
_WRITERS: Mapping[str, Writer] = {
    "json": json_format.write,
    "xml": xml_writer.write,
    "csv": csv_format.write,
    "fixed": fixed_format.write,
    "text": _write_text,
    "rows": json_format.write,  # a mapping of lists by table
}
_ROW_LINES: Mapping[str, Callable[[str, ReadOptions], Iterator[int]]] = {
    "csv": csv_format.row_lines, "fixed": fixed_format.row_lines,
}
_PARSERS: Mapping[str, Callable[[str, Mapping[str, Any], str], Any]] = {
    "json": lambda text, _options, _encoding: json_format.read_json_fast(text.encode()),
    "xml": lambda text, _options, _encoding: plain(xml_format.parse(text)),
    "csv": lambda text, options, _encoding: csv_format.rows_written(text, options),
    "fixed": fixed_format.rows_written,
    "text": lambda text, _options, _encoding: text,
    "rows": lambda text, _options, _encoding: json_format.read_json_fast(text.encode()),
}
FORMATS = tuple(_WRITERS)
"""What a route may write."""
SOURCE_FORMATS = tuple(_READERS)
"""What a source may read."""


def read(format_: str, body: bytes, options: ReadOptions, content_type: str = "") -> Any:
    """Return the value of a document: what `document` names in expressions.

    JSON as it is; XML as an Element around the root; CSV and fixed widths as `{"rows": [...]}`; text as
    text. The encoding is what the XML declares, else what the source's options say, else the charset of
    `content_type`, else UTF-8.

    Raises:
        DocumentError: the body is not such a document, or nothing of it may be read; never names content.
    """
    reader = _known(_READERS, format_)
    if len(body) > options.max_body:
        raise DocumentError("document-too-large", bytes=len(body), limit=options.max_body)
    if not body or body.isspace():
        raise DocumentError("document-empty")
    encoding = options.encoding
    if content_type and "encoding" not in options.model_fields_set:
        said = _CHARSET.search(content_type)
        encoding = said[1] if said else encoding
    return reader(body, options, encoding)


def row_line(format_: str, body: bytes, options: ReadOptions, position: int) -> int:
    """Return the line of a document's row as an editor counts it; 0 where its format has none, or nobody can say.

    Args:
        position: of the row in `document.rows`.
    """
    lines = _ROW_LINES.get(format_)
    if lines is None or not body:
        return 0
    try:
        return next(islice(lines(decode(body, options.encoding), options), position, None), 0)
    except DocumentError:  # another encoding than declared: the document said so itself
        return 0


def write(format_: str, tree: Any, options: Mapping[str, Any], encoding: str = "utf-8") -> bytes:
    """Return the document a mapping made, in the route's encoding; `options` are the route's.

    Raises:
        DocumentError: a value has no place in the format or a character none in the encoding; names the
            path in the tree.
    """
    return _known(_WRITERS, format_)(tree, options, encoding)


def parse_written(
    format_: str, body: bytes, encoding: str = "utf-8", options: Mapping[str, Any] | None = None
) -> Any:
    """Return what `write` wrote as plain values, for looking things up by path.

    XML by local names; CSV as the list of its rows; fixed widths too where `options["columns"]` gives
    the width of each column in order, else the list of lines. `options` are those it was written with.
    """
    text = decode(body, encoding)
    return _known(_PARSERS, format_)(text, options or {}, encoding)


def _known(table: Mapping[str, T], format_: str) -> T:
    found = table.get(format_)
    if found is None:
        raise DocumentError("document-format-unknown", format=format_, known=", ".join(table))
    return found

"""Fixed-width records, one a line; places and widths in bytes of the encoding."""

import io
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any, NamedTuple

from bus.codecs.charsets import decode, encode, misfit, piece_charset
from bus.codecs.csv_format import rows_to_write
from bus.codecs.options import ColumnOptions, ReadOptions
from bus.codecs.scalars import text_of
from bus.errors import DocumentError


def read(body: bytes, options: ReadOptions, encoding: str) -> dict[str, Any]:
    """Return `{"rows": [{column: text}]}`; blanks at the end of a cell are gone, those before it stay.

    The first `skip` lines are passed over, blank lines dropped; what a short line lacks is "".

    Raises:
        DocumentError: no columns, or one that cuts a character in two, with line and column.
    """
    if not options.columns:
        raise DocumentError("fixed-without-columns")
    name = piece_charset(encoding, reading=True)
    lines = _filled(decode(body, encoding), options)
    return {"rows": [_row(line, line.encode(name), options.columns, name, number) for number, line in lines]}


def row_lines(text: str, options: ReadOptions) -> Iterator[int]:
    """Yield the line of each row of a document."""
    return (number for number, _ in _filled(text, options))


def _filled(text: str, options: ReadOptions) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines_of(text), 1):
        if number > options.skip and line and not line.isspace():
            yield number, line


def lines_of(text: str) -> list[str]:
    """Return the lines of a fixed-width document, whatever ends them."""
    if "\0" in text:
        raise DocumentError("document-nul", line_no=text.count("\n", 0, text.index("\0")) + 1)
    return io.StringIO(text, newline=None).read().removesuffix("\n").split("\n")


def _row(
    line: str, encoded: bytes, columns: Mapping[str, ColumnOptions], charset: str, number: int
) -> dict[str, str]:
    if len(encoded) == len(line):  # a byte a character: nothing to cut in two
        return {name: line[c.at - 1 : c.at - 1 + c.width].rstrip() for name, c in columns.items()}
    row = {}
    for name, column in columns.items():
        try:
            row[name] = encoded[column.at - 1 : column.at - 1 + column.width].decode(charset).rstrip()
        except UnicodeDecodeError:
            raise DocumentError(
                "fixed-column-cuts", line_no=number, column_name=name, encoding=charset
            ) from None
    return row


class _Span(NamedTuple):
    at: int
    width: int


def rows_written(text: str, options: Mapping[str, Any], encoding: str) -> list[dict[str, str]] | list[str]:
    """Return the rows of what `write` wrote by `options["columns"]`, name → width; without it the lines."""
    lines = lines_of(text) if text else []
    widths: Mapping[str, int] = options.get("columns", {})
    if not widths:
        return lines
    ends = accumulate(widths.values())
    columns = {
        name: _Span(end - width + 1, width) for (name, width), end in zip(widths.items(), ends, strict=True)
    }
    charset = piece_charset(encoding, reading=True)
    return [_row(line, line.encode(charset), columns, charset, n) for n, line in enumerate(lines, 1)]


def write(tree: Any, _options: Mapping[str, Any], encoding: str) -> bytes:
    """Return one line per row, ended by CRLF.

    A row is a mapping, in the order of its columns, of `{value, width, align, fill}`; `align` is `left`
    or `right` (left), `fill` one character (a blank).

    Raises:
        DocumentError: with the path: too long for its width, a line break inside, a fill that leaves a gap.
    """
    name = piece_charset(encoding)
    lines = []
    for n, row in enumerate(rows_to_write(tree)):
        cells = [_cell(cell, f"[{n}].{column}", name, encoding) for column, cell in row.items()]
        lines.append("".join(cells) + "\r\n")
    return encode("".join(lines), encoding, tree)


def _cell(cell: Any, path: str, charset: str, encoding: str) -> str:
    if type(cell) is not dict or type(cell.get("width")) is not int:
        raise DocumentError("fixed-without-width", at=path)
    text = text_of(cell.get("value"), path)
    if "\n" in text or "\r" in text:
        raise DocumentError("fixed-line-break", at=path)
    fill, width = str(cell.get("fill", " ")), int(cell["width"])
    try:
        size, fill_size = len(text.encode(charset)), len(fill.encode(charset))
    except UnicodeEncodeError as exc:
        raise misfit(exc, encoding, {path: text + fill}) from None
    if size > width:
        raise DocumentError("fixed-too-long", at=path, bytes=size, width=width)
    if len(fill) != 1 or (width - size) % fill_size:
        raise DocumentError("fixed-fill", at=path, fill=fill, width=width)
    padding = fill * ((width - size) // fill_size)
    return padding + text if cell.get("align") == "right" else text + padding

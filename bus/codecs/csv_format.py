"""CSV in and out: rows by header, strict in, and nothing in it that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice, zip_longest
from typing import Any

from bus.codecs.charsets import decode, encode
from bus.codecs.options import ReadOptions
from bus.codecs.scalars import text_of
from bus.errors import DocumentError

MAX_MISSING_CELLS = 1_000_000
"""Cells that short rows may lack altogether: one long header over many short rows would fill the memory."""

# What a spreadsheet takes for the beginning of a formula; the blank ones it skips before looking.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def read(body: bytes, options: ReadOptions, encoding: str) -> dict[str, Any]:
    """Return `{"rows": [{column: text}]}`.

    The first `skip` lines are passed over, however they look; a line with nothing in it is dropped. A
    column without a name is `c` and its number, `c3`; without a header all are. A row that ends before
    its header has null in the cells it lacks.

    Raises:
        DocumentError: with its line: a quote amiss, a row longer than the header, a name twice in it.
    """
    text = decode(body, encoding)
    rows = rows_of(
        text, options.delimiter, options.quote, options.skip, header=options.header, trim=options.trim
    )
    return {"rows": rows}


def rows_of(
    text: str, delimiter: str, quote: str, skip: int = 0, *, header: bool = True, trim: bool = False
) -> list[dict[str, str | None]]:
    """Return the rows of a CSV text by column, as `read` says."""
    names: list[str] = []
    rows: list[dict[str, str | None]] = []
    missing = 0
    for line, cells in _lines(text, _dialect(delimiter, quote, trim=trim), skip):
        if header and not names:
            names = _names(cells)
            continue
        if trim:
            cells = [cell.strip() for cell in cells]  # noqa: PLW2901 - the same cells without their padding
        if not header:
            names.extend(f"c{n + 1}" for n in range(len(names), len(cells)))
        elif len(cells) > len(names):
            raise DocumentError("csv-row-too-long", line_no=line, cells=len(cells), columns=len(names))
        missing += len(names) - len(cells)
        if missing > MAX_MISSING_CELLS:
            raise DocumentError("csv-rows-too-short", line_no=line, columns=len(names))
        rows.append(dict(zip_longest(names, cells)))
    return rows


def row_lines(text: str, options: ReadOptions) -> Iterator[int]:
    """Yield the line each row of a document begins at."""
    dialect = _dialect(options.delimiter, options.quote, trim=options.trim)
    lines = (line for line, _ in _lines(text, dialect, options.skip))
    return islice(lines, 1 if options.header else 0, None)


def rows_written(text: str, options: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """Return the rows of what `write` wrote with these options; the `'` before a formula is still there."""
    delimiter, quote = options.get("delimiter", ","), options.get("quote", '"')
    return rows_of(text, delimiter, quote, header=options.get("header", True))


def _lines(text: str, dialect: dict[str, Any], skip: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that holds anything with the number of its first line."""
    if "\0" in text:
        raise DocumentError("document-nul", line_no=text.count("\n", 0, text.index("\0")) + 1)
    stream = io.StringIO(text, newline="")  # unlike splitlines, it leaves U+2028, form feeds … in their cells
    for _ in range(skip):
        stream.readline()
    reader = csv.reader(stream, strict=True, **dialect)
    line = skip + 1
    try:
        for cells in reader:
            if any(cell and not cell.isspace() for cell in cells):
                yield line, cells
            line = skip + reader.line_num + 1
    except csv.Error as exc:
        raise DocumentError("csv-malformed", reason=str(exc), line_no=line) from None


def _names(cells: list[str]) -> list[str]:
    names = [cell.strip() or f"c{n}" for n, cell in enumerate(cells, 1)]
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DocumentError("csv-header-twice", name=name[:80])
        seen.add(name)
    return names


def _dialect(delimiter: str, quote: str, *, trim: bool = False) -> dict[str, Any]:
    for option, sign in (("delimiter", delimiter), ("quote", quote or '"')):
        if len(sign) != 1 or sign in "\r\n\0":
            raise DocumentError("csv-option", option=option, value=sign)
    if delimiter == quote:
        raise DocumentError("csv-option", option="quote", value=quote)
    return {
        "delimiter": delimiter,
        "quotechar": quote or None,
        "quoting": csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        "skipinitialspace": trim,  # else a quote after a blank would not be one
    }


def write(tree: Any, options: Mapping[str, Any], encoding: str) -> bytes:
    """Return the rows, a list of mappings (one mapping is one row), with their header and CRLF.

    Columns come in the order of `options["columns"]`, then as rows first name them; a row without one
    leaves its cell empty. Text that a spreadsheet would take for a formula gets a `'` before it, unless
    `formulas` is `keep`; numbers never.
    """
    rows = rows_to_write(tree)
    names = list(dict.fromkeys([*options.get("columns", ()), *(name for row in rows for name in row)]))
    guarded = options.get("formulas") != "keep"
    stream = io.StringIO(newline="")
    dialect = _dialect(options.get("delimiter", ","), options.get("quote", '"'))
    writer = csv.writer(stream, lineterminator="\r\n", **dialect)
    path = ""
    try:
        if names and options.get("header", True):
            writer.writerow([_cell(name, name, guarded=guarded) for name in names])
        for n, row in enumerate(rows):
            path = f"[{n}]"
            writer.writerow([_cell(row.get(name), f"[{n}].{name}", guarded=guarded) for name in names])
    except csv.Error:
        raise DocumentError("csv-needs-quote", at=path) from None
    return encode(stream.getvalue(), encoding, rows)


def rows_to_write(tree: Any) -> list[dict[str, Any]]:
    """Return the rows of a tree for CSV or fixed widths."""
    rows = tree if type(tree) is list else [tree]
    for n, row in enumerate(rows):
        if type(row) is not dict:
            raise DocumentError("rows-expected", at=f"[{n}]")
    return rows


def _cell(value: Any, path: str, *, guarded: bool) -> str:
    text = text_of(value, path)
    if guarded and text.startswith(_FORMULA) and type(value) is not Decimal and type(value) is not int:
        return f"'{text}"
    return text

"""Lookup tables: which code of one system is which code of another. CSV files, as Excel saves them.

A table has one column per system, and the column `bus` with the canonical codes:

    bus,erp,wms
    EA,PCS,001

A route goes from `bus` to its target's column, an inbound rule from the sender's column to `bus`, and
`by=` and `to=` name any others. A code twice in `bus` is wrong, as it would have two answers; twice in
another column is wrong only where that column is read by, because several canonical codes may well
be one and the same code to a system.

A table with `key: [item, uom]` answers to several canonical codes together:

    item,uom,bus,wms
    A-100,BOX,12,10

It is always read by its key columns, and any other column is the answer: its target's column in a
route, `bus` in an inbound rule. There is no way back from an answer to its key, so `by=` changes
nothing there, and nothing but a key twice is wrong.

Codes are texts: leading zeros stay, blanks around them go. An empty cell is a missing code.
"""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bus.codecs.charsets import decode
from bus.errors import DocumentError
from bus.nearest import nearest
from bus.places import Finding, Place

BUS = "bus"
Code = str | tuple[str, ...]
_Row = list[str]

_MOST_TOLD = 20  # findings of one kind; the rest is told as a number
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line


@dataclass(frozen=True, slots=True)
class Table:
    """One lookup; `cells` are the codes of each column, a row at the same index, "" where empty.

    Args:
        key: the columns it is read by together, () for a table that can be read by any one column.
        lines: where each row begins in the file, counted from 1.
    """

    name: str
    file: str = ""
    key: tuple[str, ...] = ()
    cells: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lines: Sequence[int] = ()
    _made: dict[tuple[str, str], Mapping[Code, str]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column, in the file's order."""
        return tuple(self.cells)

    def column(self, by: str, to: str) -> Mapping[Code, str]:
        """Codes of column `by` → codes of column `to`, without the missing ones; made once.

        With a key: codes of the key columns, as a tuple, → codes of `to`; a key of one column answers
        to the bare code as well. Of a code twice the first counts. A column that is not there is empty.
        """
        made = self._made.get((by, to))
        if made is None:
            pairs = zip(reversed(self._codes(by)), reversed(self.cells.get(to, ())), strict=False)
            found = {code: answer for code, answer in pairs if code and answer}
            if len(self.key) == 1:
                found |= {code[0]: answer for code, answer in found.items()}
            made = self._made[by, to] = found
        return made

    def to(self, column: str) -> Mapping[Code, str]:
        """Canonical codes, or keys, → codes of a column."""
        return self.column(BUS, column)

    def back(self, column: str) -> Mapping[Code, str]:
        """Codes of a column, or keys, → canonical codes."""
        return self.column(column, BUS)

    def duplicates(self, column: str) -> list[Finding]:
        """The codes that stand twice in a column, for which it cannot be read by; both lines are named.

        Of a table with a key: the keys that stand twice, whatever the column is.
        """
        first: dict[Code, int] = {}
        found = []
        what = ", ".join(self.key) or column
        for line, code in zip(self.lines, self._codes(column), strict=False):
            if code and first.setdefault(code, line) != line:
                shown = code if isinstance(code, str) else " / ".join(code)
                fields = {"table": self.name, "column": what, "code": shown, "line": first[code]}
                found.append(Finding("error", "lookup-duplicate", Place(self.file, line), fields))
        return _shortened(found)

    def _codes(self, by: str) -> Sequence[Code]:
        """What the rows are read by; a key that lacks a part is empty."""
        if not self.key:
            return self.cells.get(by, ())
        parts = zip(*(self.cells.get(name, ()) for name in self.key), strict=False)
        return tuple(key if all(key) else () for key in parts)


def read_table(
    name: str, body: bytes, file: str, encoding: str = "utf-8", key: tuple[str, ...] = ()
) -> tuple[Table, list[Finding]]:
    """Read a CSV file; what cannot be read of it is a finding, the rest is in the table.

    The delimiter is the comma, semicolon or tab that the header has most of. Blank lines and columns
    without a name at the right end do not count. gb2312 and gbk are read as gb18030, which holds both.
    """
    try:
        text = decode(body, encoding)
    except DocumentError as error:
        return Table(name, file, key), [_undecodable(error, body, file)]
    delimiter, begin, skipped = ",", 0, 0
    if separator := _SEPARATOR_LINE.match(text):
        delimiter, begin, skipped = separator[1], separator.end(), 1
    else:
        header = text.lstrip().partition("\n")[0]
        delimiter = max(",;\t", key=header.count)
    rows, lines, findings = _rows(text[begin:], delimiter, file, skipped)
    if not rows:
        findings.append(Finding("error", "lookup-empty", Place(file), {"table": name}))
        return Table(name, file, key), findings
    cells, found = _cells(rows, lines, Place(file, lines[0]))
    findings += found
    there = ", ".join(cells)
    for needed in key or (BUS,):
        if needed not in cells:
            fields = {"column": needed, "columns": there, "near": nearest(needed, cells)}
            code = "lookup-column-missing-near" if fields["near"] else ""
            findings.append(Finding("error", "lookup-column-missing", Place(file, lines[0]), fields, code))
    table = Table(name, file, key, cells, lines[1:])
    return table, findings + table.duplicates(BUS)


def _undecodable(error: DocumentError, body: bytes, file: str) -> Finding:
    offset = error.fields.get("offset")
    if not isinstance(offset, int):
        return Finding("error", error.code, Place(file), error.fields)
    line = body.count(b"\n", 0, offset) + 1
    return Finding("error", "lookup-encoding", Place(file, line), error.fields)


def _rows(text: str, delimiter: str, file: str, skipped: int) -> tuple[list[_Row], list[int], list[Finding]]:
    """The rows that hold anything, and the line where each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[_Row] = []
    lines: list[int] = []
    begin = skipped + 1
    try:
        for row in reader:
            if any(row):
                rows.append(row)
                lines.append(begin)
            begin = skipped + reader.line_num + 1
    except csv.Error:
        return rows, lines, [Finding("error", "lookup-quote", Place(file, begin))]
    return rows, lines, []


def _cells(rows: list[_Row], lines: list[int], header: Place) -> tuple[dict[str, _Row], list[Finding]]:
    """The codes of every column that has a name, and what does not fit the header."""
    names = [name.strip() for name in rows[0]]
    while not names[-1]:
        names.pop()
    width = len(names)
    wide = []
    for row, line in zip(rows[1:], lines[1:], strict=True):
        if len(row) < width:
            row.extend([""] * (width - len(row)))
        elif len(row) > width and any(cell.strip() for cell in row[width:]):
            fields = {"cells": len(row), "names": width}
            wide.append(Finding("error", "lookup-cells", Place(header.file, line), fields))
    findings = _shortened(wide)
    cells: dict[str, _Row] = {}
    for at, name in enumerate(names):
        codes = [row[at].strip() for row in rows[1:]]
        if name and name not in cells:
            cells[name] = codes
        elif name or any(codes):
            findings.append(Finding("error", "lookup-column-unclear", header, {"column": name or at + 1}))
    return cells, findings


def _shortened(findings: list[Finding]) -> list[Finding]:
    """The first of many alike, and how many more there are."""
    told, rest = findings[:_MOST_TOLD], findings[_MOST_TOLD:]
    return [*told, Finding("error", "lookup-more", rest[0].place, {"more": len(rest)})] if rest else told

"""What a YAML file holds: scalars, mappings and lists, each with its place.

A scalar keeps the text as typed: `on`, `NO`, `0012`, `12:30` and `1e3` are what they look like, and
`kind` says what a plain one means.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from bus.config.sheet import Sheet
from bus.places import Place

Style = Literal["plain", "single", "double", "block"]
Kind = Literal["null", "bool", "int", "float", "text"]
Span = tuple[int, int, int, int]  # first line, column; last line, column after the end; from 0, as mended
Spot = tuple[int, int, int]  # line, column and width of what makes one character of a text

_BLANKS = " \t\n"


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One value or key; `place` is the whole as typed, with its quotes."""

    text: str
    place: Place
    style: Style = "plain"
    sheet: Sheet | None = field(default=None, repr=False, compare=False)
    span: Span = field(default=(0, 0, 0, 0), repr=False, compare=False)

    @property
    def content(self) -> Place:
        """Where the text itself stands, within the quotes."""
        return self.place_of(0, len(self.text))

    def place_of(self, offset: int, width: int = 1) -> Place:
        """Where the characters from `offset` of the text stand in the file.

        Exact, escapes included; of a text over several lines all but the blanks. A width ends with
        its line. What came from the environment was not typed and is all at `place`.
        """
        if self.sheet is None:
            return self.place
        line, column, last_line, _ = self.span
        if self.style == "plain" and line == last_line:
            return self.sheet.place(line, column + offset, width)
        spots = list(_spots(self.text, self.sheet.lines, self.style, self.span))
        line, column, _ = spots[min(offset, len(spots) - 1)]
        last_line, end, wide = spots[min(offset + max(width, 1), len(spots)) - 1]
        width = end + wide - column if last_line == line else len(self.sheet.lines[line])
        return self.sheet.place(line, column, width)


@dataclass(frozen=True, slots=True)
class MapNode:
    """Keys and values in the order written; a key written twice is in it twice, and was reported."""

    items: tuple[tuple[ScalarNode, "Node"], ...]
    place: Place
    typed: str = ""  # the text of it when written in { }

    def get(self, name: str) -> "Node | None":
        """The value of the first key of that name."""
        return next((value for key, value in self.items if key.text == name), None)


@dataclass(frozen=True, slots=True)
class ListNode:
    """Values in the order written."""

    items: tuple["Node", ...]
    place: Place
    typed: str = ""  # the text of it when written in [ ]


Node = ScalarNode | MapNode | ListNode

# YAML 1.2 core, less what would lose something of what was typed: 0012, +5, 0x1F, 1e3, .inf are texts.
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("null", re.compile(r"|~|null|Null|NULL")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"-?(?:0|[1-9][0-9]*)")),
    ("float", re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")),
)


def kind(node: ScalarNode) -> Kind:
    """What a scalar means: only a plain one is anything but text.

    >>> [kind(ScalarNode(text, Place(""))) for text in ("12.50", "0012", "NO", "true", "12:30")]
    ['float', 'text', 'text', 'bool', 'text']
    """
    if node.style == "plain":
        for name, pattern in _KINDS:
            if pattern.fullmatch(node.text):
                return name
    return "text"


_PIECES = {
    "plain": re.compile(r"."),
    "block": re.compile(r"."),
    "single": re.compile(r"''|."),
    "double": re.compile(r"\\(?:x..|u.{4}|U.{8}|.)|."),
}
_BLANK_ESCAPES = frozenset(["\\", "\\ ", "\\t", "\\n", "\\\t"])  # the first ends a line without a break


def _spots(text: str, lines: list[str], style: Style, span: Span) -> Iterator[Spot]:
    """One spot for each character of `text`, and one for its end."""
    pieces = list(_pieces(lines, style, span))
    if span[0] == span[2]:
        end = (span[2], span[3] - 1, 1)
        yield from (spot for _, spot in pieces)
        yield end
        return
    # Folding changes nothing but blanks, so everything else keeps its order.
    blanks = _BLANK_ESCAPES if style == "double" else frozenset[str]()
    solid = iter([spot for piece, spot in pieces if piece not in _BLANKS and piece not in blanks])
    line, column = pieces[0][1][:2] if pieces else span[:2]
    for char in text:
        if char in _BLANKS:
            yield line, column, 1
            column += 1
        else:
            spot = next(solid)
            yield spot
            line, column = spot[0], spot[1] + spot[2]
    yield line, column, 1


def _pieces(lines: list[str], style: Style, span: Span) -> Iterator[tuple[str, Spot]]:
    """What was typed, cut into what makes one character each; blanks between lines included."""
    first_line, first_column, last_line, last_column = span
    quote = style in ("single", "double")
    start = first_column + quote
    if style == "block":
        first_line, start = first_line + 1, 0
    for line in range(first_line, min(last_line + 1, len(lines))):
        stop = last_column - quote if line == last_line else len(lines[line])
        for match in _PIECES[style].finditer(lines[line], start, stop):
            yield match[0], (line, match.start(), len(match[0]))
        start = 0

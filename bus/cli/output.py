"""How results reach a person or a machine: text on stdout, notes on stderr, JSON with `-o json`."""

import os
import sys
import unicodedata
from collections.abc import Iterable
from typing import Any, TextIO

COLORS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}


def paint(text: str, color: str, stream: TextIO | None = None) -> str:
    """Colour a text for a terminal; as it is when piped or NO_COLOR is set."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR") is not None or not stream.isatty():
        return text
    return f"\x1b[{COLORS[color]}m{text}\x1b[0m"


def on_terminal() -> bool:
    """Whether a person looks at the result as it comes."""
    return sys.stdout.isatty()


def show(text: str = "") -> None:
    """Write a line of the result."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Write a line beside the result."""
    sys.stderr.write(text + "\n")


def show_json(value: Any) -> None:
    """Write the result for a machine."""
    import msgspec

    encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)  # numbers with the digits they have
    show(msgspec.json.format(encoder.encode(value), indent=2).decode())


def width(text: str) -> int:
    """Columns a text takes on a terminal: Chinese signs take two."""
    wide, combining = unicodedata.east_asian_width, unicodedata.combining
    return sum(2 if wide(sign) in "WF" else 0 if combining(sign) else 1 for sign in text)


def padded(text: str, columns: int) -> str:
    """A text filled up to so many columns."""
    return text + " " * max(columns - width(text), 0)


def table(rows: Iterable[Iterable[object]], head: Iterable[str]) -> list[str]:
    """Rows under a head, in columns as wide as they must be."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(lines[0]))]
    made = ["  ".join(padded(cell, widths[column]) for column, cell in enumerate(line)).rstrip() for line in lines]
    return [paint(made[0], "bold"), *made[1:]]

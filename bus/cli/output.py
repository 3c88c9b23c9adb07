"""How results reach a person or a machine: text on stdout, notes on stderr, JSON with `-o json`."""

import codecs
import io
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any, TextIO

COLORS = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "dim": "2", "bold": "1"}


# What a charset without them gets instead, in the order of preference; GBK lacks the first two.
_PLAINER = {"✔": "√v", "✘": "×x", "×": "x", "–": "-", "·": ".", "→": ">", "≥": ">", "÷": "/"}


def speak_any_charset() -> None:
    """Let what is written pass through a terminal or a pipe whose charset cannot hold all of it.

    Marks become plainer ones; any other character becomes the escape that means the same in JSON.
    """
    codecs.register_error("bus", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="bus")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unwritable = error.object[error.start : error.end]
    return "".join(_instead(character, error.encoding) for character in unwritable), error.end


def _instead(character: str, charset: str) -> str:
    for plain in _PLAINER.get(character, ""):
        if plain.encode(charset, "ignore"):
            return plain
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def paint(text: str, color: str, stream: TextIO | None = None) -> str:
    """Colour a text for a terminal; as it is when piped or NO_COLOR is set."""
    stream = stream or sys.stdout
    if os.environ.get("NO_COLOR") is not None or not stream.isatty():
        return text
    return f"\x1b[{COLORS[color]}m{text}\x1b[0m"


def on_terminal() -> bool:
    """Whether a person looks at the result as it comes."""
    return sys.stdout.isatty()


def show(text: str = "", end: str = "\n") -> None:
    """Write a line of the result."""
    sys.stdout.write(text + end)


def note(text: str) -> None:
    """Write a line beside the result."""
    sys.stderr.write(text + "\n")


class Progress:
    """How far work on many things has come: one line that is redrawn on a terminal, ten plain ones elsewhere."""

    def __init__(self, told: Callable[[int, int], str], few: int = 1000) -> None:
        self._told, self._few = told, few
        self._live = sys.stderr.isatty()
        self._next = few
        self._drawn = False

    def __call__(self, done: int, count: int) -> None:
        """Tell it, if it is worth telling: not for every step, and nothing where there are few."""
        if count <= self._few or done < self._next:
            return
        self._next = done + (self._few if self._live else max(self._few, count // 10))
        self._drawn = self._live
        sys.stderr.write(f"\r{self._told(done, count)}\x1b[K" if self._live else f"{self._told(done, count)}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Make room for the result."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")


def as_json(value: Any) -> bytes:
    """A result for a machine, on one line; numbers with the digits they have."""
    import msgspec

    return msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(value)


def show_json(value: Any) -> None:
    """Write the result for a machine."""
    import msgspec

    show(msgspec.json.format(as_json(value), indent=2).decode())


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

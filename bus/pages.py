"""How a stream of marks is read again in seconds, however few of them stood in each message. Pure.

Every router writes the marks of a moment as one message of a stream, so in a calm week there is a
message for every event, and to read a million of them takes a broker half a minute. So now and then
some router writes what lies behind the last page as a page of its own, in another stream: who starts
reads the pages first, and of the stream only what comes after the last of them.

The stream is the truth; pages can be lost, doubled or thrown away, and then there is more to read. A page
names the line it goes up to by its offset and its seal: where another line stands there, somebody has
made the stream anew, and it is read from its beginning.
"""

import hashlib
import struct
from typing import NamedTuple

_HEAD = struct.Struct(">Q8s")
PAGE_BYTES = 73_728  # of records, 4,096 of them, and the rest of the last line


class Place(NamedTuple):
    """Where a line stands in a stream, and what it is recognised by."""

    offset: int
    seal: bytes


class Line(NamedTuple):
    """One message of a stream."""

    offset: int
    id: str
    body: bytes

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.offset, hashlib.blake2b(self.id.encode() + b"\0" + self.body, digest_size=8).digest())


class Page(NamedTuple):
    """Everything between the page before, or an older one, and the line `upto`, which is within."""

    upto: Place
    records: bytes

    def body(self) -> bytes:
        """As it stands in the stream of pages."""
        return _HEAD.pack(*self.upto) + self.records


def read_page(body: bytes) -> Page | None:
    """Return what `Page.body` wrote; None when it is nothing of the kind."""
    if len(body) < _HEAD.size:
        return None
    return Page(Place(*_HEAD.unpack_from(body)), body[_HEAD.size :])


class Tail:
    """The lines that no page has yet, in the order of the stream.

    Attributes:
        size_bytes: of their records.
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self.size_bytes = 0

    def add(self, line: Line) -> None:
        """Enter the next line."""
        self._lines.append(line)
        self.size_bytes += len(line.body)

    def page(self) -> Page:
        """Return the oldest of it as a page; there must be some."""
        records = bytearray()
        for line in self._lines:
            records += line.body
            if len(records) >= PAGE_BYTES:
                break
        return Page(line.place, bytes(records))

    def covered(self, upto: Place) -> None:
        """Forget what a page has, if it ends here."""
        ends = (n for n, line in enumerate(self._lines, 1) if line.offset == upto.offset and line.place == upto)
        count = next(ends, 0)
        self.size_bytes -= sum(len(line.body) for line in self._lines[:count])
        del self._lines[:count]

"""More than memory should hold: kept in a file that has no name, given back in order."""

import tempfile
from array import array
from collections.abc import Iterator
from typing import Self


class Spool:
    """Texts by age: a few dozen bytes of memory for each, however long it is.

    Leaving it as a context manager removes the file, and so does any death of the process.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `__exit__`
        self._at, self._since = array("d"), array("d")
        self._ends = array("q", (0,))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, age: tuple[float, float], text: bytes) -> int:
        """Keep a text; return its number."""
        self._at.append(age[0])
        self._since.append(age[1])
        self._ends.append(self._ends[-1] + self._file.write(text))
        return len(self._at) - 1

    def sorted(self) -> Iterator[tuple[int, bytes]]:
        """Give number and text of each, by age, those of the same age as they came."""
        order = sorted(range(len(self._at)), key=self._since.__getitem__)
        order.sort(key=self._at.__getitem__)
        for number in order:
            start = self._ends[number]
            self._file.seek(start)
            yield number, self._file.read(self._ends[number + 1] - start)

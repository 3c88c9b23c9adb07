"""The shape of a mapping as the architect wrote it: groups of keys, leaves with expressions, loops.

The configuration builds shapes from YAML; `generate` turns them into code. A `Source` knows where it
stands in its file, so that every fault, at load or years later, names its line and column.
"""

from dataclasses import dataclass
from typing import Protocol

from bus.places import Place


class Located(Protocol):
    """A scalar of a file that can say where any of its characters stands."""

    @property
    def text(self) -> str: ...

    @property
    def place(self) -> Place: ...

    def place_of(self, offset: int, width: int = 1) -> Place: ...


@dataclass(frozen=True, slots=True)
class Source:
    """One expression: its text, `shift` characters into the scalar that holds it (`line in data.lines`)."""

    text: str
    scalar: Located
    shift: int = 0

    def place_of(self, offset: int = 0, width: int = 1) -> Place:
        """Where a character of the expression stands in its file."""
        return self.scalar.place_of(self.shift + offset, width)


@dataclass(frozen=True, slots=True)
class Let:
    """A named value."""

    name: str
    source: Source
    place: Place


@dataclass(frozen=True, slots=True)
class For:
    """`line in data.lines`, or `n, line in …` with a counter of the rounds that come out."""

    name: str
    counter: str
    over: Source
    place: Place


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value."""

    source: Source


@dataclass(frozen=True, slots=True)
class Group:
    """Keys in the order written; with `loops`, one such mapping a round.

    Args:
        let_first: `let` stands above `if`, so the condition sees it.
    """

    entries: tuple["Entry", ...]
    place: Place
    loops: tuple[For, ...] = ()
    condition: Source | None = None
    lets: tuple[Let, ...] = ()
    let_first: bool = False


@dataclass(frozen=True, slots=True)
class Several:
    """A written-out list."""

    items: tuple["Shape", ...]
    place: Place


Shape = Leaf | Group | Several


@dataclass(frozen=True, slots=True)
class Entry:
    """One key with its value; `optional` keys (`name?:`) are left out when empty."""

    key: str
    optional: bool
    value: Shape
    place: Place

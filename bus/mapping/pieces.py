"""What a form consists of; see `bus.mapping.forms`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Path(NamedTuple):
    """A value by the names of its fields from a name in reach; or what a column has for that code.

    Args:
        slot: of the name in reach, one of the form's.
        places: what the number is rounded to; -1 for one that is not.
    """

    slot: int
    fields: tuple[str, ...]
    column: Mapping[Any, str] | None
    places: int


class Call(NamedTuple):
    """A value that one of the form's functions computes of the first so many names in reach."""

    function: int
    names: int


Value = Path | Call


class Text(NamedTuple):
    """What is constant."""

    octets: bytes


class Blank(NamedTuple):
    """One value with what stands around it; an optional one that is empty leaves nothing behind.

    Args:
        write: gives the octets or the text of a value that is not written in C.
    """

    value: Value
    before: bytes
    after: bytes
    optional: bool
    write: Callable[[Any], bytes | str]


class Loop(NamedTuple):
    """The same for each member of a list; an optional one without any leaves nothing behind.

    Args:
        item, counter: slots of what is in hand and of its number; -1 for none.
    """

    value: Value
    item: int
    counter: int
    before: bytes
    inside: Sequence["Piece"]
    after: bytes
    optional: bool


class If(NamedTuple):
    """What stands there while a condition holds."""

    value: Call
    inside: Sequence["Piece"]


class Named(NamedTuple):
    """A value that has a name from here on."""

    value: Value
    slot: int


class Optional(NamedTuple):
    """An XML element that leaves nothing behind when it has neither attributes nor anything inside."""

    before: bytes
    attributes: Sequence["Piece"]
    inside: Sequence["Piece"]
    after: bytes


Piece = Text | Blank | Loop | If | Named | Optional

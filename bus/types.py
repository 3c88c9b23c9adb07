"""The types of fields and expressions: what `events:` declares and the checker infers.

`text integer decimal boolean date datetime`, a record (mapping), a list of one of these; ANY is a
document whose shape nobody declared, NULL the literal `null`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `name` is the word used in `events:`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list; a missing list is null, not empty."""

    item: "Type"

    def __str__(self) -> str:
        return f"list of {self.item}"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record; a field that is not required may be missing or null."""

    type: "Type"
    required: bool = True
    description: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known fields; fields it does not know are kept, but have no name in expressions."""

    fields: Mapping[str, Field] = field(default_factory=dict)

    def __str__(self) -> str:
        return "mapping"


Type = Scalar | ListOf | Record

TEXT = Scalar("text")
INTEGER = Scalar("integer")
DECIMAL = Scalar("decimal")
BOOLEAN = Scalar("boolean")
DATE = Scalar("date")
DATETIME = Scalar("datetime")
ANY = Scalar("any")
NULL = Scalar("null")

SCALARS: Mapping[str, Scalar] = {
    t.name: t for t in (TEXT, INTEGER, DECIMAL, BOOLEAN, DATE, DATETIME)
}


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of event: `purchase_order.released` and the shape of its data."""

    name: str
    data: Record
    description: str = ""

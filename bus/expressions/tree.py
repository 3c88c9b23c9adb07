"""The parts an expression is made of. Offsets count characters of the source from 0."""

from dataclasses import dataclass
from decimal import Decimal

Constant = str | int | Decimal | bool | None
AGGREGATES = frozenset(("sum", "any", "all", "min", "max"))  # functions of a list or of a loop


@dataclass(frozen=True, slots=True)
class Node:
    """Any part; `start` and `end` are where it stands in the source."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    value: Constant


@dataclass(frozen=True, slots=True)
class Name(Node):
    name: str


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """`of.name`, or `of["name"]` with the name written out; `name_start` is where the name stands."""

    of: Node
    name: str
    name_start: int
    dotted: bool = True


@dataclass(frozen=True, slots=True)
class Item(Node):
    """`of[index]` with an index that is computed or a number."""

    of: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Slice(Node):
    of: Node
    low: Node | None
    high: Node | None


@dataclass(frozen=True, slots=True)
class Not(Node):
    value: Node


@dataclass(frozen=True, slots=True)
class Negate(Node):
    value: Node


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`and` or `or` over two or more parts."""

    word: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`0 < x <= 5`: the first value, then (sign, value) pairs."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choose(Node):
    """`then if condition else other`."""

    condition: Node
    then: Node
    other: Node


@dataclass(frozen=True, slots=True)
class Listing(Node):
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Table(Node):
    """`{"ZP": "good", "CC": "bad"}`: keys are written-out texts or numbers."""

    pairs: tuple[tuple[Literal, Node], ...]


@dataclass(frozen=True, slots=True)
class Loop(Node):
    name: str
    over: Node
    conditions: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comprehension(Node):
    element: Node
    loops: tuple[Loop, ...]


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    """`sum any all min max` over a list."""

    name: str
    over: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    name: str
    arguments: tuple[Node, ...]
    named: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Template(Node):
    """An f-string: texts and values in turn."""

    parts: tuple[str | Node, ...]

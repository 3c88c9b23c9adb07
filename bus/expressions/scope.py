"""What an expression may name where it stands, and what is wrong with it: the state of one compilation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol

from bus.expressions.scan import Problem
from bus.types import ANY, BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, NULL, TEXT, Field, ListOf, Record, Type

EVENT = Record({name: Field(TEXT) for name in ("id", "source", "type", "subject", "key")} | {"time": Field(DATETIME)})
FAILURE = Record({"code": Field(TEXT), "message": Field(TEXT)})
_KINDS = {  # the others, any and null, are not known to be anything
    TEXT.name: "text", INTEGER.name: "number", DECIMAL.name: "number", BOOLEAN.name: "boolean", DATE.name: "date",
    DATETIME.name: "datetime",
}


@dataclass(frozen=True, slots=True)
class Code:
    """Generated Python for one part.

    Args:
        nullable: the value may be null.
        missing: the path of the field that makes it so, where the schema says that it may be missing.
        column, key: of a lookup of plain fields, what `codes` takes for its column, and the code that is looked for.
        path: of a field, or of the one that is looked up or rounded, the name in reach and those of the fields below
            it; empty where there is more to it.
        places: what the number at the end of the path is rounded to; -1 for one that is not.
    """

    text: str
    type: Type = ANY
    nullable: bool = True
    missing: str = ""
    column: str = ""
    key: str = ""
    path: tuple[str, ...] = ()
    places: int = -1


class Columns(Protocol):
    """What the checker asks of a lookup table."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def key(self) -> tuple[str, ...]: ...


Direction = Literal["inbound", "route"]


@dataclass(slots=True)
class Scope:
    """The names in reach, and the faults found so far.

    Args:
        direction: which way `lookup` goes without `by=` and `to=`: from the system's column to `bus`
            (inbound, replies), or from `bus` to the target's column.
        systems: whose columns those are; several targets each have their own.
        tables: every lookup by name; None for one whose file could not be read.
        constants: values generated code refers to by name.
        present: paths a condition around has shown to be there.
        read_back: (table, column) pairs that are read from a system's column, for the check of duplicates.
    """

    names: dict[str, Code]
    direction: Direction = "route"
    systems: tuple[str, ...] = ()
    tables: Mapping[str, Columns | None] = field(default_factory=dict)
    event_type: str = ""
    present: frozenset[str] = frozenset()
    problems: list[Problem] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    read_back: set[tuple[str, str]] = field(default_factory=set)

    def with_names(self, /, **names: Code) -> "Scope":
        """The same scope with further names; faults and constants stay shared."""
        return self._with({**self.names, **names}, self.present)

    def knowing(self, paths: frozenset[str]) -> "Scope":
        """The same scope where these paths are known to hold a value."""
        return self._with(self.names, self.present | paths) if paths else self

    def _with(self, names: dict[str, Code], present: frozenset[str]) -> "Scope":
        """The same scope otherwise; dataclasses.replace takes five times as long, and lint makes thousands."""
        return Scope(
            names, self.direction, self.systems, self.tables, self.event_type, present,
            self.problems, self.constants, self.read_back,
        )

    def report(
        self, code: str, start: int, end: int, *, warning: bool = False, hint_code: str = "", **fields: object
    ) -> None:
        """Note a fault at these offsets of the expression; `hint_code` for another remedy than the code's own."""
        self.problems.append(Problem(code, start, end, fields, warning, hint_code))

    def constant(self, value: Any) -> str:
        """Return what stands for `value` in generated code: itself, or a name for it."""
        if type(value) in (str, int, bool, type(None)):
            return repr(value)
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name


def local(word: str) -> str:
    """A Python name for a name of the language: distinct words stay distinct, nothing is folded.

    >>> local("line"), local("行")
    ('v_line', 'u_884c')
    """
    if re.fullmatch(r"[a-z0-9_]+", word, re.ASCII):
        return f"v_{word}"
    return "u_" + "_".join(f"{ord(sign):x}" for sign in word)


def kind_of(type_: Type) -> str | None:
    """The word for what a type holds, as `operators.kind` gives it at run time; None when unknown."""
    if isinstance(type_, ListOf):
        return "list"
    return "mapping" if isinstance(type_, Record) else _KINDS.get(type_.name)


def unify(left: Type, right: Type) -> Type:
    """The type of a value that is one or the other."""
    if right in (left, NULL):
        return left
    if left == NULL:
        return right
    if kind_of(left) == kind_of(right) == "number":
        return DECIMAL
    return ANY


def literal_type(value: object) -> Type:
    """The type of a written-out value."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN
    return {str: TEXT, int: INTEGER, Decimal: DECIMAL}[type(value)]

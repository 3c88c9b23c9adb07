"""Expressions compiled and run as a mapping runs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bus.errors import BusError
from bus.event import Event
from bus.expressions.context import Context
from bus.expressions.scope import EVENT, Code, Scope
from bus.lookups import Table, read_table
from bus.mapping.generate import Program
from bus.mapping.programs import value_program
from bus.mapping.shape import Source
from bus.places import Place
from bus.types import ANY, Type


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression outside any file; its columns are those of its text."""

    text: str

    @property
    def place(self) -> Place:
        return Place("here", 1, 1, len(self.text))

    def place_of(self, offset: int, width: int = 1) -> Place:
        return Place("here", 1, offset + 1, width)


def source(text: str) -> Source:
    return Source(text, Typed(text))


def table(name: str, text: str, *key: str) -> Table:
    made, findings = read_table(name, text.encode(), f"{name}.csv", key=key)
    assert not findings
    return made


TABLES = {
    "item": table("item", "bus,erp,wms,name\nA,1,a-1,Bolt\nB,2,,Nut\nC,3,c-3,\n"),
    "uom": table("uom", "item,uom,bus,wms\nA,BOX,12,10\nA,EA,1,1\nB,BOX,,6\n", "item", "uom"),
}
CONTEXT = Context("wms", ZoneInfo("Asia/Shanghai"), "gb18030", None, TABLES)
AN_EVENT = Event("order.released", "erp", "PO-1-v1", {}, subject="PO-1", key="PO-1")


def program(text: str, types: Mapping[str, Type] | None = None, nullable: bool | None = None) -> Program:
    """Check an expression over these names; without types anything goes."""
    names = {name: Code(name, type_, type_ == ANY if nullable is None else nullable) for name, type_ in (types or {}).items()}
    scope = Scope({**names, "event": Code("event", EVENT, nullable=False)}, "route", ("wms",), TABLES, "order.released")
    return value_program("test", source(text), scope, ", ".join([*names, "event", "ctx"]))


def run(text: str, /, context: Context = CONTEXT, types: Mapping[str, Type] | None = None, **names: Any) -> Any:
    """Return the value of an expression that is fine."""
    made = program(text, types or dict.fromkeys(names, ANY))
    assert not made.findings, [(finding.code, finding.fields) for finding in made.findings]
    return made.compiled()(*names.values(), AN_EVENT, context)


def failure(text: str, /, context: Context = CONTEXT, types: Mapping[str, Type] | None = None, **names: Any) -> BusError:
    """Return what an expression that is fine fails with; its sentence and remedy can be said."""
    with pytest.raises(BusError) as caught:
        run(text, context, types, **names)
    assert str(caught.value)
    assert caught.value.where is not None
    return caught.value


def findings(text: str, types: Mapping[str, Type] | None = None, nullable: bool | None = None) -> list[tuple[str, str]]:
    """Return (code, the characters it stands under) of everything found in an expression."""
    made = program(text, types, nullable)
    for finding in made.findings:
        assert finding.message
    return [
        (finding.code, text[finding.place.column - 1 : finding.place.column - 1 + finding.place.width])
        for finding in made.findings
    ]

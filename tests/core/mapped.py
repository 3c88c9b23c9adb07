"""A route with this mapping, and what it makes of data."""

import json
from collections.abc import Mapping
from textwrap import dedent, indent
from typing import Any
from unittest.mock import patch

from bus.config.model import Configuration
from bus.errors import BusError
from bus.event import Event
from bus.mapping import forms
from bus.routing import Document, Routing

from tests.configuring import loaded, usable

HEAD = """\
version: 1
systems:
  erp: {source: {adapter: queue}}
  scm: {sink: {adapter: queue}}
  oa: {sink: {adapter: queue}}
lookups: {item: item.csv, uom: {file: uom.csv, key: [item, uom]}}
events:
  order.released:
    no: text
    note?: text
    qty: decimal
    price?: decimal
    count: integer
    open: boolean
    day: date
    due?: date
    at: datetime
    party?: {name: text, zip?: text}
    tags?: [text]
    codes?: [{code?: text}]
    lines: [{sku: text, qty: decimal, note?: text, ok?: boolean, parts?: [{no: text}]}]
routes:
  r:
    on: order.released
    to: scm
"""
FILES = {"item.csv": "bus,erp,scm,oa\nA,1,a-1,甲\nB,2,,乙\nD,4,R&D,丁\n", "uom.csv": "item,uom,bus,erp,scm,oa\nA,BOX,12,12,10,10\nD,BOX,12,12,<6>,6\n"}
ORDER: Mapping[str, Any] = {
    "no": "PO-1", "qty": 2.5, "count": 3, "open": True, "day": "2026-03-01", "at": "2026-03-01T08:00:00Z",
    "lines": [{"sku": "A", "qty": 1}, {"sku": "B", "qty": 2.50, "note": "x", "ok": False}, {"sku": "C", "qty": 0}],
}  # fmt: skip


def routing_yaml(mapping: str) -> str:
    """The mapping, or any keys of a route, in a whole routing.yaml."""
    head = HEAD
    if dedent(mapping).lstrip().startswith("rows"):
        head = head.replace("scm: {sink: {adapter: queue}}", 'scm: {sink: {adapter: database, url: "sqlite:///scm.db"}}')
    return head + indent(dedent(mapping).strip("\n"), "    ") + "\n"


def checked(mapping: str) -> Configuration:
    """The configuration with whatever is wrong with it."""
    return loaded(routing_yaml(mapping), FILES)


def documents(mapping: str, **data: Any) -> tuple[Document, ...]:
    """What the route sends for an order with these fields."""
    made = _match(mapping, data)
    assert not isinstance(made, BusError), (made.code, made.fields, made.where)
    return made


def document(mapping: str, **data: Any) -> str:
    """The one document the route sends."""
    (made,) = documents(mapping, **data)
    return made.body.decode(made.encoding)


def json_of(mapping: str, **data: Any) -> Any:
    """The same as JSON holds it."""
    return json.loads(document(mapping, **data), parse_float=str, parse_int=str)


def failure(mapping: str, **data: Any) -> BusError:
    """Why the route sends nothing."""
    made = _match(mapping, data)
    assert isinstance(made, BusError), made
    assert str(made)
    return made


def _match(mapping: str, data: Mapping[str, Any]) -> tuple[Document, ...] | BusError:
    config, body = usable(routing_yaml(mapping), FILES), json.dumps({**ORDER, **data}).encode()
    made = made_of(Routing(config), body)
    with patch.object(forms, "filler", lambda *_: None):
        assert told(made) == told(made_of(Routing(config), body))
    return made


def made_of(routing: Routing, body: bytes) -> tuple[Document, ...] | BusError:
    """What the only route makes of an order, or why it makes nothing."""
    event = routing.read(Event("order.released", "erp", "PO-1-v1", {}, subject="PO-1"), body)
    (match,) = routing.matches(event, body)
    return match.failure or match.documents


def told(made: tuple[Document, ...] | BusError) -> Any:
    """All in which two of them may differ."""
    return (made.code, made.fields, made.where, made.row) if isinstance(made, BusError) else made

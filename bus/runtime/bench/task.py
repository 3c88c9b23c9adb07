"""The task that is measured: a purchase order comes in, leaves as XML for one system and as JSON for another.

Orders differ by their number only, so what came out is known whatever made it: `faults` compares every
document by value with what the task says, and the messages around them with what readers are promised.
What the task says is written here by hand, and asks neither the mapping nor the wire of the bus.
"""

import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from bus.adapter import SourceOptions
from bus.codecs import plain, read
from bus.config.load import load
from bus.config.model import Configuration
from bus.event import Event
from bus.ports import Message
from bus.runtime.files import adapters
from bus.topology import to
from bus.wire import event_message

TYPE, SOURCE = "purchase_order.created", "erp"
SYSTEMS = ("wms", "scm")
ROUTES = {to("wms"): "po-to-wms", to("scm"): "po-to-scm"}
FEW, MANY = 2, 10  # subscribers of the order: as many get XML as JSON
LINES, LARGE_LINES = 5, 20_000
NUMBER = re.compile(rb"45(\d{8})")  # an order's number, in every form it takes
HEAD = """
version: 1
systems:
  erp: {source: {adapter: queue}}
  wms: {sink: {adapter: queue}}
  scm: {sink: {adapter: queue}}
lookups: {warehouse: warehouse.csv, uom: uom.csv}
routes:
  po-to-wms:
    on: purchase_order.created
    when: data.warehouse in ["WH01", "WH02"]
    to: wms
    xml:
      request:
        entryOrder:
          entryOrderCode: data.po_no
          warehouseCode: lookup("warehouse", data.warehouse)
          expectStart?: date(data.due_date, "yyyy-MM-dd HH:mm:ss")
          supplier?: data.supplier.name
        orderLines:
          orderLine:
            for: n, line in data.lines
            orderLineNo: n
            itemCode: line.item_code
            planQty: round(line.qty, 0)
            unit: lookup("uom", line.uom)
  po-to-scm:
    on: purchase_order.created
    when: data.warehouse in ["WH01", "WH02"]
    to: scm
    json:
      orderNumber: data.po_no
      due?: data.due_date
      supplier?: data.supplier.code
      lines:
        for: line in data.lines
        sku: line.item_code
        quantity: line.qty
        unit: lookup("uom", line.uom)
"""
TABLES = {
    "warehouse.csv": "bus,wms,scm\nWH01,SH-A,SHA\nWH02,SZ-T,SZX\n",
    "uom.csv": "bus,wms,scm\nEA,PCS,piece\nKG,KGM,kilogram\n",
}
OTHER_TYPES = ("purchase_order.released", "goods_receipt.confirmed", "item.changed", "supplier.changed")


class Makes(StrEnum):
    """What a contestant makes of an event."""

    deliveries = "deliveries"  # both documents, in messages as the bus writes them
    documents = "documents"  # both documents, in messages with nothing around them
    copies = "copies"  # the event itself, twice


def order(number: int = 12345, lines: int = LINES, spec: str = "25x52x15 mm, sealed, steel cage") -> bytes:
    """A purchase order: 1.16 KB, 5 lines."""
    items = [
        {
            "line_no": n * 10, "item_code": f"BRG-620{n}", "name": f"Deep groove ball bearing 620{n}-2RS C3",
            "qty": 120.5 + n, "uom": "EA", "price": 12.35, "spec": spec, "due_date": "2026-12-08",
        }
        for n in range(1, lines + 1)
    ]
    whole = {
        "po_no": f"45{number:08}", "version": 1, "order_date": "2026-11-23", "due_date": "2026-12-08",
        "warehouse": "WH01", "supplier": {"code": "100042", "name": "Shanghai Bearing Co., Ltd."}, "currency": "CNY",
        "buyer": "Zhang Wei", "remark": "deliver to dock 3 before noon", "lines": items,
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def large_order(number: int) -> bytes:
    """The same with LARGE_LINES lines: 5 MB."""
    spec = "25x52x15 mm, sealed, steel cage, greased for life, in batches and in bins as agreed"
    return order(number, LARGE_LINES, spec)


def events(numbers: Iterable[int]) -> Iterator[Message]:
    """The orders as events, each with its own id."""
    parts = order(0).split(b"4500000000")
    for number in numbers:
        event = Event(TYPE, SOURCE, f"45{number:08}-v1", {})
        yield event_message(event, (b"45%08d" % number).join(parts))


def queues(subscribers: int) -> dict[str, str]:
    """The queues of so many subscribers, and the route of each."""
    return {to(f"{system}{n or ''}"): f"po-to-{system}" for n in range(subscribers // 2) for system in SYSTEMS}


def routing(routes: int, subscribers: int = FEW) -> str:
    """A routing.yaml with so many routes, of which two take the order to so many subscribers."""
    head = HEAD
    for name in SYSTEMS:
        each = [queue.removeprefix(to("")) for queue, route in queues(subscribers).items() if route == f"po-to-{name}"]
        head = head.replace(f"    to: {name}\n", f"    to: [{', '.join(each)}]\n")
        systems = "".join(f"  {system}: {{sink: {{adapter: queue}}}}\n" for system in each)
        head = head.replace(f"  {name}: {{sink: {{adapter: queue}}}}\n", systems)
    text = [head]
    for n in range(routes - 2):
        own = n % 10 < 4
        type_ = TYPE if own else OTHER_TYPES[n % len(OTHER_TYPES)]
        when = f'\n    when: data.warehouse == "WH{100 + n}"' if own else ""
        text.append(f"  r{n}:\n    on: {type_}{when}\n    to: scm\n    json: data\n")
    return "".join(text)


def tables(subscribers: int = FEW) -> dict[str, str]:
    """The code tables of so many subscribers, by file name: those of the two, again and again."""

    def widened(line: str) -> str:
        code, *codes = line.split(",")
        numbers = ["" if code != "bus" or not n else str(n) for n in range(subscribers // 2)]
        return ",".join((code, *(f"{each}{number}" for number in numbers for each in codes)))

    return {name: "".join(f"{widened(line)}\n" for line in table.splitlines()) for name, table in TABLES.items()}


class _Tables:
    def __init__(self, subscribers: int) -> None:
        self._tables = tables(subscribers)

    def read(self, path: str) -> bytes:
        return self._tables[path].encode()


def configuration(routes: int, subscribers: int = FEW) -> Configuration:
    """The same, loaded."""
    config = load({"bench.yaml": routing(routes, subscribers)}, _Tables(subscribers), {}, adapters())
    assert not config.errors, config.errors  # noqa: S101 - a defect of this file
    return config


def furnish(folder: Path, routes: int, subscribers: int = FEW) -> Path:
    """Make the folder with the same and its code tables; return the path of routing.yaml."""
    folder.mkdir(exist_ok=True)
    for name, table in tables(subscribers).items():
        (folder / name).write_text(table)
    path = folder / "routing.yaml"
    path.write_text(routing(routes, subscribers))
    return path


@dataclass(frozen=True, slots=True)
class Fault:
    """Work that was not done, for a person: how many messages of a queue, and the first of them."""

    queue: str
    kind: str  # missing, repeated, foreign, document, message
    count: int
    number: int


def faults(
    numbers: range, came: Mapping[str, Sequence[Message]], makes: Makes, lines: int = LINES
) -> list[Fault]:
    """Say everything in which the work that came out is not the work that was asked for: orders of so many lines."""
    found: list[Fault] = []
    for queue, messages in came.items():
        seen: dict[int, int] = {}
        wrong: dict[str, list[int]] = {"foreign": [], "document": [], "message": []}
        forms: dict[bytes, bool] = {}
        for message in messages:
            number = number_in(message.body)
            if number not in numbers:
                wrong["foreign"].append(number)
                continue
            seen[number] = seen.get(number, 0) + 1
            form = NUMBER.sub(b"4500000000", message.body)  # all orders are one but for their number
            if form not in forms:
                forms[form] = _is_the_document(queue, form, makes, lines)
            if not forms[form] or message.body.count(b"45%08d" % number) != 1:
                wrong["document"].append(number)
            if not _is_the_message(queue, number, message, makes):
                wrong["message"].append(number)
        wrong["missing"] = [number for number in numbers if number not in seen]
        wrong["repeated"] = [number for number, times in seen.items() if times > 1]
        found += [Fault(queue, kind, len(each), each[0]) for kind, each in wrong.items() if each]
    return found


def number_in(body: bytes) -> int:
    """The number of the order that a document is about; -1 where there is none."""
    match = NUMBER.search(body)
    return int(match[1]) if match else -1


def _is_xml(queue: str) -> bool:
    return queue.startswith(to("wms"))


def _is_the_document(queue: str, body: bytes, makes: Makes, lines: int) -> bool:
    if makes is Makes.copies:
        return body == order(0)
    try:
        if _is_xml(queue):
            # Texts, since the order of elements counts.
            return json.dumps(plain(read("xml", body, SourceOptions()))) == json.dumps(_xml(lines))
        return bool(json.loads(body, parse_float=Decimal) == _json(lines))
    except Exception:  # noqa: BLE001 - whatever it is, it is not the document
        return False


@cache
def _json(lines: int) -> Any:
    return {
        "orderNumber": "4500000000", "due": "2026-12-08", "supplier": "100042",
        "lines": [
            {"sku": f"BRG-620{n}", "quantity": Decimal(120 + n) + Decimal("0.5"), "unit": "piece"}
            for n in range(1, lines + 1)
        ],
    }


@cache
def _xml(lines: int) -> Any:
    return {"request": {
        "entryOrder": {
            "entryOrderCode": "4500000000", "warehouseCode": "SH-A", "expectStart": "2026-12-08 00:00:00",
            "supplier": "Shanghai Bearing Co., Ltd.",
        },
        "orderLines": {"orderLine": [
            # Half rounds up: banker's rounding would make 122 of 122.5.
            {"orderLineNo": str(n), "itemCode": f"BRG-620{n}", "planQty": str(121 + n), "unit": "PCS"}
            for n in range(1, lines + 1)
        ]},
    }}


def _is_the_message(queue: str, number: int, message: Message, makes: Makes) -> bool:
    if makes is Makes.documents:
        return True
    id_, headers = f"45{number:08}-v1", message.headers
    expected = {
        "cloudEvents_specversion": "1.0", "cloudEvents_id": id_, "cloudEvents_source": SOURCE,
        "cloudEvents_type": TYPE, "cloudEvents_subject": id_, "cloudEvents_time": "1970-01-01T00:00:00Z",
        "cloudEvents_partitionkey": id_,
    }
    if any(headers.get(name) != value for name, value in expected.items()):
        return False
    if makes is Makes.copies:
        return message.id == id_
    system = queue.removeprefix(to(""))
    route, content_type = ("po-to-wms", "application/xml") if _is_xml(queue) else ("po-to-scm", "application/json")
    name = f"{SOURCE}\n{id_}\n{route}\n{system}\n0"
    return (
        message.id == str(uuid.uuid5(uuid.NAMESPACE_URL, name))
        and headers.get("bus-route") == route
        and message.content_type == content_type and message.content_encoding == "utf-8"
    )

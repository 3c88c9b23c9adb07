"""What `bus bench router` measures, written with FastStream as its documentation would have it: models in, publish out.

It finds the broker in BUS_BROKER and runs until SIGTERM. An order is acknowledged when both its messages are
confirmed; one that fails goes back.
"""

import asyncio
import os
import uuid
import xml.etree.ElementTree as ET
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from pydantic import BaseModel

PREFETCH = 1000
WAREHOUSES = {"WH01": "SH-A", "WH02": "SZ-T"}
WMS_UNITS = {"EA": "PCS", "KG": "KGM"}
SCM_UNITS = {"EA": "piece", "KG": "kilogram"}


class Supplier(BaseModel):
    code: str
    name: str


class Line(BaseModel):
    item_code: str
    qty: Decimal
    uom: str


class Order(BaseModel):
    po_no: str
    due_date: date
    warehouse: str
    supplier: Supplier
    lines: list[Line]


broker = RabbitBroker(
    os.environ.get("BUS_BROKER", "amqp://"), logger=None,
    default_channel=Channel(prefetch_count=PREFETCH, publisher_confirms=True, on_return_raises=True),
)
deliver = RabbitExchange("bus.deliver", durable=True, declare=False)
write_json = msgspec.json.Encoder(decimal_format="number").encode


async def route(order: Order, message: RabbitMessage) -> None:
    if order.warehouse not in WAREHOUSES:
        return
    await asyncio.gather(
        publish(message, "po-to-wms", "wms", "application/xml", for_wms(order)),
        publish(message, "po-to-scm", "scm", "application/json", for_scm(order)),
    )


async def publish(message: RabbitMessage, name: str, system: str, content_type: str, body: bytes) -> None:
    headers = {key: value for key, value in message.headers.items() if key.startswith("cloudEvents_")}
    parts = (headers["cloudEvents_source"], headers["cloudEvents_id"], name, system, "0")
    await broker.publish(
        body, exchange=deliver, routing_key=f"to.{system}", persist=True, mandatory=True,
        message_id=str(uuid.uuid5(uuid.NAMESPACE_URL, "\n".join(parts))),
        content_type=content_type, content_encoding="utf-8",
        headers={**headers, "bus-route": name},
    )


def for_wms(order: Order) -> bytes:
    root = ET.Element("request")
    entry = ET.SubElement(root, "entryOrder")
    ET.SubElement(entry, "entryOrderCode").text = order.po_no
    ET.SubElement(entry, "warehouseCode").text = WAREHOUSES[order.warehouse]
    due = datetime.combine(order.due_date, datetime.min.time())
    ET.SubElement(entry, "expectStart").text = due.isoformat(" ")
    ET.SubElement(entry, "supplier").text = order.supplier.name
    lines = ET.SubElement(root, "orderLines")
    for number, each in enumerate(order.lines, 1):
        line = ET.SubElement(lines, "orderLine")
        ET.SubElement(line, "orderLineNo").text = str(number)
        ET.SubElement(line, "itemCode").text = each.item_code
        ET.SubElement(line, "planQty").text = str(each.qty.quantize(Decimal(1), ROUND_HALF_UP))
        ET.SubElement(line, "unit").text = WMS_UNITS[each.uom]
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def for_scm(order: Order) -> bytes:
    document: dict[str, Any] = {
        "orderNumber": order.po_no, "due": order.due_date, "supplier": order.supplier.code,
        "lines": [{"sku": line.item_code, "quantity": line.qty, "unit": SCM_UNITS[line.uom]} for line in order.lines],
    }
    return write_json(document)


broker.subscriber(RabbitQueue("bus.router", declare=False), ack_policy=AckPolicy.NACK_ON_ERROR)(route)

if __name__ == "__main__":
    asyncio.run(FastStream(broker, logger=None).run())

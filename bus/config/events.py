"""`events:`, a company's own event types and fields, on top of the shipped ones."""

import re
from collections.abc import Mapping

from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.report import Report
from bus.errors import ConfigurationError
from bus.event_types import merge, shipped
from bus.types import SCALARS, EventType, Field, ListOf, Record, Type

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_FIELD = re.compile(r"[^\W\d]\w*")


def read_events(node: Node | None, report: Report) -> Mapping[str, EventType]:
    """Return every event type there is; what is wrong with the company's own is reported."""
    events = dict(shipped())
    if node is None:
        return events
    if not isinstance(node, MapNode):
        report.error("mapping-needed", node.place, what="events", known="gate_pass.issued: …")
        return events
    for key, value in node.items:
        if _NAME.fullmatch(key.text) is None:
            report.error("event-name", key.place, name=key.text)
            continue
        record = _record(value, report)
        known = events.get(key.text)
        if known is None:
            events[key.text] = EventType(key.text, record)
            continue
        try:
            events[key.text] = merge(known, record)
        except ConfigurationError as error:
            report.error(error.code, key.place, **error.fields)
    return events


def _record(node: Node, report: Report) -> Record:
    if not isinstance(node, MapNode):
        report.error("mapping-needed", node.place, what="event", known="po_no: text")
        return Record()
    fields = {}
    for key, value in node.items:
        name = key.text.removesuffix("?")
        if _FIELD.fullmatch(name) is None:
            report.error("field-name", key.place, name=name)
        fields[name] = Field(_type(value, report), required=not key.text.endswith("?"))
    return Record(fields)


def _type(node: Node, report: Report) -> Type:
    if isinstance(node, MapNode):
        return _record(node, report)
    if isinstance(node, ListNode):
        if len(node.items) != 1:
            report.error("list-of-one", node.place)
        return ListOf(_type(node.items[0], report) if node.items else Record())
    if node.text in SCALARS:
        return SCALARS[node.text]
    _unknown(node, report)
    return SCALARS["text"]


_FOREIGN = {
    "string": "text", "str": "text", "varchar": "text", "char": "text", "int": "integer", "long": "integer",
    "number": "decimal", "float": "decimal", "double": "decimal", "money": "decimal", "numeric": "decimal",
    "bool": "boolean", "timestamp": "datetime", "time": "datetime",
}


def _unknown(node: ScalarNode, report: Report) -> None:
    meant = _FOREIGN.get(node.text.lower())
    if meant is None:
        report.unknown("type-unknown", node.place, node.text, SCALARS)
    else:
        report.error("type-unknown", node.place, word=node.text, known=", ".join(SCALARS), near=meant)

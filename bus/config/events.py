"""`events:`, a company's own event types and fields, on top of the shipped ones."""

import re
from collections.abc import Mapping

from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.report import Report, was_reported
from bus.errors import ConfigurationError
from bus.event_types import merge, shipped
from bus.places import Place
from bus.types import ANY, SCALARS, EventType, Field, ListOf, Record, Type

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_FIELD = re.compile(r"[^\W\d]\w*")

# Words of databases and programming languages for a type.
_FOREIGN = {
    **dict.fromkeys(("string", "str", "varchar", "nvarchar", "char", "code", "文本", "字符", "字符串"), "text"),
    **dict.fromkeys(("int", "long", "bigint", "whole", "整数"), "integer"),
    **dict.fromkeys(("number", "float", "double", "money", "numeric", "amount"), "decimal"),
    **dict.fromkeys(("数字", "数值", "小数", "金额"), "decimal"),
    **dict.fromkeys(("bool", "yes/no", "bit", "布尔", "是否"), "boolean"),
    **dict.fromkeys(("day", "日期"), "date"),
    **dict.fromkeys(("timestamp", "time", "时间", "日期时间"), "datetime"),
}  # fmt: skip


def read_events(node: Node | None, report: Report) -> Mapping[str, EventType]:
    """Return every event type there is; what is wrong with the company's own is reported."""
    events = dict(shipped())
    for key, value in node.items if isinstance(node, MapNode) else ():
        if _NAME.fullmatch(key.text) is None:
            report.error("event-name", key.place, name=key.text)
            continue
        record = _record(value, f"events.{key.text}", key.place, report)
        known = events.get(key.text)
        if known is None:
            events[key.text] = EventType(key.text, record)
            continue
        try:
            events[key.text] = merge(known, record)
        except ConfigurationError as error:
            place = _place_of_field(key.place, value, str(error.fields["field"]))
            report.error(error.code, place, **error.fields)
    return events


def _record(node: Node, what: str, place: Place, report: Report) -> Record:
    if not isinstance(node, MapNode):
        if not was_reported(node):
            report.error("mapping-needed", place, what=what, known="po_no: text")
        return Record()
    fields: dict[str, Field] = {}
    for key, value in node.items:
        name = key.text.removesuffix("?")
        if _FIELD.fullmatch(name) is None:
            if not was_reported(key):
                report.error("field-name", key.place, name=name)
            continue
        if name in fields and f"{name}?" in (key.text, *(k.text for k, _ in node.items)):
            report.error("field-twice", key.place, name=name)
        fields[name] = Field(_type(value, f"{what}.{name}", key.place, report), required=name == key.text)
    return Record(fields)


def _type(node: Node, what: str, place: Place, report: Report) -> Type:
    if isinstance(node, MapNode):
        return _record(node, what, place, report)
    if isinstance(node, ListNode):
        if len(node.items) != 1:
            report.error("list-of-one", node.place)
        return ListOf(_type(node.items[0], what, place, report) if node.items else Record())
    if node.text in SCALARS:
        return SCALARS[node.text]
    _report_unknown(node, what, place, report)
    return ANY  # what it was meant to be is not known, so nothing that is mapped to it is wrong


def _report_unknown(node: ScalarNode, what: str, place: Place, report: Report) -> None:
    word = node.text.strip()
    base, _, size = word.partition("(")  # varchar(20)
    meant = _FOREIGN.get(base.strip().lower())
    if was_reported(node):
        return
    if not word:
        report.error("value-missing", place, key=what.rpartition(".")[2], what=what.rpartition(".")[0])
    elif word.endswith("?") and word[:-1] in SCALARS:
        report.error("type-optional", node.place, word=word, type=word[:-1], name=what.rpartition(".")[2])
    elif meant is not None or (size and base.strip() in SCALARS):
        report.error("type-unknown", node.place, word=word, near=meant or base.strip())
    else:
        report.unknown("type-unknown", node.place, word, SCALARS)


def _place_of_field(place: Place, node: Node, path: str) -> Place:
    """Where a field stands, by the path `merge` names it: `purchase_order.released: data.lines[].qty`."""
    for name in path.partition(": data.")[2].replace("[]", "").split("."):
        while isinstance(node, ListNode):
            node = node.items[0]
        items = node.items if isinstance(node, MapNode) else ()
        place, node = next((key.place, value) for key, value in items if key.text.removesuffix("?") == name)
    return place

"""`inbound:` and the replies of routes: how events are made."""

from collections.abc import Mapping

from bus.config.model import Making, Rule, System
from bus.config.nodes import MapNode, Node, ScalarNode
from bus.config.report import Report, Section
from bus.config.shapes import lets_of, loops_of, shape_of, source_of
from bus.types import EventType

KEYS = ("from", "when", "for", "if", "let", "event", "id", "subject", "time", "key", "map", "description", "owner")
REPLY_KEYS = ("event", "id", "subject", "time", "key", "map")


def read_rules(
    node: Node | None, systems: Mapping[str, System], events: Mapping[str, EventType], report: Report
) -> tuple[Rule, ...]:
    """Return the inbound rules; what is wrong with them is reported."""
    if node is None:
        return ()
    if not isinstance(node, MapNode):
        report.error("mapping-needed", node.place, what="inbound", known="wms-receipt: …")
        return ()
    rules = (_rule(key, value, systems, events, report) for key, value in node.items)
    return tuple(rule for rule in rules if rule is not None)


def _rule(
    key: ScalarNode, node: Node, systems: Mapping[str, System], events: Mapping[str, EventType], report: Report
) -> Rule | None:
    section = Section(node, KEYS, f"inbound.{key.text}", report)
    if not isinstance(node, MapNode):
        return None
    complete = section.need("from", "event", "id")
    system = section.scalar("from")
    if system is not None and check_system(system, systems, report) and systems[system.text].source is None:
        report.warning("system-without-source", system.place, system=system.text)
    making = read_making(section, events, report)
    order = [k.text for k, _ in node.items]
    if not complete or system is None:
        return None
    loops = section.get("for")
    return Rule(
        key.text, key.place, system.text, making,
        when=source_of(section.get("when"), report),
        loops=loops_of(loops, report) if loops is not None else (),
        condition=source_of(section.get("if"), report),
        lets=lets_of(section.get("let"), report),
        let_first="if" in order and "let" in order and order.index("let") < order.index("if"),
        description=section.text("description"),
    )


def read_reply(node: Node | None, what: str, events: Mapping[str, EventType], report: Report) -> Making | None:
    """`then:` or `otherwise:` of a route."""
    if node is None:
        return None
    section = Section(node, REPLY_KEYS, what, report)
    return read_making(section, events, report) if section.need("event") else None


def read_making(section: Section, events: Mapping[str, EventType], report: Report) -> Making:
    """The event that is made, and of what."""
    event = section.scalar("event")
    if event is not None and event.text not in events:
        report.unknown("event-unknown", event.place, event.text, events)
    map_node = section.get("map")
    if map_node is not None and not isinstance(map_node, MapNode):
        report.error("mapping-needed", map_node.place, what="map", known="po_no: document.…")
    return Making(
        event.text if event is not None else "",
        shape_of(map_node, report) if isinstance(map_node, MapNode) else None,
        event.place if event is not None else section.place,
        id=source_of(section.get("id"), report),
        subject=source_of(section.get("subject"), report),
        time=source_of(section.get("time"), report),
        key=source_of(section.get("key"), report),
    )


def check_system(node: ScalarNode, systems: Mapping[str, System], report: Report) -> bool:
    """Report a system that is not declared."""
    if node.text in systems:
        return True
    report.unknown("system-unknown", node.place, node.text, systems)
    return False

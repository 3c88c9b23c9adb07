"""`inbound:` and the replies of routes: how events are made."""

from collections.abc import Mapping

from bus.config.model import Making, Rule, System
from bus.config.nodes import MapNode, Node, ScalarNode
from bus.config.report import Report, Section, was_reported
from bus.config.shapes import group_of, let_first, lets_of, loops_of, source_of
from bus.mapping.shape import Group, Source
from bus.types import EventType

KEYS = ("from", "when", "for", "if", "let", "event", "id", "subject", "time", "key", "map", "description", "owner")
REPLY_KEYS = ("event", "id", "subject", "time", "key", "map")


def read_rules(
    node: MapNode | None, systems: Mapping[str, System], events: Mapping[str, EventType], report: Report
) -> tuple[Rule, ...]:
    """Return the inbound rules; what is wrong with them is reported."""
    rules = (_rule(key, value, systems, events, report) for key, value in (node.items if node is not None else ()))
    return tuple(rule for rule in rules if rule is not None)


def _rule(
    key: ScalarNode, node: Node, systems: Mapping[str, System], events: Mapping[str, EventType], report: Report
) -> Rule | None:
    section = Section(node, KEYS, f"inbound.{key.text}", report, key.place)
    if not isinstance(node, MapNode):
        return None
    section.need("from", "event", "id")
    system = section.scalar("from")
    if system is not None and check_system(system, systems, report) and systems[system.text].source is None:
        report.warning("system-without-source", system.place, system=system.text)
    return Rule(
        key.text, key.place, system.text if system is not None else "", read_making(section, events, report),
        when=source(section, "when"),
        loops=loops_of(section.get("for"), report),
        condition=source(section, "if"),
        lets=lets_of(section.get("let"), report),
        let_first=let_first(node),
        description=section.text("description"),
    )


def source(section: Section, key: str) -> Source | None:
    """The expression under a key."""
    return source_of(section.get(key), section.report, section.keys[key].place if key in section else None)


def read_reply(node: Node | None, what: str, events: Mapping[str, EventType], report: Report) -> Making | None:
    """`then:` or `otherwise:` of a route."""
    if node is None or was_reported(node):
        return None
    section = Section(node, REPLY_KEYS, what, report)
    section.need("event")
    return read_making(section, events, report) if section.readable else None


def read_making(section: Section, events: Mapping[str, EventType], report: Report) -> Making:
    """The event that is made, and of what."""
    event = section.scalar("event")
    if event is not None and event.text not in events:
        report.unknown("event-unknown", event.place, event.text, events, "hint-event-undeclared")
    map_ = _map(section, report)
    readable = event is not None and (map_ is not None or "map" not in section)
    return Making(
        event.text if event is not None and readable else "",
        map_,
        event.place if event is not None else section.place,
        id=source(section, "id"),
        subject=source(section, "subject"),
        time=source(section, "time"),
        key=source(section, "key"),
    )


def _map(section: Section, report: Report) -> Group | None:
    node = section.get("map")
    if node is None:
        return None
    if isinstance(node, MapNode):
        return group_of(node, report, section.keys["map"].place)
    if not was_reported(node):
        report.error("mapping-needed", section.keys["map"].place, what=f"{section.what}.map", known="po_no: document.…")
    return None


def check_system(node: ScalarNode, systems: Mapping[str, System], report: Report) -> bool:
    """Report a system that is not declared."""
    if node.text in systems:
        return True
    report.unknown("system-unknown", node.place, node.text, systems, "hint-system-undeclared")
    return False

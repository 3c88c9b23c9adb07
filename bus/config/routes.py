"""`routes:`: an event to a subscriber's own document."""

import fnmatch
from collections.abc import Mapping
from typing import cast

from bus.codecs.charsets import charset
from bus.config.durations import meant_duration, parse_duration
from bus.config.formats import FORMATS, check_shape, fixed_layout, read_options
from bus.config.model import Mode, Route, System
from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.report import Report, Section, was_reported
from bus.config.rules import check_system, read_reply, source
from bus.config.shapes import let_first, lets_of, loops_of, shape_of, source_of
from bus.errors import DocumentError
from bus.mapping.shape import Group, Leaf, Shape, Source
from bus.types import EventType

KEYS = (
    "on", "from", "when", "for", "if", "let", "to", *FORMATS, "encoding", "options", "name", "headers", "path",
    "then", "otherwise", "retry", "ordering", "mode", "description", "owner",
)
_Layout = Mapping[str, Mapping[str, object]]


def read_routes(
    node: MapNode | None, systems: Mapping[str, System], events: Mapping[str, EventType], report: Report
) -> tuple[Route, ...]:
    """Return the routes; what is wrong with them is reported."""
    routes = (_route(key, value, systems, events, report) for key, value in (node.items if node is not None else ()))
    return tuple(route for route in routes if route is not None)


def _route(
    key: ScalarNode, node: Node, systems: Mapping[str, System], events: Mapping[str, EventType], report: Report
) -> Route | None:
    what = f"routes.{key.text}"
    section = Section(node, KEYS, what, report, key.place)
    if not isinstance(node, MapNode):
        return None
    section.need("on", "to")
    types, untyped = _types(section, events)
    to = _targets(section, systems)
    format_, shape, layout = _format(key.text, section, [systems[name] for name in to])
    return Route(
        key.text, key.place, types, to,
        sources=tuple(n.text for n in section.texts("from") if check_system(n, systems, report)),
        untyped=untyped,
        when=source(section, "when"),
        loops=loops_of(section.get("for"), report),
        condition=source(section, "if"),
        lets=lets_of(section.get("let"), report),
        let_first=let_first(node),
        format=format_, shape=shape, layout=layout,
        options=read_options(section.get("options"), format_, f"{what}.options", report),
        encoding="" if (encoding := section.scalar("encoding")) is None else check_encoding(encoding, report),
        file_name=source(section, "name"), path=source(section, "path"), headers=_headers(section),
        then=read_reply(section.get("then"), f"{what}.then", events, report),
        otherwise=read_reply(section.get("otherwise"), f"{what}.otherwise", events, report),
        retry_s=_retry(section.get("retry"), report),
        ordered=section.choice("ordering", ("key", "none"), "none") == "key",
        mode=cast("Mode", section.choice("mode", ("live", "shadow", "off"), "live")),
        description=section.text("description"), owner=section.text("owner"),
    )


def _types(section: Section, events: Mapping[str, EventType]) -> tuple[tuple[str, ...], bool]:
    """The types a route listens to, and whether one of them is unknown, so that nobody knows all fields."""
    found: set[str] = set()
    nodes = section.texts("on")
    for node in nodes:
        matching = fnmatch.filter(events, node.text) if "*" in node.text else [node.text] if node.text in events else []
        found.update(matching)
        if matching:
            continue
        patterns = dict.fromkeys(f"{name.partition('.')[0]}.*" for name in events)
        section.report.unknown(
            "event-unknown", node.place, node.text, patterns if "*" in node.text else events, "hint-event-undeclared"
        )
        found.add("")
    return tuple(sorted(found - {""})), not nodes or "" in found


def _targets(section: Section, systems: Mapping[str, System]) -> tuple[str, ...]:
    report = section.report
    targets: dict[str, ScalarNode] = {}
    for node in section.texts("to"):
        if not check_system(node, systems, report):
            continue
        if systems[node.text].sink is None:
            report.error("system-without-sink", node.place, system=node.text)
        elif node.text in targets:
            report.error("target-twice", node.place, system=node.text)
        else:
            targets[node.text] = node
    return tuple(targets)


def _format(route: str, section: Section, targets: list[System]) -> tuple[str, Shape | None, _Layout]:
    report = section.report
    named = [name for name in section.nodes if name in FORMATS]
    if not named:
        return "", None, {}
    format_, *others = named
    for extra in others:
        report.error("two-formats", section.keys[extra].place, first=format_, second=extra, route=route)
    key, node = section.keys[format_], section.nodes[format_]
    for system in targets:
        sink = system.sink
        if sink is not None and format_ not in sink.adapter.formats:
            fields = {"system": system.name, "adapter": sink.adapter.name, "known": ", ".join(sink.adapter.formats)}
            report.error("format-not-taken", key.place, format=format_, **fields)
    layout: _Layout = {}
    if format_ == "fixed":
        node, layout = fixed_layout(node, key.place, report)
    shape = shape_of(node, report, key.place)
    check_shape(format_, shape, report)
    if format_ == "rows" and isinstance(shape, Leaf):
        shape = Group((), key.place)  # it was reported
    return format_, shape, layout


def check_encoding(node: ScalarNode, report: Report) -> str:
    """Return the name of a charset the codecs know, or ""; an unknown one is reported."""
    try:
        charset(node.text)
    except DocumentError as error:
        report.error("encoding-unknown", node.place, encoding=node.text, near=error.fields["nearest"])
        return ""
    return node.text


def _headers(section: Section) -> tuple[tuple[str, Source], ...]:
    node, report = section.get("headers"), section.report
    if node is None or was_reported(node):
        return ()
    if not isinstance(node, MapNode):
        report.error("mapping-needed", node.place, what="headers", known="X-Name: data.po_no")
        return ()
    pairs = ((key.text, source_of(value, report, key.place)) for key, value in node.items)
    return tuple((name, source) for name, source in pairs if source is not None)


def _retry(node: Node | None, report: Report) -> tuple[float, ...] | None:
    if node is None:
        return None
    delays = (read_duration(item, report) for item in (node.items if isinstance(node, ListNode) else (node,)))
    return tuple(delay for delay in delays if delay is not None)


def read_duration(node: Node, report: Report) -> float | None:
    """Seconds, or None for what is no duration, which is reported with what was probably meant."""
    text = node.text if isinstance(node, ScalarNode) else "…"
    seconds = parse_duration(text)
    if seconds is None and not was_reported(node):
        meant = meant_duration(text)
        report.error("duration-unclear", node.place, "hint-duration-meant" if meant else "", text=text, meant=meant)
    return seconds

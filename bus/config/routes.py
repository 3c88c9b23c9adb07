"""`routes:`: an event to a subscriber's own document."""

import fnmatch
from collections.abc import Mapping
from typing import cast

from bus.config.durations import parse_duration
from bus.config.formats import FORMATS, check_shape, fixed_layout
from bus.config.model import Mode, Route, System
from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.report import Report, Section, plain_value
from bus.config.rules import check_system, read_reply
from bus.config.shapes import lets_of, loops_of, shape_of, source_of
from bus.mapping.shape import Shape, Source
from bus.types import EventType

KEYS = (
    "on", "from", "when", "for", "if", "let", "to", *FORMATS, "encoding", "options", "name", "headers", "path",
    "then", "otherwise", "retry", "ordering", "mode", "description", "owner",
)
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "csv": ("header", "delimiter", "quote", "formulas"),
    "fixed": (), "json": (), "xml": (), "text": (), "rows": (), "": (),
}


def read_routes(
    node: Node | None, systems: Mapping[str, System], events: Mapping[str, EventType], report: Report
) -> tuple[Route, ...]:
    """Return the routes; what is wrong with them is reported."""
    if node is None:
        return ()
    if not isinstance(node, MapNode):
        report.error("mapping-needed", node.place, what="routes", known="po-to-wms: …")
        return ()
    routes = (_Route(key, value, systems, events, report).read() for key, value in node.items)
    return tuple(route for route in routes if route is not None)


class _Route:
    """One route while it is read."""

    def __init__(
        self, key: ScalarNode, node: Node, systems: Mapping[str, System], events: Mapping[str, EventType], report: Report
    ) -> None:
        self.key, self.node = key, node
        self.systems, self.events, self.report = systems, events, report
        self.section = Section(node, KEYS, f"routes.{key.text}", report)

    def read(self) -> Route | None:
        section = self.section
        if not isinstance(self.node, MapNode) or not section.need("on", "to"):
            return None
        types = self._types()
        to = tuple(node.text for node in section.texts("to") if self._is_target(node))
        sources = tuple(n.text for n in section.texts("from") if check_system(n, self.systems, self.report))
        format_, shape, layout = self._format(to)
        order = [key.text for key, _ in self.node.items]
        loops = section.get("for")
        what = f"routes.{self.key.text}"
        return Route(
            self.key.text, self.key.place, types, to, sources,
            when=self._source("when"),
            loops=loops_of(loops, self.report) if loops is not None else (),
            condition=self._source("if"),
            lets=lets_of(section.get("let"), self.report),
            let_first="if" in order and "let" in order and order.index("let") < order.index("if"),
            format=format_, shape=shape, layout=layout, options=self._options(format_),
            encoding=self._encoding(),
            file_name=self._source("name"), path=self._source("path"), headers=self._headers(),
            then=read_reply(section.get("then"), f"{what}.then", self.events, self.report),
            otherwise=read_reply(section.get("otherwise"), f"{what}.otherwise", self.events, self.report),
            retry_s=self._retry(),
            ordered=section.choice("ordering", ("key", "none"), "none") == "key",
            mode=cast("Mode", section.choice("mode", ("live", "shadow", "off"), "live")),
            description=section.text("description"), owner=section.text("owner"),
        )

    def _source(self, key: str) -> Source | None:
        return source_of(self.section.get(key), self.report)

    def _types(self) -> tuple[str, ...]:
        found: set[str] = set()
        for node in self.section.texts("on"):
            if "*" in node.text:
                matching = fnmatch.filter(self.events, node.text)
                if not matching:
                    self.report.unknown("event-unknown", node.place, node.text, self.events)
                found.update(matching)
            elif node.text in self.events:
                found.add(node.text)
            else:
                self.report.unknown("event-unknown", node.place, node.text, self.events)
        return tuple(sorted(found))

    def _is_target(self, node: ScalarNode) -> bool:
        if not check_system(node, self.systems, self.report):
            return False
        system = self.systems[node.text]
        if system.sink is None and not system.broken_sink:
            self.report.error("system-without-sink", node.place, system=node.text)
            return False
        return True

    def _format(self, to: tuple[str, ...]) -> tuple[str, Shape | None, Mapping[str, Mapping[str, object]]]:
        named = [name for name in FORMATS if name in self.section]
        if not named:
            return "", None, {}
        for extra in named[1:]:
            place = self.section.keys[extra].place
            self.report.error("two-formats", place, first=named[0], second=extra, route=self.key.text)
        format_ = named[0]
        key = self.section.keys[format_]
        for name in to:
            sink = self.systems[name].sink
            if sink is not None and format_ not in sink.adapter.formats:
                known = ", ".join(sink.adapter.formats)
                self.report.error(
                    "format-not-taken", key.place, format=format_, system=name, adapter=sink.adapter.name, known=known
                )
        node = self.section.nodes[format_]
        layout: Mapping[str, Mapping[str, object]] = {}
        if format_ == "fixed":
            node, layout = fixed_layout(node, self.report)
        shape = shape_of(node, self.report)
        if shape is not None:
            check_shape(format_, shape, self.report)
        return format_, shape, layout

    def _options(self, format_: str) -> Mapping[str, object]:
        node = self.section.get("options")
        if node is None:
            return {}
        Section(node, OPTIONS[format_], f"routes.{self.key.text}.options", self.report)
        value = plain_value(node)
        return value if isinstance(value, dict) else {}

    def _encoding(self) -> str:
        node = self.section.scalar("encoding")
        if node is None:
            return ""
        try:
            "".encode(node.text)
        except LookupError:
            self.report.error("encoding-unknown", node.place, encoding=node.text)
            return ""
        return node.text

    def _headers(self) -> tuple[tuple[str, Source], ...]:
        node = self.section.get("headers")
        if node is None:
            return ()
        if not isinstance(node, MapNode):
            self.report.error("mapping-needed", node.place, what="headers", known="X-Name: expression")
            return ()
        pairs = ((key.text, source_of(value, self.report)) for key, value in node.items)
        return tuple((name, source) for name, source in pairs if source is not None)

    def _retry(self) -> tuple[float, ...] | None:
        node = self.section.get("retry")
        if node is None:
            return None
        delays = []
        for item in node.items if isinstance(node, ListNode) else (node,):
            seconds = parse_duration(item.text) if isinstance(item, ScalarNode) else None
            if seconds is None:
                text = item.text if isinstance(item, ScalarNode) else "…"
                self.report.error("duration-unclear", item.place, text=text)
            else:
                delays.append(seconds)
        return tuple(delays)


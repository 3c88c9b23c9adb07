"""`systems:`: who there is, how documents come from them, how deliveries reach them."""

import re
from collections.abc import Mapping
from typing import Any

from bus.adapter import AdapterSpec, SinkOptions, SourceOptions
from bus.codecs import SOURCE_FORMATS
from bus.config.formats import FORMATS
from bus.config.model import FailureRule, SinkEnd, SourceEnd, System
from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.options import AdapterOptions, extra_of
from bus.config.report import Report, Section, was_reported
from bus.config.shapes import source_of
from bus.functions import check_zone
from bus.mapping.shape import Source
from bus.nearest import nearest

KEYS = ("zone", "source", "sink", "description", "owner")
DEFAULT_ZONE = "Asia/Shanghai"
_NAME = re.compile(r"[^\W_][\w-]*")
_SPECIAL_NAMES = ("bus",)  # the column of canonical codes in every lookup
_UNKNOWN = AdapterSpec("", SourceOptions, None, SinkOptions, None, FORMATS)  # for one that is not there


def read_systems(
    node: Node | None, adapters: Mapping[str, AdapterSpec], filled: frozenset[int], report: Report
) -> Mapping[str, System]:
    """Return the systems; what is wrong with them is reported.

    Args:
        filled: ids of the scalars the environment filled: their secrets are not written out.
    """
    systems = {}
    for key, value in node.items if isinstance(node, MapNode) else ():
        if _NAME.fullmatch(key.text) is None or key.text in _SPECIAL_NAMES:
            report.error("system-name", key.place, name=key.text)
        systems[key.text] = _system(key, value, adapters, filled, report)
    return systems


def _system(
    key: ScalarNode, node: Node, adapters: Mapping[str, AdapterSpec], filled: frozenset[int], report: Report
) -> System:
    section = Section(node, KEYS, f"systems.{key.text}", report, key.place)
    zone = section.text("zone", DEFAULT_ZONE)
    if check_zone(zone) is not None:
        report.error("zone-unknown", section.place_of("zone"), zone=zone)
        zone = DEFAULT_ZONE
    ends = {side: _End(section, side, key.text, adapters, filled) for side in ("source", "sink")}
    return System(
        key.text, key.place, zone, ends["source"].source(), ends["sink"].sink(),
        section.text("description"), section.text("owner"),
    )


class _End:
    """One `source:` or `sink:`, whose options the adapter's own model validates."""

    def __init__(
        self, system: Section, side: str, name: str, adapters: Mapping[str, AdapterSpec], filled: frozenset[int]
    ) -> None:
        self.report, self.side, self.name, self.filled = system.report, side, name, filled
        self.node = system.get(side)
        self.place = system.keys[side].place if side in system else system.place
        self.what = f"systems.{name}.{side}"
        self.adapters = adapters

    def source(self) -> SourceEnd | None:
        """The source's adapter and options; None where there is none."""
        chosen = self._options()
        if chosen is None:
            return None
        spec, options = chosen
        assert isinstance(self.node, MapNode)  # noqa: S101 - for the type checker; _options looked
        format_ = self.node.get("format")
        if isinstance(format_, ScalarNode) and format_.text not in SOURCE_FORMATS and not was_reported(format_):
            self.report.unknown("format-unknown", format_.place, format_.text, SOURCE_FORMATS)
        return SourceEnd(spec, options, self.node.place)

    def sink(self) -> SinkEnd | None:
        """The sink's adapter, options and expressions; None where there is none."""
        chosen = self._options()
        if chosen is None:
            return None
        spec, options = chosen
        assert isinstance(self.node, MapNode)  # noqa: S101 - for the type checker; _options looked
        fields = (spec.sink_options or SinkOptions).model_fields
        computed = {
            name: source for name, info in fields.items()
            if extra_of(info).get("expression") == "delivery" and (source := self._source(self.node, name)) is not None
        }
        return SinkEnd(
            spec, options, self.node.place, self._source(self.node, "success"), tuple(self._failures()), computed
        )

    def _source(self, node: MapNode, key: str) -> Source | None:
        place = next((typed.place for typed, _ in node.items if typed.text == key), None)
        return source_of(node.get(key), self.report, place)

    def _failures(self) -> list[FailureRule]:
        node = self.node.get("failures") if isinstance(self.node, MapNode) else None
        rules = []
        for rule in node.items if isinstance(node, ListNode) else ():
            if isinstance(rule, MapNode) and (when := self._source(rule, "when")) is not None:
                do = rule.get("do")
                rules.append(FailureRule(when, do.text if isinstance(do, ScalarNode) else "dead"))
        return rules

    def _options(self) -> tuple[AdapterSpec, Any] | None:
        """The adapter with its options, checked; wrong ones are reported and stand in for right ones."""
        if self.node is None or was_reported(self.node):
            return None
        if not isinstance(self.node, MapNode):
            self._report_short(self.node)
            self.node = MapNode((), self.place)
            return _UNKNOWN, (SourceOptions if self.side == "source" else SinkOptions)()
        spec = self._adapter(self.node)
        model = spec.source_options if self.side == "source" else spec.sink_options
        if model is None:
            named = self.node.get("adapter")
            known = [a.name for a in self.adapters.values() if getattr(a, f"{self.side}_options") is not None]
            assert named is not None  # noqa: S101 - for the type checker; the adapter was found by it
            fields = {"adapter": spec.name, "side": self.side, "known": ", ".join(known)}
            self.report.error("adapter-one-sided", named.place, **fields)
        if spec is _UNKNOWN or model is None:
            return _UNKNOWN, (SourceOptions if self.side == "source" else SinkOptions)()
        return spec, AdapterOptions(self.node, model, self.what, self.place, self.filled, self.report).read(spec)

    def _report_short(self, node: Node) -> None:
        """`sink: queue` for `sink: {adapter: queue}`."""
        word = node.text if isinstance(node, ScalarNode) else ""
        meant = word if word in self.adapters else nearest(word, self.adapters) or "http"
        place = node.place if word.strip() else self.place
        self.report.error("adapter-needed", place, what=self.what, side=self.side, adapter=meant)

    def _adapter(self, node: MapNode) -> AdapterSpec:
        named = node.get("adapter")
        if named is None or (isinstance(named, ScalarNode) and not named.text.strip()):
            typed = next((key for key, _ in node.items if nearest(key.text, ("adapter",))), None)
            if typed is not None:
                self.report.error("unknown-option", typed.place, word=typed.text, near="adapter", what=self.what)
            elif named is None or not was_reported(named):
                place = self.place if named is None else named.place
                self.report.error("key-missing", place, key="adapter", what=self.what)
        elif not isinstance(named, ScalarNode):
            self.report.error("one-value-needed", named.place, key="adapter", what=self.what)
        elif named.text in self.adapters:
            return self.adapters[named.text]
        else:
            self.report.unknown("adapter-unknown", named.place, named.text, self.adapters)
        return _UNKNOWN


def computed(end: SinkEnd | None, option: str, own: Source | None) -> Source | None:
    """The expression for `name` or `path`: the route's own, else the system's."""
    if own is not None or end is None:
        return own
    return end.expressions.get(option)

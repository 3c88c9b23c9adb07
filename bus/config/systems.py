"""`systems:`: who there is, how documents come from them, how deliveries reach them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from bus.adapter import AdapterSpec, SinkOptions, SourceOptions
from bus.config.durations import parse_duration
from bus.config.model import FailureRule, SinkEnd, SourceEnd, System
from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.report import Report, Section, plain_value
from bus.config.shapes import source_of
from bus.mapping.shape import Source
from bus.places import Place

KEYS = ("zone", "source", "sink", "description", "owner")
_NAME = re.compile(r"[^\W_][\w-]*")
_PASSWORD_IN_URL = re.compile(r"://[^/@:\s]*:([^/@\s]+)@")
_SECRET_HEADERS = ("authorization", "token", "secret", "api-key", "apikey", "password", "cookie")
_SPECIAL_NAMES = ("bus",)  # the column of canonical codes in every lookup


def read_systems(
    node: Node | None, adapters: Mapping[str, AdapterSpec], filled: frozenset[int], report: Report
) -> Mapping[str, System]:
    """Return the systems; what is wrong with them is reported.

    Args:
        filled: ids of the scalars the environment filled: their secrets are not written out.
    """
    if node is None:
        return {}
    if not isinstance(node, MapNode):
        report.error("mapping-needed", node.place, what="systems", known="erp: …")
        return {}
    systems = {}
    for key, value in node.items:
        if _NAME.fullmatch(key.text) is None or key.text in _SPECIAL_NAMES:
            report.error("system-name", key.place, name=key.text)
        systems[key.text] = _system(key, value, adapters, filled, report)
    return systems


def _system(
    key: ScalarNode, node: Node, adapters: Mapping[str, AdapterSpec], filled: frozenset[int], report: Report
) -> System:
    section = Section(node, KEYS, f"systems.{key.text}", report)
    zone = section.text("zone", "Asia/Shanghai")
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        report.error("zone-unknown", section.place_of("zone"), zone=zone)
        zone = "Asia/Shanghai"
    source = sink = None
    if (end := section.get("source")) is not None:
        source = _End(end, "source", key.text, adapters, filled, report).source()
    if (end := section.get("sink")) is not None:
        sink = _End(end, "sink", key.text, adapters, filled, report).sink()
    broken = sink is None and "sink" in section
    return System(key.text, key.place, zone, source, sink, broken, section.text("description"), section.text("owner"))


class _End:
    """One `source:` or `sink:`, whose options the adapter's own model validates."""

    def __init__(
        self, node: Node, side: str, system: str, adapters: Mapping[str, AdapterSpec],
        filled: frozenset[int], report: Report,
    ) -> None:
        self.node, self.side, self.system = node, side, system
        self.adapters, self.filled, self.report = adapters, filled, report
        self.what = f"systems.{system}.{side}"

    def _chosen(self) -> tuple[AdapterSpec, type[Any]] | None:
        if not isinstance(self.node, MapNode):
            self.report.error("mapping-needed", self.node.place, what=self.what, known="adapter: http, …")
            return None
        named = self.node.get("adapter")
        if not isinstance(named, ScalarNode):
            self.report.error("key-missing", self.node.place, key="adapter", what=self.what)
            return None
        spec = self.adapters.get(named.text)
        if spec is None:
            self.report.unknown("adapter-unknown", named.place, named.text, self.adapters)
            return None
        model = spec.source_options if self.side == "source" else spec.sink_options
        if model is None:
            self.report.error("adapter-one-sided", named.place, adapter=named.text, side=self.side)
            return None
        return spec, model

    def source(self) -> SourceEnd | None:
        """The source's adapter and options, or None when they are wrong."""
        chosen = self._chosen()
        if chosen is None:
            return None
        options = self._options(chosen[1])
        if not isinstance(options, SourceOptions):
            return None
        self._check(chosen[0], options)
        return SourceEnd(chosen[0], options, self.node.place)

    def sink(self) -> SinkEnd | None:
        """The sink's adapter, options and expressions, or None when they are wrong."""
        chosen = self._chosen()
        if chosen is None:
            return None
        options = self._options(chosen[1])
        if not isinstance(options, SinkOptions):
            return None
        self._check(chosen[0], options)
        assert isinstance(self.node, MapNode)  # noqa: S101 - for the type checker; _chosen looked
        failures = self.node.get("failures")
        rules = []
        for rule in failures.items if isinstance(failures, ListNode) else ():
            when = source_of(rule.get("when"), self.report) if isinstance(rule, MapNode) else None
            do = rule.get("do") if isinstance(rule, MapNode) else None
            if when is not None and isinstance(do, ScalarNode):
                rules.append(FailureRule(when, do.text))
        computed = {
            name: source for name, info in chosen[1].model_fields.items()
            if _extra(info).get("expression") == "delivery"
            and (source := source_of(self.node.get(name), self.report)) is not None
        }
        success = source_of(self.node.get("success"), self.report)
        return SinkEnd(chosen[0], options, self.node.place, success, tuple(rules), computed)

    def _options(self, model: type[Any]) -> BaseModel | None:
        assert isinstance(self.node, MapNode)  # noqa: S101 - for the type checker; _chosen looked
        fields = model.model_fields
        values = {}
        for key, value in self.node.items:
            if key.text == "adapter":
                continue
            if key.text not in fields:
                self.report.unknown("unknown-option", key.place, key.text, fields, what=self.what)
                continue
            self._check_secret(key.text, value, _extra(fields[key.text]))
            values[key.text] = self._value(value, fields[key.text])
        try:
            options: BaseModel = model.model_validate(values)
        except ValidationError as error:
            self._report_options(error)
            return None
        return options

    def _value(self, node: Node, info: FieldInfo) -> object:
        if "duration" not in _extra(info):
            return plain_value(node)
        if isinstance(node, ListNode):
            return [self._duration(item) for item in node.items]
        return self._duration(node)

    def _duration(self, node: Node) -> float:
        seconds = parse_duration(node.text) if isinstance(node, ScalarNode) else None
        if seconds is None:
            text = node.text if isinstance(node, ScalarNode) else "…"
            self.report.error("duration-unclear", node.place, text=text)
            return 1.0
        return seconds

    def _check_secret(self, key: str, node: Node, extra: Mapping[str, Any]) -> None:
        """A secret written out in the file instead of taken from the environment."""
        for name, scalar in _scalars(key, node):
            if id(scalar) in self.filled:
                continue
            in_url = _PASSWORD_IN_URL.search(scalar.text)
            headed = key == "headers" and any(word in name.lower() for word in _SECRET_HEADERS)
            if in_url:
                place = scalar.place_of(in_url.start(1), len(in_url[1]))
                self.report.error("secret-written-out", place, key=f"{self.what}.{key}", env=self._env(key))
            elif headed or (extra.get("secret") and "://" not in scalar.text and key not in ("url", "headers") and scalar.text):
                self.report.error("secret-written-out", scalar.place, key=f"{self.what}.{key}", env=self._env(key))

    def _env(self, key: str) -> str:
        return f"{self.system}_{key}".upper().replace("-", "_")

    def _report_options(self, error: ValidationError) -> None:
        for fault in error.errors(include_input=False, include_url=False):
            path = tuple(part for part in fault["loc"] if isinstance(part, str | int))
            place = _place(self.node, path)
            option = ".".join(str(part) for part in path)
            if fault["type"] == "missing":
                self.report.error("key-missing", place, key=option, what=self.what)
            elif fault["type"] == "extra_forbidden":
                self.report.error("unknown-key", place, word=path[-1], known="", what=self.what)
            else:
                self.report.error("option-invalid", place, option=option, reason=fault["msg"])

    def _check(self, spec: AdapterSpec, options: Any) -> None:
        for option, error in spec.check(options) if spec.check is not None else ():
            self.report.error(error.code, _place(self.node, (option,)), **error.fields)


def _extra(info: FieldInfo) -> Mapping[str, Any]:
    """The marks of an option; of a list, those of its items."""
    found: dict[str, Any] = {}
    for part in _annotations(info.annotation):
        for mark in getattr(part, "__metadata__", ()):
            extra = getattr(mark, "json_schema_extra", None)
            found.update(extra if isinstance(extra, dict) else {})
    for mark in (info, *info.metadata):
        extra = getattr(mark, "json_schema_extra", None)
        found.update(extra if isinstance(extra, dict) else {})
    return found


def _annotations(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _annotations(inner)


def _scalars(key: str, node: Node) -> Iterator[tuple[str, ScalarNode]]:
    if isinstance(node, ScalarNode):
        yield key, node
    elif isinstance(node, MapNode):
        for inner, value in node.items:
            yield from _scalars(inner.text, value)
    else:
        for item in node.items:
            yield from _scalars(key, item)


def _place(node: Node, path: tuple[str | int, ...]) -> Place:
    """Where an option stands; the innermost part of the path that is there."""
    for part in path:
        inner: Node | None = None
        if isinstance(node, MapNode) and isinstance(part, str):
            inner = node.get(part)
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            inner = node.items[part]
        if inner is None:
            break
        node = inner
    return node.place


def computed(end: SinkEnd | None, option: str, own: Source | None) -> Source | None:
    """The expression for `name` or `path`: the route's own, else the system's."""
    if own is not None or end is None:
        return own
    return end.expressions.get(option)

"""An adapter's options: read by its own pydantic model, what that finds told with place and remedy."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bus.adapter import AdapterSpec
from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.report import Report, plain_value, was_reported
from bus.config.routes import check_encoding, read_duration
from bus.config.secrets import check_secret
from bus.nearest import nearest
from bus.places import Place

_Path = tuple[str | int, ...]
_CHOICES = re.compile(r"\^\(([\w|]+)\)\$")  # a pattern that is nothing but a few words
_SIGNS = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}
_SIZE = re.compile(r"(\d+) *([kmg])(i?)b?", re.ASCII | re.IGNORECASE)  # 10MB
# What pydantic calls a fault → our code.
_CODES = {
    **dict.fromkeys(("int_parsing", "int_type", "int_from_float", "int_parsing_size"), "option-integer"),
    **dict.fromkeys(("bool_parsing", "bool_type"), "option-boolean"),
    **dict.fromkeys(("list_type", "tuple_type"), "option-list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "option-mapping"),
    **dict.fromkeys(("string_type", "string_too_short"), "option-text"),
}  # fmt: skip


class AdapterOptions:
    """The options of one `source:` or `sink:` while they are read.

    Args:
        what: `systems.wms.sink`. place: of that key, where a missing option is told.
        filled: ids of the scalars the environment filled.
    """

    def __init__(
        self, node: MapNode, model: type[BaseModel], what: str, place: Place, filled: frozenset[int], report: Report
    ) -> None:
        self.node, self.model, self.what, self.place = node, model, what, place
        self.filled, self.report = filled, report
        self.meant = {""}  # what unknown options probably are, and what was reported: none of these is missing

    def read(self, spec: AdapterSpec) -> Any:
        """Return the options; where they are wrong, which is reported, something like them."""
        values = dict(self._values())
        try:
            options: BaseModel = self.model.model_validate(values)
        except ValidationError as error:
            self._report(error.errors(include_input=False, include_url=False))
            return self.model.model_construct()
        for option, fault in spec.check(options) if spec.check is not None else ():
            self.report.error(fault.code, _found(self.node, (option,))[1].place, **fault.fields)
        return options

    def _values(self) -> Iterator[tuple[str, object]]:
        fields = self.model.model_fields
        for key, value in self.node.items:
            if key.text == "adapter" or not key.text:
                continue
            if key.text not in fields:
                near = self.report.unknown("unknown-option", key.place, key.text, ("adapter", *fields), what=self.what)
                self.meant.add(near or "")
                continue
            if was_reported(value):
                self.meant.add(key.text)
                continue
            if isinstance(value, ScalarNode) and not value.text and value.sheet is None:
                continue  # `${NAME:-}` with nothing in it is as if the option were not there
            extra = extra_of(fields[key.text])
            check_secret(key.text, value, self.what, self.filled, self.report, secret=bool(extra.get("secret")))
            if key.text == "encoding" and isinstance(value, ScalarNode):
                check_encoding(value, self.report)
            yield key.text, self._value(value, fields[key.text], extra)

    def _value(self, node: Node, info: FieldInfo, extra: Mapping[str, Any]) -> object:
        several = getattr(info.annotation, "__origin__", None) is list
        if "duration" not in extra:
            return [plain_value(node)] if several and isinstance(node, ScalarNode) and node.text else plain_value(node)
        items = node.items if isinstance(node, ListNode) else (node,)
        seconds = [1.0 if delay is None else delay for delay in (read_duration(item, self.report) for item in items)]
        return seconds if several or isinstance(node, ListNode) else seconds[0]

    def _report(self, faults: Iterable[ErrorDetails]) -> None:
        """Tell each fault once: of a value that may be this or that, pydantic names what is wrong with either."""
        found = [(*_found(self.node, fault["loc"]), fault) for fault in faults]
        told: set[_Path] = set()
        for path, node, fault in found:
            mark = (*path, fault["loc"][-1]) if fault["type"] in ("missing", "extra_forbidden") else path
            deeper = any(len(other) > len(path) and other[: len(path)] == path for other, _, _ in found)
            if mark not in told and not (deeper and mark == path):
                told.add(mark)
                self._tell(path, node, fault)

    def _tell(self, path: _Path, node: Node, fault: ErrorDetails) -> None:
        kind, context = fault["type"], fault.get("ctx", {})
        option, word = _written(path), str(fault["loc"][-1])
        what = f"{self.what}.{option}" if option else self.what
        text = node.text if isinstance(node, ScalarNode) else "…"
        if kind == "missing":
            if len(fault["loc"]) > 1 or word not in self.meant:
                self._missing(path, node, word, what)
        elif kind == "extra_forbidden":
            self._unknown(path[:-1], word)
        elif kind == "literal_error" or (kind == "string_pattern_mismatch" and _CHOICES.match(context["pattern"])):
            choices = re.findall(r"\w+", context.get("expected", "").replace(" or ", " ") or context["pattern"])
            self.report.unknown("unknown-choice", node.place, text, choices, key=option)
        elif kind == "string_pattern_mismatch" and context["pattern"].startswith("^/"):
            self.report.error("option-path", node.place, option=option, text=text, path=f"/{text.lstrip('/')}")
        elif kind in _SIGNS:
            limit = next(value for name, value in context.items() if name in ("gt", "ge", "lt", "le"))
            self.report.error("option-range", node.place, option=option, sign=_SIGNS[kind], limit=f"{limit:g}")
        elif _CODES.get(kind) == "option-integer" and (size := _SIZE.fullmatch(text)) is not None:
            count = int(size[1]) * (1024 if size[3] else 1000) ** " kmg".index(size[2].lower())
            self.report.error("option-integer", node.place, "hint-option-bytes", option=option, bytes=count)
        elif kind in _CODES:
            self.report.error(_CODES[kind], node.place, option=option)
        else:
            self.report.error("option-invalid", node.place, option=option, reason=fault["msg"])

    def _missing(self, path: _Path, node: Node, word: str, what: str) -> None:
        keys = [key.text for key, _ in node.items] if isinstance(node, MapNode) else []
        known = _model_at(self.model, path).model_fields
        if not any(key not in known and nearest(key, known) == word for key in keys):
            value = node.get(word) if isinstance(node, MapNode) else None
            place = value.place if value is not None else node.place if path else self.place
            self.report.error("key-missing", place, key=word, what=what)

    def _unknown(self, path: _Path, word: str) -> None:
        """A key that a mapping among the options does not have; those of the options themselves were told."""
        _, parent = _found(self.node, path)
        place = next((key.place for key, _ in parent.items if key.text == word), parent.place) if isinstance(
            parent, MapNode) else parent.place
        known = _model_at(self.model, path).model_fields
        self.report.unknown("unknown-key", place, word, known, what=f"{self.what}.{_written(path)}")


def extra_of(info: FieldInfo) -> Mapping[str, Any]:
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


def _model_at(model: type[BaseModel], path: _Path) -> type[BaseModel]:
    """The model of what stands at a path of the options."""
    for part in path:
        info = model.model_fields.get(str(part))
        if info is not None:
            inner = [a for a in _annotations(info.annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
            model = inner[0] if inner else model
    return model


def _found(node: Node, path: Iterable[str | int]) -> tuple[_Path, Node]:
    """The node at a path and the part of the path that is there; pydantic's names of alternatives are not."""
    there: list[str | int] = []
    for part in path:
        inner: Node | None = None
        if isinstance(node, MapNode) and isinstance(part, str):
            inner = node.get(part)
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            inner = node.items[part]
        if inner is not None:
            there.append(part)
            node = inner
    return tuple(there), node


def _written(path: _Path) -> str:
    """A path as people write it: `failures[0].do`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")

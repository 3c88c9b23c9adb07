"""The JSON Schema of routing.yaml, with which editors complete keys, explain them and mark wrong ones.

Draft 7, which editors know best. It is made of the same tables lint reads by: the key tables, the event
types and the adapters' own options. What only lint can know, such as expressions, it lets pass.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from bus.adapter import AdapterSpec
from bus.config import load, routes, rules, systems
from bus.config.formats import COLUMN_KEYS, CSV_KEYS, FORMATS
from bus.event_types import shipped
from bus.texts import TEXTS
from bus.types import SCALARS

Schema = dict[str, Any]

_SCALAR = ["string", "number", "boolean", "null"]
_ENVIRONMENT = {"type": "string", "pattern": r"\$\{"}  # a text that the environment fills may be anything
_DURATION = r"^[0-9]{1,9}(ms|s|m|h|d)$|\$\{"


def routing_schema(adapters: Mapping[str, AdapterSpec]) -> Schema:
    """Return the schema of routing.yaml and of each file of a folder of them."""
    properties = {
        "version": {"enum": [1, "1"]},
        "systems": _mapping(_reference("system")),
        "lookups": _mapping(_reference("lookup")),
        "events": _mapping(_reference("record")),
        "inbound": _mapping(_reference("rule")),
        "routes": _mapping(_reference("route")),
    }
    assert set(properties) == set(load.TOP_KEYS)  # noqa: S101 - one table of keys, seen from two sides
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "routing.yaml",
        **_keyed({name: _nullable(schema) if name != "version" else schema for name, schema in properties.items()}),
        "definitions": {**_parts(), **_ends(adapters)},
    }


def _parts() -> Schema:
    expression, shape = _reference("expression"), _reference("shape")
    loops = _one_or_several({"type": "string"})
    lets = {"type": "object", "additionalProperties": expression}
    group = {"for": loops, "if": expression, "let": lets}
    own = dict.fromkeys(("when", "if", "id", "subject", "time", "key", "name", "path"), expression)
    words = {name: {"type": "string"} for name in ("description", "owner", "encoding")}
    event = {"anyOf": [{"enum": sorted(shipped())}, {"type": "string"}]}
    shared = {**own, **words, "for": loops, "let": lets}
    route = {
        **shared,
        "on": _one_or_several(event), "from": _names(), "to": _names(),
        **dict.fromkeys(FORMATS, shape), "fixed": _reference("columns"),
        "options": _keyed({
            "header": {"type": "boolean"}, "delimiter": {"type": "string"}, "quote": {"type": "string"},
            "formulas": {"enum": ["keep"]},
        }),
        "headers": {"type": "object", "additionalProperties": expression},
        "then": _reference("reply"), "otherwise": _reference("reply"),
        "retry": _one_or_several(_reference("duration")),
        "ordering": {"enum": ["key", "none"]}, "mode": {"enum": ["live", "shadow", "off"]},
    }
    mapped = {"type": "object", "additionalProperties": shape}
    made = {**shared, "from": {"type": "string"}, "event": event, "map": mapped}
    column = _keyed({
        "value": expression, "width": {"anyOf": [{"type": "integer", "minimum": 1}, _ENVIRONMENT]},
        "align": {"enum": ["left", "right"]}, "fill": {"type": ["string", "integer"]},
    }, required=("value", "width"))
    columns = {"type": "object", "properties": group, "additionalProperties": column}
    assert tuple(column["properties"]) == COLUMN_KEYS  # noqa: S101 - one table of keys, seen from two sides
    assert tuple(route["options"]["properties"]) == CSV_KEYS  # noqa: S101 - the same
    return {
        "expression": {"type": _SCALAR, "description": _about("expression")},
        "duration": {"type": "string", "pattern": _DURATION, "description": _about("duration")},
        "shape": {
            "description": _about("shape"),
            "anyOf": [expression, _reference("group"), {"type": "array", "items": shape}],
        },
        "group": {"type": "object", "properties": _described(group), "additionalProperties": shape},
        "columns": {"anyOf": [columns, {"type": "array", "items": columns}]},
        "type": {"anyOf": [
            {"enum": list(SCALARS)}, _reference("record"),
            {"type": "array", "items": _reference("type"), "minItems": 1, "maxItems": 1},
        ]},
        "record": _mapping(_reference("type")),
        "lookup": {"anyOf": [{"type": "string"}, _keyed(
            {"file": {"type": "string"}, "encoding": {"type": "string"}, "key": _names()}, required=("file",),
            about={"encoding": "lookup-encoding", "key": "lookup-key"},
        )]},
        "rule": _keyed({key: made[key] for key in rules.KEYS}, required=("from", "event", "id")),
        "reply": _keyed({key: made[key] for key in rules.REPLY_KEYS}, required=("event",)),
        "route": _keyed({key: route[key] for key in routes.KEYS}, required=("on", "to")),
    }


def _ends(adapters: Mapping[str, AdapterSpec]) -> Schema:
    """The two ends of a system, whose options are those of their adapter."""
    ends = {
        side: {"anyOf": [
            _options(spec.name, model) for spec in adapters.values()
            if (model := spec.source_options if side == "source" else spec.sink_options) is not None
        ]}
        for side in ("source", "sink")
    }
    properties = {
        "zone": {"type": "string"}, "source": _reference("source"), "sink": _reference("sink"),
        "description": {"type": "string"}, "owner": {"type": "string"},
    }
    return {**ends, "system": _keyed({key: properties[key] for key in systems.KEYS})}


def _options(adapter: str, model: Any) -> Schema:
    """The options of one adapter; `adapter` itself says whose they are."""
    made: Schema = model.model_json_schema()
    inner = made.pop("$defs", {})
    properties = {name: _option(schema, inner) for name, schema in made["properties"].items()}
    return {
        "type": "object",
        "description": made.get("description", ""),
        "properties": {"adapter": {"const": adapter, "description": _about("adapter")}, **properties},
        "required": ["adapter", *made.get("required", ())],
        "additionalProperties": False,
    }


def _option(schema: Schema, inner: Mapping[str, Schema]) -> Schema:
    """An option as YAML writes it: durations and expressions as texts, and everywhere the environment's."""
    about = {"description": schema["description"]} if schema.get("description") else {}
    if "$ref" in schema:
        return {**_option(inner[schema["$ref"].rpartition("/")[2]], inner), **about}
    if schema.get("duration"):
        return {**_reference("duration"), **about}
    if "expression" in schema:
        return {**_reference("expression"), **about}
    if "anyOf" in schema:
        return {**about, "anyOf": [_option(one, inner) for one in schema["anyOf"]]}
    if schema.get("type") == "array":
        items = _option(schema.get("items", {}), inner)
        return {**about, "anyOf": [{"type": "array", "items": items}, items]}
    if schema.get("type") == "object":
        return {**about, **_object(schema, inner)}
    kept = {name: value for name, value in schema.items() if name not in ("title", "default", "secret", "description")}
    if "enum" in kept or "pattern" in kept:
        return {**about, "anyOf": [kept, _ENVIRONMENT]}
    if kept.get("type") == "string":
        return {**about, "type": ["string", "number", "boolean"]}  # any scalar is a text where one is asked for
    return {**about, "anyOf": [kept, _ENVIRONMENT]} if kept.get("type") != "null" else kept


def _object(schema: Schema, inner: Mapping[str, Schema]) -> Schema:
    if "properties" in schema:
        properties = {name: _option(one, inner) for name, one in schema["properties"].items()}
        required = schema.get("required", [])
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    values = schema.get("additionalProperties", True)
    return {"type": "object", "additionalProperties": _option(values, inner) if isinstance(values, dict) else values}


def _reference(name: str) -> Schema:
    # `allOf`, since draft 7 reads nothing that stands beside a bare $ref.
    return {"allOf": [{"$ref": f"#/definitions/{name}"}]}


def _mapping(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def _nullable(schema: Schema) -> Schema:
    """`routes:` with nothing below it yet."""
    return {**schema, "type": ["object", "null"]}


def _names() -> Schema:
    return _one_or_several({"type": "string"})


def _one_or_several(one: Schema) -> Schema:
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _keyed(
    properties: Mapping[str, Schema], required: Iterable[str] = (), about: Mapping[str, str] | None = None
) -> Schema:
    """A mapping of known keys, each with its description."""
    described = _described(properties, about or {})
    return {"type": "object", "properties": described, "required": list(required), "additionalProperties": False}


def _described(properties: Mapping[str, Schema], about: Mapping[str, str] | None = None) -> Schema:
    words = about or {}
    return {name: {"description": _about(words.get(name, name)), **schema} for name, schema in properties.items()}


def _about(key: str) -> str:
    """What a key is for, in both languages, since an editor's file has one text for all its readers."""
    text = TEXTS[f"key-{key}"]
    return f"{text.en}\n{text.zh}"

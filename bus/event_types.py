"""The shapes of events: the shipped ones, a company's own fields added to them, and their JSON Schema."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from inspect import cleandoc
from types import MappingProxyType, UnionType
from typing import Annotated, Any, TypeGuard, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from bus.errors import ConfigurationError
from bus.plain import DATE_PATTERN, DATETIME_PATTERN, INTEGER_PATTERN, NUMBER_PATTERN
from bus.types import (
    ANY,
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    EventType,
    Field,
    ListOf,
    Record,
    Scalar,
    Type,
)
from schemas import EVENTS

_SCALARS: Mapping[object, Scalar] = {
    str: TEXT, int: INTEGER, Decimal: DECIMAL, bool: BOOLEAN, date: DATE,
    datetime: DATETIME, AwareDatetime: DATETIME, Any: ANY,
}
# Texts that stand for a number or a time are bounded by patterns, since `format` alone binds no validator
# and `date-time` would ask for the zone that the bus fills in.
_JSON: Mapping[Scalar, tuple[tuple[str, ...], Mapping[str, str]]] = {
    TEXT: (("string",), {}),
    INTEGER: (("integer", "string"), {"pattern": f"^{INTEGER_PATTERN}$"}),
    DECIMAL: (("number", "string"), {"pattern": f"^{NUMBER_PATTERN}$"}),
    BOOLEAN: (("boolean",), {}),
    DATE: (("string",), {"format": "date", "pattern": f"^{DATE_PATTERN}$"}),
    DATETIME: (("string",), {"pattern": f"^{DATETIME_PATTERN}$"}),
}


@cache
def shipped() -> Mapping[str, EventType]:
    """Return every event type under schemas/, by name, in alphabetical order."""
    return MappingProxyType({
        name: EventType(name, from_model(model), cleandoc(model.__doc__ or ""))
        for name, model in sorted(EVENTS.items())
    })


def from_model(model: type[BaseModel]) -> Record:
    """Return the shape of a pydantic model, its descriptions with it.

    A field is required unless it has a default or may be None: null and missing are one on the bus.

    Raises:
        TypeError: a field is nothing an event can hold, e.g. a float; a defect of the model.
    """
    fields: dict[str, Field] = {}
    for name, info in model.model_fields.items():
        annotation, nullable = _without_none(info.annotation)
        type_ = _type(annotation, f"{model.__name__}.{name}")
        fields[name] = Field(type_, info.is_required() and not nullable, info.description or "")
    return Record(fields)


def _without_none(annotation: object) -> tuple[object, bool]:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    parts = [part for part in get_args(annotation) if part is not type(None)]
    nullable = len(parts) < len(get_args(annotation))
    return (parts[0] if len(parts) == 1 else annotation), nullable


def _type(annotation: object, where: str) -> Type:
    if annotation in _SCALARS:  # before Annotated is opened: AwareDatetime is one for type checkers
        return _SCALARS[annotation]
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0], where)
    if get_origin(annotation) is list:
        return ListOf(_type(get_args(annotation)[0], f"{where}[]"))
    if _is_model(annotation):
        return from_model(annotation)
    raise TypeError(f"{where}: {annotation} is nothing an event can hold")


def _is_model(annotation: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def merge(base: EventType, extra: Record) -> EventType:
    """Add a company's own fields to an event type, inside its mappings and lists of mappings too.

    A field that is there already keeps its description and may become required, never optional:
    other systems rely on it.

    Raises:
        ConfigurationError: a field is there already with another type; `field` is its path.
    """
    return replace(base, data=_merge_records(base.data, extra, f"{base.name}: data"))


def _merge_records(base: Record, extra: Record, path: str) -> Record:
    fields = dict(base.fields)
    for name, added in extra.fields.items():
        was = fields.get(name)
        if was is None:
            fields[name] = added
            continue
        type_ = _merge_types(was.type, added.type, f"{path}.{name}")
        fields[name] = Field(type_, was.required or added.required, was.description or added.description)
    return Record(fields)


def _merge_types(base: Type, extra: Type, path: str) -> Type:
    match base, extra:
        case Record(), Record():
            return _merge_records(base, extra, path)
        case ListOf(), ListOf():
            return ListOf(_merge_types(base.item, extra.item, f"{path}[]"))
        case _ if base == extra:
            return base
    raise ConfigurationError("event-field-of-another-type", field=path, was=str(base), now=str(extra))


def json_schema(event_type: EventType) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the event's data, for editors and for people who publish.

    It says what the bus accepts: numbers also as plain texts, null for what may be missing, and further
    fields. Days that no calendar has are found by the bus alone.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event_type.name,
        **({"description": event_type.description} if event_type.description else {}),
        **_json_type(event_type.data, nullable=False),
    }


def _json_type(type_: Type, *, nullable: bool) -> dict[str, Any]:
    match type_:
        case Record():
            required = [name for name, field in type_.fields.items() if field.required]
            return {
                "type": ["object", "null"] if nullable else "object",
                "properties": {name: _json_field(field) for name, field in type_.fields.items()},
                **({"required": required} if required else {}),
            }
        case ListOf():
            return {
                "type": ["array", "null"] if nullable else "array",
                "items": _json_type(type_.item, nullable=False),
            }
        case Scalar() if type_ in _JSON:
            names, facets = _JSON[type_]
            names = (*names, "null") if nullable else names
            return {"type": names[0] if len(names) == 1 else list(names), **facets}
    return {}


def _json_field(field: Field) -> dict[str, Any]:
    described = {"description": field.description} if field.description else {}
    return {**described, **_json_type(field.type, nullable=not field.required)}

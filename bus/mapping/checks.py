"""Whether a map fills its event: required fields, fields that do not exist, types that never fit."""

import re

from bus.expressions.scope import Code, kind_of
from bus.mapping.generate import Program
from bus.mapping.shape import Entry, Group, Leaf, Several
from bus.nearest import nearest
from bus.places import Finding
from bus.types import ANY, BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, TEXT, ListOf, Record, Type

_COUNTERS = re.compile(r"\[\{\w+\}\]")
# What a field takes besides its own kind: a text that is a plain number or ISO date is put in as it is.
_TAKES: dict[Type, frozenset[str]] = {
    DECIMAL: frozenset(("number", "text")), INTEGER: frozenset(("number", "text")),
    DATE: frozenset(("date", "text")), DATETIME: frozenset(("datetime", "date", "text")),
}


def check_group(group: Group, wanted: Record, path: str, program: Program, *, optional: bool) -> None:
    """Report required fields that are not mapped, and keys the event does not have.

    Args:
        optional: the mapping may be left out, and is when nothing is in it.
    """
    may_be_hollow = optional and all(entry.optional for entry in group.entries)
    mapped = {entry.key: entry for entry in group.entries}
    strange = [entry for entry in group.entries if entry.key not in wanted.fields]
    meant = {entry.key: nearest(entry.key, [n for n in wanted.fields if n not in mapped]) for entry in strange}
    for name, field in wanted.fields.items():
        if field.required and name not in mapped:
            if name in meant.values():
                continue  # typed otherwise, which is reported below
            fields = {"field": _joined(path, name), "type": program.event_type, "name": name, "kind": str(field.type)}
            program.findings.append(Finding("error", "required-not-mapped", group.place, fields))
        elif field.required and mapped[name].optional and not may_be_hollow:
            fields = {"field": _joined(path, name), "type": program.event_type}
            program.findings.append(Finding("warning", "required-optional", mapped[name].place, fields))
    for entry in strange:
        shown = {"field": _joined(path, entry.key), "type": program.event_type, "name": entry.key}
        near = meant[entry.key] or nearest(entry.key, wanted.fields)
        hint_code = "" if near else "hint-field-undeclared"
        program.findings.append(Finding("error", "event-has-no-field", entry.place, {**shown, "near": near}, hint_code))


def _joined(path: str, name: str = "") -> str:
    """A field as a person writes it; the counters that stand for rounds are not."""
    return _COUNTERS.sub("[]", ".".join(part for part in ("data", path, name) if part))


def field_type(wanted: Type | None, name: str) -> Type | None:
    """The type a key's value must have; None when nobody knows."""
    if isinstance(wanted, Record) and name in wanted.fields:
        return wanted.fields[name].type
    return None


def check_shape(entry: Entry, wanted: Type | None, path: str, program: Program) -> None:
    """Report a mapping where the event has a list or a single value, and the other way round."""
    if isinstance(entry.value, Leaf) or wanted is None or wanted == ANY:
        return
    is_list = isinstance(entry.value, Several) or bool(entry.value.loops)
    fields: dict[str, object] = {"field": _joined(path), "type": program.event_type}
    if is_list != isinstance(wanted, ListOf):
        code = "field-is-no-list" if is_list else "list-field-needs-for"
        program.findings.append(Finding("error", code, entry.place, fields))
    elif not is_list and not isinstance(wanted, Record):
        fields = {"field": _joined(path), "wanted": str(wanted), "kind": "mapping", "function": ""}
        program.findings.append(Finding("error", "field-type", entry.place, fields, "hint-field-type-other"))


def check_leaf(leaf: Leaf, code: Code, wanted: Type | None, path: str, program: Program) -> None:
    """Report a value whose type never fits the field."""
    got = kind_of(code.type)
    if wanted is None or wanted == ANY or got is None:
        return
    if got in _TAKES.get(wanted, frozenset((kind_of(wanted),))):
        return
    function = "text" if wanted == TEXT and got not in ("list", "mapping") else ""
    fields = {"field": _joined(path), "wanted": str(wanted), "kind": str(code.type), "function": function}
    hint_code = "" if function else "hint-field-type-condition" if wanted == BOOLEAN else "hint-field-type-other"
    place = leaf.source.place_of(0, max(len(leaf.source.text), 1))
    program.findings.append(Finding("error", "field-type", place, fields, hint_code))

"""Whether a map fills its event: required fields, fields that do not exist, types that never fit."""

from bus.expressions.scope import Code, kind_of
from bus.mapping.generate import Program
from bus.mapping.shape import Entry, Group, Leaf
from bus.nearest import nearest
from bus.places import Finding
from bus.types import ANY, DATE, DATETIME, DECIMAL, INTEGER, TEXT, ListOf, Record, Type

# What a field takes besides its own kind: a text that is a plain number or ISO date is put in as it is.
_TAKES: dict[Type, frozenset[str]] = {
    DECIMAL: frozenset(("number", "text")), INTEGER: frozenset(("number", "text")),
    DATE: frozenset(("date", "text")), DATETIME: frozenset(("datetime", "date", "text")),
}


def check_group(group: Group, wanted: Record, path: str, program: Program) -> None:
    """Report required fields that are not mapped, and keys the event does not have."""
    mapped = {entry.key: entry for entry in group.entries}
    for name, field in wanted.fields.items():
        if field.required and name not in mapped:
            fields = {"field": _joined(path, name), "type": program.event_type, "kind": str(field.type)}
            program.findings.append(Finding("error", "required-not-mapped", group.place, fields))
        elif field.required and mapped[name].optional:
            fields = {"field": _joined(path, name), "type": program.event_type}
            program.findings.append(Finding("warning", "required-optional", mapped[name].place, fields))
    for entry in group.entries:
        if entry.key not in wanted.fields:
            shown: dict[str, object] = {"field": _joined(path, entry.key), "type": program.event_type}
            near = nearest(entry.key, wanted.fields)
            if near is not None:
                shown["near"] = near
            program.findings.append(Finding("error", "event-has-no-field", entry.place, shown))


def _joined(path: str, name: str) -> str:
    return f"data.{path}.{name}" if path else f"data.{name}"


def field_type(wanted: Type | None, name: str) -> Type | None:
    """The type a key's value must have; None when nobody knows."""
    if isinstance(wanted, Record) and name in wanted.fields:
        return wanted.fields[name].type
    return None


def check_loops(entry: Entry, wanted: Type | None, path: str, program: Program) -> None:
    """Report a mapping where the event has a list, and the other way round."""
    if not isinstance(entry.value, Group) or wanted is None or wanted == ANY:
        return
    if bool(entry.value.loops) != isinstance(wanted, ListOf):
        code = "list-field-needs-for" if isinstance(wanted, ListOf) else "field-is-no-list"
        fields = {"field": f"data.{path}", "type": program.event_type}
        program.findings.append(Finding("error", code, entry.place, fields))


def check_leaf(leaf: Leaf, code: Code, wanted: Type | None, path: str, program: Program) -> None:
    """Report a value whose type never fits the field."""
    got = kind_of(code.type)
    if wanted is None or wanted == ANY or got is None:
        return
    if got not in _TAKES.get(wanted, frozenset((kind_of(wanted),))):
        program.report(
            "error", "field-type", leaf.source, field=f"data.{path}", wanted=str(wanted), kind=str(code.type),
            function="text" if wanted == TEXT else "decimal" if wanted in (DECIMAL, INTEGER) else "parse_date",
        )

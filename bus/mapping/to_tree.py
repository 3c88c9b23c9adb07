"""Mappings that make a tree of dicts and lists: JSON, CSV, fixed width, database rows, events."""

from collections.abc import Mapping
from typing import Any

from bus.expressions.scope import Code, Scope, kind_of
from bus.mapping.checks import check_group, check_leaf, check_loops, field_type
from bus.mapping.generate import Program, Spot
from bus.mapping.shape import Entry, Group, Leaf, Several, Shape
from bus.places import Finding
from bus.types import ANY, TEXT, ListOf, Record, Type


def emit(
    shape: Shape, program: Program, scope: Scope, path: str, *, blanks: bool = False, wanted: Type | None = None
) -> str:
    """Add the lines that compute a value that must be there; return the name it has then.

    Args:
        blanks: a left-out key is null instead, since columns keep their places (csv, fixed).
        wanted: the type of the event's field it fills, where it fills one.
    """
    if isinstance(shape, Leaf):
        return emit_leaf(shape, program, scope, path, wanted)
    inner_type = wanted.item if isinstance(wanted, ListOf) else wanted
    name = program.fresh("t")
    if isinstance(shape, Several):
        program.line(f"{name} = []")
        for position, item in enumerate(shape.items):
            if isinstance(item, Group) and (item.loops or item.condition):
                _emit_rounds(item, name, program, scope, path, blanks=blanks, wanted=inner_type)
            else:
                one = emit(item, program, scope, f"{path}[{position}]", blanks=blanks, wanted=inner_type)
                program.line(f"{name}.append({one})")
        return name
    if shape.loops:
        program.line(f"{name} = []")
        _emit_rounds(shape, name, program, scope, path, blanks=blanks, wanted=inner_type)
        return name
    program.line(f"{name} = None" if shape.condition else f"{name} = {{}}")
    inner, path, depth = program.open(shape, scope, path)
    if shape.condition:
        program.line(f"{name} = {{}}")
    _emit_entries(shape, name, program, inner, path, blanks=blanks, wanted=inner_type)
    program.close(depth)
    return name


def _emit_rounds(
    group: Group, name: str, program: Program, scope: Scope, path: str, *, blanks: bool, wanted: Type | None
) -> None:
    inner, path, depth = program.open(group, scope, path)
    one = program.fresh("t")
    program.line(f"{one} = {{}}")
    _emit_entries(group, one, program, inner, path, blanks=blanks, wanted=wanted)
    program.line(f"{name}.append({one})")
    program.close(depth)


def _emit_entries(
    group: Group, target: str, program: Program, scope: Scope, path: str, *, blanks: bool, wanted: Type | None
) -> None:
    """Add the lines that put each key into the mapping called `target`."""
    if isinstance(wanted, Record):
        check_group(group, wanted, path, program)
    for entry in group.entries:
        below = f"{path}.{entry.key}" if path else entry.key
        type_ = field_type(wanted, entry.key)
        check_loops(entry, type_, below, program)
        if isinstance(entry.value, Leaf) and entry.optional:
            _emit_optional(entry, target, program, scope, below, blanks=blanks, wanted=type_)
            continue
        name = emit(entry.value, program, scope, below, blanks=blanks, wanted=type_)
        put = f"{target}[{entry.key!r}] = {name}"
        if entry.optional:
            program.line(f"if not is_empty({name}): {put}")
        elif isinstance(entry.value, Group) and entry.value.condition and not entry.value.loops:
            program.line(f"if {name} is not None: {put}")
        else:
            program.line(put)


def _emit_optional(
    entry: Entry, target: str, program: Program, scope: Scope, path: str, *, blanks: bool, wanted: Type | None
) -> None:
    assert isinstance(entry.value, Leaf)  # noqa: S101 - for the type checker; the caller looked
    leaf, key = entry.value, repr(entry.key)
    code = program.expression(leaf.source, scope)
    check_leaf(leaf, code, wanted, path, program)
    value = program.fresh("x")
    program.line(f"{value} = {code.text}", Spot(path, leaf.source))
    program.line(f"if not is_empty({value}): {target}[{key}] = {as_tree(value, code)}", Spot(path, leaf.source))
    if blanks:
        program.line(f"else: {target}[{key}] = None")


def emit_leaf(leaf: Leaf, program: Program, scope: Scope, path: str, wanted: Type | None = None) -> str:
    """Add the line of one required value; return its name."""
    code = program.expression(leaf.source, scope)
    check_leaf(leaf, code, wanted, path, program)
    warn_missing(leaf, code, program, path)
    name = program.fresh("x")
    program.line(f"{name} = {needed(code)}", Spot(path, leaf.source))
    return name


def text_leaf(leaf: Leaf, program: Program, scope: Scope, path: str) -> str:
    """Add the line of one value that must be a text (ids, names); return its name."""
    code = program.expression(leaf.source, scope)
    if kind_of(code.type) not in (None, "text"):
        program.report("error", "text-needed", leaf.source, kind=str(code.type), key=path)
    warn_missing(leaf, code, program, path, optional=False)
    name = program.fresh("x")
    program.line(f"{name} = need_text(as_text({code.text}))", Spot(path, leaf.source))
    return name


def warn_missing(leaf: Leaf, code: Code, program: Program, path: str, *, optional: bool = True) -> None:
    """A value the schema says may be missing, mapped without `?`, where a key can have one, or `default`."""
    if code.nullable and code.missing:
        key = path.rsplit(".", 1)[-1]
        at = max(leaf.source.text.find(code.missing), 0)
        place = leaf.source.place_of(at, len(code.missing) if at or leaf.source.text.startswith(code.missing) else 1)
        hint_code = "" if optional else "may-be-missing-here"
        program.findings.append(Finding("warning", "may-be-missing", place, {"path": code.missing, "key": key}, hint_code))


def needed(code: Code) -> str:
    """Generated code for a value that must not be empty, by what is known of its type."""
    if code.type == TEXT:
        return f"need_text({code.text})"
    if kind_of(code.type) is None:
        return f"need({code.text})"
    return f"need_value({code.text})" if code.nullable else as_tree(code.text, code)


def as_tree(name: str, code: Code) -> str:
    """Generated code for the value as a plain tree."""
    if code.type == ANY or isinstance(code.type, ListOf | Record):
        return f"tree({name})"
    return name


def as_columns(rows: Any, layout: Mapping[str, Mapping[str, object]]) -> list[dict[str, Any]]:
    """Rows of a fixed-width mapping with each column's width, alignment and filling."""
    return [
        {name: {"value": value, **layout.get(name, {})} for name, value in row.items()}
        for row in (rows if type(rows) is list else [rows])
    ]

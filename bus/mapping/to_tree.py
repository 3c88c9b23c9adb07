"""Mappings that make a tree of dicts and lists: JSON, CSV, fixed width, database rows, events."""

import re
from enum import Enum

from bus.expressions.scope import Code, Scope, kind_of
from bus.mapping.checks import check_group, check_leaf, check_shape, field_type
from bus.mapping.generate import Program
from bus.mapping.located import Spot
from bus.mapping.shape import Entry, Group, Leaf, Several, Shape
from bus.places import Finding
from bus.types import ANY, TEXT, ListOf, Record, Type


class Leaves(Enum):
    """What the format takes as a value."""

    TREES = "trees"  # JSON, XML, events: anything
    SINGLE = "single"  # text: a text, a number, a date
    COLUMNS = "columns"  # CSV, fixed width: the same, and a key left out is null, since columns keep their places


def emit(
    shape: Shape, program: Program, scope: Scope, path: str, leaves: Leaves = Leaves.TREES,
    wanted: Type | None = None, *, has_key: bool = True,
) -> str:
    """Add the lines that compute a value that must be there; return the name it has then.

    What is left out by its `if` is None.

    Args:
        wanted: the type of the event's field it fills, where it fills one.
        has_key: there is a key that could end in `?`.
    """
    return _Emitter(program, leaves, has_key=has_key).shape(shape, scope, path, wanted)


class _Emitter:
    """Adds lines to one program.

    Under an optional key (`name?:`) whatever comes out empty is left out: each round, each item of a
    written-out list, and the key itself when nothing is left.
    """

    def __init__(self, program: Program, leaves: Leaves, *, has_key: bool) -> None:
        self.program, self.leaves, self.has_key = program, leaves, has_key

    def shape(self, shape: Shape, scope: Scope, path: str, wanted: Type | None, *, optional: bool = False) -> str:
        if isinstance(shape, Leaf):
            return self.leaf(shape, scope, path, wanted, optional=optional)
        program, inner = self.program, wanted.item if isinstance(wanted, ListOf) else wanted
        name = program.fresh("t")
        if isinstance(shape, Several):
            program.line(f"{name} = []")
            for position, item in enumerate(shape.items):
                self.item(item, name, scope, f"{path}[{position}]", inner, optional=optional)
        elif shape.loops:
            program.line(f"{name} = []")
            self.rounds(shape, name, scope, path, inner, optional=optional)
        else:
            if shape.condition:
                program.line(f"{name} = None")
            opened = program.open(shape, scope, path)
            self.entries(shape, name, opened.scope, opened.path, inner, optional=optional)
            program.close(opened)
        return name

    def item(self, item: Shape, target: str, scope: Scope, path: str, wanted: Type | None, *, optional: bool) -> None:
        """One item of a written-out list: a value, or a mapping with a loop or a condition of its own."""
        if isinstance(item, Group) and (item.loops or item.condition):
            self.rounds(item, target, scope, path.rpartition("[")[0] if item.loops else path, wanted, optional=optional)
            return
        name = self.shape(item, scope, path, wanted, optional=optional)
        empty = f"is_hollow({name})" if isinstance(item, Group) else f"is_empty({name})"
        self.program.line(f"if not {empty}: {target}.append({name})" if optional else f"{target}.append({name})")

    def rounds(
        self, group: Group, target: str, scope: Scope, path: str, wanted: Type | None, *, optional: bool
    ) -> None:
        program = self.program
        opened = program.open(group, scope, path)
        name = program.fresh("t")
        self.entries(group, name, opened.scope, opened.path, wanted, optional=optional)
        program.line(f"if not is_hollow({name}): {target}.append({name})" if optional else f"{target}.append({name})")
        program.close(opened)

    def entries(
        self, group: Group, target: str, scope: Scope, path: str, wanted: Type | None, *, optional: bool
    ) -> None:
        """Add the lines that make the mapping called `target`: written out up to the first key that may be left out."""
        if isinstance(wanted, Record):
            check_group(group, wanted, path, self.program, optional=optional)
        first: list[str] = []
        begun = False
        for entry in group.entries:
            below = f"{path}.{entry.key}" if path else entry.key
            name = self.value(entry, scope, below, field_type(wanted, entry.key))
            there = self.there(entry, name)
            if not there and not begun:
                first.append(f"{entry.key!r}: {name}")
                continue
            if not begun:
                self.program.line(f"{target} = {{{', '.join(first)}}}")
                begun = True
            self.program.line(f"{there}{target}[{entry.key!r}] = {name}")
            if entry.optional and self.leaves is Leaves.COLUMNS:
                self.program.line(f"else: {target}[{entry.key!r}] = None")
        if not begun:
            self.program.line(f"{target} = {{{', '.join(first)}}}")

    def value(self, entry: Entry, scope: Scope, path: str, wanted: Type | None) -> str:
        """Add the lines that compute what a key has; return its name."""
        check_shape(entry, wanted, path, self.program)
        name = self.shape(entry.value, scope, path, wanted, optional=entry.optional)
        if self.program.strict and needs_rounds(entry):
            self.check_rounds(entry.value, name, path)
        return name

    def there(self, entry: Entry, name: str) -> str:
        """The `if` before a key that may be left out; "" for one that is always there."""
        part = entry.value if isinstance(entry.value, Group) and not entry.value.loops else None
        if entry.optional:
            return f"if not {'is_empty' if part is None else 'is_hollow'}({name}): "
        return f"if {name} is not None: " if part is not None and part.condition else ""

    def check_rounds(self, group: Shape, name: str, path: str) -> None:
        """Add the line that refuses a loop without a round, for whatever its `for` or `if` looked at."""
        assert isinstance(group, Group)  # noqa: S101 - for the type checker; it has a loop
        first, *more = group.loops
        others = (*(loop.over for loop in more), *([group.condition] if group.condition else []))
        self.program.line(f"need_rounds({name})", Spot(path, first.over, others=others))

    def leaf(self, leaf: Leaf, scope: Scope, path: str, wanted: Type | None, *, optional: bool) -> str:
        """Add the line of one value; an optional one may be empty, any other fails then."""
        program = self.program
        code = program.expression(leaf.source, scope)
        check_leaf(leaf, code, wanted, path, program)
        if self.leaves is not Leaves.TREES and kind_of(code.type) in ("list", "mapping"):
            program.report("error", "text-of-list", leaf.source, kind=str(code.type))
        if not optional:
            warn_missing(leaf, code, program, path)
        name, text = program.fresh("x"), self.placed(code, wanted)
        line = f"{name} = {text}" if optional else needed(name, text, code, program)
        program.line(line, Spot(path, leaf.source, has_key=self.has_key))
        return name

    def placed(self, code: Code, wanted: Type | None) -> str:
        """Generated code for the value as it has its place: what may be an element becomes its text, or a tree."""
        if not _holds_any(code.type):
            return f"tree({code.text}, budget)" if isinstance(code.type, ListOf | Record) else code.text
        if self.leaves is not Leaves.TREES or (wanted not in (None, ANY) and not isinstance(wanted, ListOf | Record)):
            return f"single({code.text})"
        if isinstance(wanted, ListOf):
            list_of = "trees" if isinstance(wanted.item, Record) or wanted.item == ANY else "singles"
            return f"{list_of}({code.text}, budget)"
        return f"tree({code.text}, budget)"


def needs_rounds(entry: Entry) -> bool:
    """Whether its list must be there, and comes from a loop."""
    return not entry.optional and isinstance(entry.value, Group) and bool(entry.value.loops)


def _holds_any(type_: Type) -> bool:
    """Whether a value of this type may hold an element of an XML document."""
    if isinstance(type_, ListOf):
        return _holds_any(type_.item)
    if isinstance(type_, Record):
        return any(_holds_any(field.type) for field in type_.fields.values())
    return type_ == ANY


def needed(name: str, text: str, code: Code, program: Program) -> str:
    """The line that names a value that must not be empty, by what is known of its type."""
    if code.column:
        return f"{name} = {program.looked_up(code, 'codes')} or need_text({text})"
    if code.type == TEXT:
        return f"if not ({name} := {text}) or {name}.isspace(): empty()"
    if kind_of(code.type) is None:
        return f"{name} = need({text})"
    return f"if ({name} := {text}) is None: empty()" if code.nullable else f"{name} = {text}"


def text_leaf(leaf: Leaf, program: Program, scope: Scope, path: str, need: str = "need_text") -> str:
    """Add the line of one value that must be a text (ids, names); return its name."""
    code = program.expression(leaf.source, scope)
    if kind_of(code.type) not in (None, "text"):
        program.report("error", "text-needed", leaf.source, kind=str(code.type), key=path)
    warn_missing(leaf, code, program, path, optional=False)
    name = program.fresh("x")
    text = code.text if code.type == TEXT else f"as_text({code.text})"
    program.line(f"{name} = {need}({text})", Spot(path, leaf.source, has_key=False))
    return name


def warn_missing(leaf: Leaf, code: Code, program: Program, path: str, *, optional: bool = True) -> None:
    """A value the schema says may be missing, mapped without `?`, where a key can have one, or `default`."""
    if code.nullable and code.missing:
        key = path.rsplit(".", 1)[-1]
        text = leaf.source.text
        at = text.find(code.missing)  # a let or a loop may hold the path
        shown, rest = (code.missing, text[at + len(code.missing) :]) if at >= 0 else (text, "")
        place = leaf.source.place_of(max(at, 0), len(shown))
        hint_code = "" if optional and key else "hint-may-be-missing-here"
        fields = {"path": code.missing, "key": key, "whole": code.missing + re.split(r"[^\w.]", rest, maxsplit=1)[0]}
        program.findings.append(Finding("warning", "may-be-missing", place, fields, hint_code))

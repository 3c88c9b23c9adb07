"""Mappings that make XML: text pieces put together in order, what is constant written out beforehand."""

from collections.abc import Callable

from bus.expressions.scope import Code, Scope, kind_of
from bus.mapping.generate import Program
from bus.mapping.located import Spot
from bus.mapping.shape import Entry, Group, Leaf, Several
from bus.mapping.to_tree import needed, warn_missing
from bus.types import ANY, INTEGER, TEXT, ListOf, Record


class _Pieces:
    """Collects constant text and names of computed text; puts one f-string into the list `out` where order demands it.

    `left` names what the document may still grow by; "" where the text is put into the document later.
    """

    def __init__(self, program: Program, out: str, left: str = "") -> None:
        self.program, self.out, self.left, self.pieces = program, out, left, [""]

    def text(self, constant: str) -> None:
        self.pieces.append(repr(constant)[1:-1].replace("{", "{{").replace("}", "}}").replace('"', '\\"'))

    def value(self, name: str) -> None:
        self.pieces.append(f"{{{name}}}")

    def flush(self) -> None:
        joined = "".join(self.pieces)
        self.pieces.clear()
        if joined and self.left:
            self.program.line(f'{self.out}.append(p := f"{joined}")')
            self.program.line(f"if ({self.left} := {self.left} - len(p)) < 0: grows()")
        elif joined:
            self.program.line(f'{self.out}.append(f"{joined}")')


def emit_document(shape: Group, program: Program, scope: Scope) -> str:
    """Add the lines that make the whole document but its declaration; return the name of its text."""
    opened = program.open(shape, scope, "")
    (root,) = shape.entries
    program.line("out, left = [], MAX_DOCUMENT")
    pieces = _Pieces(program, "out", "left")
    _emit_element(root, pieces, opened.scope, root.key)
    pieces.flush()
    name = program.fresh("t")
    may_lack = root.optional or (isinstance(root.value, Group) and root.value.condition is not None)
    program.line(f'{name} = xml_one_root("".join(out))' if may_lack else f'{name} = "".join(out)')
    program.close(opened)
    return name


def _emit_element(entry: Entry, pieces: _Pieces, scope: Scope, path: str) -> None:
    if isinstance(entry.value, Leaf):
        _emit_leaf(entry, entry.value, pieces, scope, path)
    elif isinstance(entry.value, Several):
        for position, item in enumerate(entry.value.items):
            _emit_item(Entry(entry.key, entry.optional, item, entry.place), pieces, scope, f"{path}[{position}]")
    elif entry.value.loops or entry.value.condition or entry.value.lets:
        pieces.flush()
        opened = pieces.program.open(entry.value, scope, path)
        _emit_group(entry, entry.value, pieces, opened.scope, opened.path)
        pieces.flush()
        pieces.program.close(opened)
    else:
        _emit_group(entry, entry.value, pieces, scope, path)


def _emit_item(entry: Entry, pieces: _Pieces, scope: Scope, path: str) -> None:
    """One of a written-out list: an element of its own, so a list in its place is a failure."""
    if not isinstance(entry.value, Leaf):
        _emit_element(entry, pieces, scope, path)
        return
    program, leaf = pieces.program, entry.value
    code = program.expression(leaf.source, scope)
    name, spot = program.fresh("x"), Spot(path, leaf.source)
    if entry.optional:
        program.line(f"{name} = {code.text}", spot)
        program.line(f'{name} = "" if is_empty({name}) else xml_member({entry.key!r}, tree({name}, budget))', spot)
    else:
        warn_missing(leaf, code, program, path)
        program.line(f"{name} = xml_member({entry.key!r}, need(tree({code.text}, budget)))", spot)
    pieces.value(name)


def _emit_leaf(entry: Entry, leaf: Leaf, pieces: _Pieces, scope: Scope, path: str) -> None:
    program, key = pieces.program, entry.key
    code = program.expression(leaf.source, scope)
    name, spot = program.fresh("x"), Spot(path, leaf.source)
    if not entry.optional:
        warn_missing(leaf, code, program, path)
    if code.type == TEXT and entry.optional:
        program.line(f"{name} = {code.text}", spot)
        element = f"<{key}>{{xml_text({name})}}</{key}>"
        program.line(f'{name} = f"{element}" if {name} and not {name}.isspace() else ""', spot)
    elif entry.optional or code.type == ANY or isinstance(code.type, ListOf | Record):
        write = "xml_optional" if entry.optional else "xml_any"
        program.line(f"{name} = {write}({key!r}, {code.text}, budget)", spot)
    else:
        _emit_single(code, name, program, spot)
        pieces.text(f"<{key}>")
        pieces.value(name)
        pieces.text(f"</{key}>")
        return
    pieces.value(name)


def _emit_single(code: Code, name: str, program: Program, spot: Spot) -> None:
    """Add the lines that name the text of a single value, by what is known of its type; empty fails."""
    if code.column:
        program.line(f"{name} = {program.looked_up(code, 'xml_codes')} or xml_text({code.text})", spot)
    elif code.type == TEXT:
        program.line(needed(name, code.text, code, program), spot)
        program.line(f"if special({name}): {name} = escaped({name})", spot)
    elif code.type == INTEGER and not code.nullable:
        program.line(f"{name} = {code.text}", spot)
    else:
        program.line(f"{name} = {'xml_number' if kind_of(code.type) == 'number' else 'xml_text'}({code.text})", spot)


def _emit_group(entry: Entry, group: Group, pieces: _Pieces, scope: Scope, path: str) -> None:
    """One element with attributes and children; an optional one without anything in it is left out."""
    attributes = [child for child in group.entries if child.key.startswith("@")]
    inside = [child for child in group.entries if not child.key.startswith("@")]
    if not entry.optional:
        pieces.text(f"<{entry.key}")
        _emit_attributes(attributes, pieces, scope, path)
        pieces.text(">")
        _emit_inside(inside, pieces, scope, path)
        pieces.text(f"</{entry.key}>")
        return
    program = pieces.program
    opening = _collect(program, lambda inner: _emit_attributes(attributes, inner, scope, path))
    body = _collect(program, lambda inner: _emit_inside(inside, inner, scope, path))
    name = entry.key
    element = program.fresh("s")
    program.line(f'{element} = f"<{name}{{{opening}}}>{{{body}}}</{name}>" if {opening} or {body} else ""')
    pieces.value(element)


def _collect(program: Program, emit: Callable[[_Pieces], None]) -> str:
    """Add lines that put what `emit` writes into one text; return its name."""
    out, name = program.fresh("o"), program.fresh("s")
    program.line(f"{out} = []")
    inner = _Pieces(program, out)
    emit(inner)
    inner.flush()
    program.line(f'{name} = "".join({out})')
    return name


def _emit_attributes(attributes: list[Entry], pieces: _Pieces, scope: Scope, path: str) -> None:
    program = pieces.program
    for entry in attributes:
        if not isinstance(entry.value, Leaf):
            continue  # reported when the shape was read
        code = program.expression(entry.value.source, scope)
        name, spot = program.fresh("a"), Spot(f"{path}.{entry.key}", entry.value.source)
        if entry.optional:
            program.line(f"{name} = xml_optional_attribute({entry.key[1:]!r}, {code.text})", spot)
            pieces.value(name)
        else:
            warn_missing(entry.value, code, program, entry.key)
            program.line(f"{name} = xml_attribute({code.text})", spot)
            pieces.text(f' {entry.key[1:]}="')
            pieces.value(name)
            pieces.text('"')


def _emit_inside(entries: list[Entry], pieces: _Pieces, scope: Scope, path: str) -> None:
    program = pieces.program
    for entry in entries:
        if entry.key != "#text":
            _emit_element(entry, pieces, scope, f"{path}.{entry.key}")
        elif isinstance(entry.value, Leaf):
            code = program.expression(entry.value.source, scope)
            name, spot = program.fresh("x"), Spot(f"{path}.#text", entry.value.source)
            value = f"xml_text({code.text})"
            if entry.optional:
                program.line(f"{name} = {code.text}", spot)
                value = f'"" if is_empty({name}) else xml_text({name})'
            program.line(f"{name} = {value}", spot)
            pieces.value(name)

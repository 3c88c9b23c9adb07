"""Documents as forms: what is constant in them as octets, and blanks between, which C fills in.

A form is drawn from a route's mapping where that makes one: JSON or XML in UTF-8, one document an event. It takes
ordinary values only. Where one is missing that must be there, has no code in its table, or cannot stand as it is, it
gives None, and the Python that `generate` makes of the same mapping makes the document: it alone says what is wrong.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bus.codecs import write_json_fast
from bus.expressions import tree
from bus.expressions.compile import shown_present
from bus.expressions.context import Context
from bus.expressions.parse import parse
from bus.expressions.scope import Code, Scope, kind_of, literal_type, local
from bus.functions.lists import is_empty
from bus.mapping.generate import Program, defined
from bus.mapping.pieces import Blank, Call, If, Loop, Named, Optional, Path, Piece, Text, Value
from bus.mapping.shape import Entry, Group, Leaf, Let, Shape, Source
from bus.mapping.values import xml_attribute, xml_text
from bus.types import INTEGER, Type

Fill = Callable[[Any, Any, Context], bytes | None]
"""Takes an event, its data and the surroundings; None where the document is not an ordinary one."""

try:
    from bus.mapping.forms_compiled import filler
except ImportError:

    def filler(
        _pieces: Sequence[Piece], _functions: tuple[Callable[..., Any], ...], _with_commas: bool, /  # noqa: FBT001 - as in C
    ) -> Fill | None:
        return None

MAX_NAMES = 64
_SINGLE = frozenset(("text", "number", "boolean", "date", "datetime"))


class _NoForm(Exception):
    """The mapping has what a form has not."""


def form_of(
    format_: str, lets: tuple[Let, ...], shape: Shape | None, scope: Scope, ctx: Context, begin: bytes = b""
) -> Fill | None:
    """Return what fills in a route's documents; None where they make no form, or nothing was compiled.

    Args:
        begin: what every document begins with.
    """
    if format_ not in ("json", "xml") or not isinstance(shape, Group) or shape.loops or shape.condition:
        return None
    drawing = (_Xml if format_ == "xml" else _Json)(scope, ctx)
    try:
        shape = replace(shape, lets=(*lets, *shape.lets))
        pieces = drawing.open(shape, scope, lambda inner: drawing.whole(shape, inner))
    except _NoForm:
        return None
    return filler(drawing.joined([Text(begin), *pieces]), drawing.functions(), format_ == "json")


class _Drawing(ABC):
    """What both formats have in common: names in reach, and how values are come by.

    Attributes:
        names: in reach, in the order that functions take them.
    """

    def __init__(self, scope: Scope, ctx: Context) -> None:
        self.ctx = ctx
        self.names = ["event", "data", "ctx", "budget"]
        self._program = Program("form", "", scope)  # knows what things are; its own lines nobody runs
        self._functions: list[str] = []

    @abstractmethod
    def whole(self, shape: Group, scope: Scope) -> list[Piece]:
        """The document."""

    @abstractmethod
    def parts(self, left: bytes, right: bytes) -> bool:
        """Whether the form itself puts something between two constants."""

    def joined(self, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
        """The same with constants put to the blanks that they stand beside."""
        made: list[Piece] = []
        for piece in pieces:
            last = made[-1] if made else None
            before = last.octets if isinstance(last, Text) else last.after if isinstance(last, Blank) else b""
            after = piece.octets if isinstance(piece, Text) else piece.before if isinstance(piece, Blank) else b""
            if self.parts(before, after):
                made.append(piece)
            elif isinstance(last, Text) and isinstance(piece, Text):
                made[-1] = Text(before + after)
            elif isinstance(last, Blank) and isinstance(piece, Text) and not last.optional:
                made[-1] = last._replace(after=before + after)
            elif isinstance(last, Text) and isinstance(piece, Blank) and not piece.optional:
                made[-1] = piece._replace(before=before + after)
            else:
                made.append(piece)
        return tuple(made)

    def functions(self) -> tuple[Callable[..., Any], ...]:
        """What computes the values that C does not come by itself."""
        named = defined([f"def f{n}({text}" for n, text in enumerate(self._functions)], "<form>", self._program.scope)
        return tuple(named[f"f{n}"] for n in range(len(self._functions)))

    def blank(
        self, entry: Entry, scope: Scope, before: bytes, after: bytes, write: Callable[[Any], bytes | str]
    ) -> tuple[Piece, Type]:
        """The blank of a leaf, and the type of what goes there; what is written out is constant."""
        leaf = entry.value
        if not isinstance(leaf, Leaf):
            raise _NoForm
        parsed = parse(leaf.source.text)
        if isinstance(parsed, tree.Literal) and not is_empty(parsed.value):
            made = write(parsed.value)
            octets = made if isinstance(made, bytes) else made.encode()
            return Text(before + octets + after), literal_type(parsed.value)
        value, code = self.value(leaf.source, scope)
        return Blank(value, before, after, entry.optional, write), code.type

    def value(self, source: Source, scope: Scope) -> tuple[Value, Code]:
        code = self._program.expression(source, scope)
        root, *fields = code.path or (code.text,)
        if root not in self.names or (code.column and not code.path):
            return self._call(code), code
        column = self._column(code) if code.column else None
        return Path(self.names.index(root), tuple(fields), column, code.places), code

    def _call(self, code: Code) -> Call:
        self._functions.append(f"{', '.join(self.names)}): return {code.text}")
        return Call(len(self._functions) - 1, len(self.names))

    def _column(self, code: Code) -> Mapping[Any, str]:
        look = defined([f"def look(ctx): return codes({code.column})"], "<form>", self._program.scope)["look"]
        column: Mapping[Any, str] = look(self.ctx)
        return column

    def open(self, group: Group, scope: Scope, inside: Callable[[Scope], list[Piece]]) -> list[Piece]:
        """A group's loops, condition and named values around what is in it."""
        held, loops = len(self.names), []
        for spec in group.loops:
            value, _ = self.value(spec.over, scope)
            scope, _ = self._program.loop(spec, scope, "")
            item, counter = self._slot(spec.name), -1
            if spec.counter and (len(group.loops) > 1 or group.condition is not None):
                raise _NoForm  # it counts what comes out
            if spec.counter:
                counter = self._slot(spec.counter)
                scope = scope.with_names(**{spec.counter: Code(local(spec.counter), INTEGER, nullable=False)})
            loops.append((value, item, counter))
        pieces: list[Piece] = []
        if group.let_first:
            scope = self._lets(group.lets, scope, pieces)
        around = None
        if group.condition is not None:
            around = self._call(self._program.condition(group.condition, scope))
            parsed = parse(group.condition.text)
            scope = scope.knowing(frozenset() if isinstance(parsed, tuple) else shown_present(parsed))
        within: list[Piece] = []
        if not group.let_first:
            scope = self._lets(group.lets, scope, within)
        within += inside(scope)
        pieces += within if around is None else [If(around, self.joined(within))]
        for value, item, counter in reversed(loops):
            pieces = [Loop(value, item, counter, b"", self.joined(pieces), b"", optional=False)]
        del self.names[held:]
        return pieces

    def _lets(self, lets: tuple[Let, ...], scope: Scope, pieces: list[Piece]) -> Scope:
        for let in lets:
            value, code = self.value(let.source, scope)
            pieces.append(Named(value, self._slot(let.name)))
            scope = scope.with_names(**{let.name: Code(local(let.name), code.type, code.nullable, code.missing)})
        return scope

    def _slot(self, name: str) -> int:
        if len(self.names) == MAX_NAMES:
            raise _NoForm
        self.names.append(local(name))
        return len(self.names) - 1


class _Xml(_Drawing):
    """Elements and attributes."""

    def parts(self, left: bytes, right: bytes) -> bool:  # noqa: ARG002 - nothing ever is
        return False

    def whole(self, shape: Group, scope: Scope) -> list[Piece]:
        (root,) = shape.entries
        if root.optional or not isinstance(root.value, Group) or root.value.loops or root.value.condition:
            raise _NoForm  # it might be left out, or come twice
        return self._element(root, scope)

    def _element(self, entry: Entry, scope: Scope) -> list[Piece]:
        group = entry.value
        if not isinstance(group, Group):
            return [self._single(entry, scope, f"<{entry.key}>", f"</{entry.key}>", xml_text)]
        return self.open(group, scope, lambda inner: self._group(entry, group, inner))

    def _group(self, entry: Entry, group: Group, scope: Scope) -> list[Piece]:
        attributes: list[Piece] = []
        inside: list[Piece] = []
        for child in group.entries:
            if child.key.startswith("@"):
                attributes.append(self._single(child, scope, f' {child.key[1:]}="', '"', xml_attribute))
            elif child.key == "#text":
                inside.append(self._single(child, scope, "", "", xml_text))
            else:
                inside += self._element(child, scope)
        opening, closing = f"<{entry.key}".encode(), f"</{entry.key}>".encode()
        if entry.optional:
            return [Optional(opening, self.joined(attributes), self.joined(inside), closing)]
        return [Text(opening), *attributes, Text(b">"), *inside, Text(closing)]

    def _single(self, entry: Entry, scope: Scope, before: str, after: str, write: Callable[[Any], str]) -> Piece:
        piece, type_ = self.blank(entry, scope, before.encode(), after.encode(), write)
        if kind_of(type_) not in _SINGLE:
            raise _NoForm
        return piece


class _Json(_Drawing):
    """Members; the commas between them are the form's."""

    def whole(self, shape: Group, scope: Scope) -> list[Piece]:
        return self._object(b"{", shape, scope)

    def _object(self, opening: bytes, group: Group, scope: Scope, *, optional: bool = False) -> list[Piece]:
        members, solid = [], False
        for entry in group.entries:
            pieces, always = self._member(entry, scope)
            members += pieces
            solid |= always
        if optional and not solid:
            raise _NoForm  # it is left out when there is nothing in it but lists without a member
        return [Text(opening), *members, Text(b"}")]

    def _member(self, entry: Entry, scope: Scope) -> tuple[list[Piece], bool]:
        """One member, and whether something other than a list is always there."""
        name, group = write_json_fast(entry.key) + b":", entry.value
        if isinstance(group, Leaf):
            blank, type_ = self.blank(entry, scope, name, b"", write_json_fast)
            return [blank], not entry.optional and kind_of(type_) in _SINGLE
        if not isinstance(group, Group) or len(group.loops) > 1:
            raise _NoForm
        opening = b"{" if group.loops else name + b"{"
        made = self.open(group, scope, lambda inner: self._object(opening, group, inner, optional=entry.optional))
        if not group.loops:
            return made, not entry.optional and group.condition is None
        (loop,) = made
        assert isinstance(loop, Loop)  # noqa: S101 - for the type checker; the group has one
        return [loop._replace(before=name + b"[", after=b"]", optional=entry.optional)], False

    def parts(self, left: bytes, right: bytes) -> bool:
        """Whether a comma belongs between them, which the form sets."""
        return left[-1:] not in (b"{", b"[") and right[:1] not in (b"}", b"]")

"""The functions generated from routing.yaml: a rule's, a route's, a reply's, a condition's.

A program is checked as it is built and compiled to Python when it first runs, so that lint and start-up
pay for no code nobody calls.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bus.expressions.scope import EVENT, FAILURE, Code, Columns, Scope
from bus.mapping import to_tree, to_xml
from bus.mapping.generate import Program
from bus.mapping.located import Spot
from bus.mapping.shape import For, Group, Leaf, Let, Shape, Source
from bus.mapping.to_tree import Leaves
from bus.places import Finding, Place
from bus.types import ANY, DATETIME, Record, Type

DELIVERY_PARAMETERS = "event, data, ctx"
ANSWER_PARAMETERS = "event, data, response, failure, ctx"


class Made(NamedTuple):
    """One delivery as the route's program makes it, before it is encoded."""

    round: str
    body: Any
    name: str
    path: str
    headers: Mapping[str, str]


class MadeEvent(NamedTuple):
    """One event as a rule's or reply's program makes it; "" and None stand for the defaults.

    Args:
        round: of the rule's first `for`, from 0; None without one.
    """

    id: str
    subject: str
    time: Any
    key: str
    data: dict[str, Any]
    round: int | None = None


def route_scope(event_type: str, data: Type, systems: tuple[str, ...], tables: Mapping[str, Columns | None]) -> Scope:
    """What a route's expressions may name."""
    names = {
        "event": Code("event", EVENT, nullable=False),
        "data": Code("data", data, nullable=False),
    }
    return Scope(names, "route", systems, tables, event_type)


def document_scope(systems: tuple[str, ...], tables: Mapping[str, Columns | None]) -> Scope:
    """What an inbound rule's expressions may name."""
    return Scope({"document": Code("document", ANY, nullable=True)}, "inbound", systems, tables)


def answer_scope(route: Scope) -> Scope:
    """What expressions after a delivery may name; lookups go from the target's column to `bus`."""
    names = {
        name: code for name, code in route.names.items() if name in ("event", "data")
    } | {
        "response": Code("response", ANY, nullable=True),
        "failure": Code("failure", FAILURE, nullable=False),
    }
    return Scope(names, "inbound", route.systems, route.tables, route.event_type, route.present)


def condition_program(name: str, source: Source, scope: Scope, parameters: str) -> Program:
    """A condition: `made(…) -> bool`."""
    program = Program(name, parameters, scope)
    code = program.condition(source, scope)
    program.line(f"return {code.text}", Spot("", source))
    return program


def value_program(name: str, source: Source, scope: Scope, parameters: str) -> Program:
    """A value of any kind, null too: `made(…) -> value`."""
    program = Program(name, parameters, scope)
    code = program.expression(source, scope)
    program.line(f"return {code.text}", Spot("", source))
    return program


class Rounds(NamedTuple):
    """A route's or rule's own `for`, `if` and `let`."""

    loops: tuple[For, ...]
    condition: Source | None
    lets: tuple[Let, ...]
    let_first: bool
    place: Place

    def group(self) -> Group:
        return Group((), self.place, self.loops, self.condition, self.lets, self.let_first)


class Extras(NamedTuple):
    """What a route computes beside the document."""

    name: Source | None
    path: Source | None
    headers: Sequence[tuple[str, Source]]


def route_program(
    name: str, rounds: Rounds, format_: str, shape: Shape | None, extras: Extras, scope: Scope
) -> Program:
    """A route: `made(event, data, ctx) -> list[Made]`, one for each round."""
    program = Program(name, DELIVERY_PARAMETERS, scope)
    program.line("made = []")
    opened = program.open(rounds.group(), scope, "")
    inner = opened.scope
    counters = ".".join(f"{{{counter}}}" for counter in program.counters)
    round_ = f"f'{counters}'" if counters else "'0'"  # the same for the same document, whatever `if` lets pass
    body = _body(program, format_, shape, inner)
    named = _text(program, extras.name, inner, "name")
    path = _text(program, extras.path, inner, "path")
    lines = ((key, _text(program, source, inner, f"headers.{key}", need="need_line")) for key, source in extras.headers)
    headers = ", ".join(f"{key!r}: {line}" for key, line in lines)
    program.line(f"made.append(({round_}, {body}, {named}, {path}, {{{headers}}}))")
    program.close(opened)
    program.line("return made")
    return program


_LEAVES = {"csv": Leaves.COLUMNS, "fixed": Leaves.COLUMNS, "text": Leaves.SINGLE, "rows": Leaves.SINGLE}


def _body(program: Program, format_: str, shape: Shape | None, scope: Scope) -> str:
    if shape is None:
        return "None"
    _check_whole(program, shape, format_)
    if format_ == "xml" and isinstance(shape, Group) and len(shape.entries) == 1 and not shape.loops:
        return to_xml.emit_document(shape, program, scope)
    if format_ == "json" and isinstance(shape, Leaf) and shape.source.text.strip() == "data":
        return "PASS_ON"  # the body as it came, unknown fields and all
    made = to_tree.emit(shape, program, scope, "", _LEAVES.get(format_, Leaves.TREES))
    # Even a small event holds a text long enough to be too much in very many rounds.
    return f"({made} if budget[0] > FEW_ROUNDS_SPENT else weighed({made}))"


def _check_whole(program: Program, shape: Shape, what: str) -> None:
    """Report an `if` that would leave out the whole of it: it decides about the round, and stands there."""
    if isinstance(shape, Group) and shape.condition is not None and not shape.loops:
        place = shape.condition.place_of()
        program.findings.append(Finding("error", "if-beside", place, {"what": what}))


def _text(program: Program, source: Source | None, scope: Scope, path: str, need: str = "need_text") -> str:
    if source is None:
        return "''"
    return to_tree.text_leaf(Leaf(source), program, scope, path, need)


class MakingParts(NamedTuple):
    """The expressions an event is made of."""

    event: str
    id: Source | None
    subject: Source | None
    time: Source | None
    key: Source | None
    map: Shape | None
    place: Place


def rule_program(
    name: str, rounds: Rounds, making: MakingParts, target: Record | None, scope: Scope, *, strict: bool = False
) -> Program:
    """An inbound rule: `made(document, ctx) -> list[MadeEvent]`.

    Args:
        strict: a list made by `for:` under a key without `?` fails when it comes out empty.
    """
    program = Program(name, "document, ctx", scope, strict=strict)
    program.line("made = []")
    opened = program.open(rounds.group(), scope, "")
    _append_event(program, making, target, opened.scope)
    program.close(opened)
    program.line("return weighed(made)" if program.counters else "return made")
    return program


def reply_program(name: str, making: MakingParts, target: Record | None, scope: Scope) -> Program:
    """A reply: `made(event, data, response, failure, ctx) -> list[MadeEvent]`, always one."""
    program = Program(name, ANSWER_PARAMETERS, scope)
    program.line("made = []")
    _append_event(program, making, target, scope)
    program.line("return made")
    return program


def _append_event(program: Program, making: MakingParts, target: Record | None, scope: Scope) -> None:
    own_rounds = bool(program.counters)  # not those within the map
    id_ = _text(program, making.id, scope, "id")
    subject = _text(program, making.subject, scope, "subject")
    time = "None"
    if making.time is not None:
        time = to_tree.emit(Leaf(making.time), program, scope, "time", wanted=DATETIME, has_key=False)
    key = _text(program, making.key, scope, "key")
    data = "{}"
    if making.map is not None:
        program.event_type = making.event
        _check_whole(program, making.map, "map")
        if isinstance(making.map, Group) and making.map.loops:
            program.findings.append(Finding("error", "for-beside", making.map.loops[0].place))
        data = to_tree.emit(making.map, program, scope, "", wanted=target)
    elif target is not None and (needed := [name for name, field in target.fields.items() if field.required]):
        fields = {"what": program.name, "type": making.event, "fields": ", ".join(needed)}
        program.findings.append(Finding("error", "map-missing", making.place, fields))
    round_ = program.counters[0] if own_rounds else "None"
    program.line(f"made.append(({id_}, {subject}, {time}, {key}, {data}, {round_}))")


"""What would happen to this document? Every event it becomes, every route of each, and why. Nothing is sent. Pure."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Self

from bus.codecs import parse_written, read_json_fast
from bus.config.model import Configuration, Route
from bus.config.programs import data_of
from bus.errors import BusError, DocumentError, UsageError
from bus.event import Event
from bus.expressions import tree
from bus.expressions.parse import parse
from bus.inbound import Failed, Inbound, NewEvent
from bus.mapping import programs
from bus.mapping.shape import Source
from bus.routing import Document, Match, Routing, Target
from bus.wire import is_structured, structured


@dataclass(frozen=True, slots=True)
class Atom:
    """One part of a condition with what it is for this event: `data.warehouse "WH01" in ["WH01"]`, true."""

    text: str
    holds: bool | None
    missing: str = ""
    failure: BusError | None = None


@dataclass(frozen=True, slots=True)
class Considered:
    """One route and one event: whether it took it, why, and what each system would get.

    Args:
        reason: code of the catalogue where something else than `when` decided: `reason-off`,
            `reason-source`, `reason-shadow`, `reason-no-round`, `reason-failed`; "" otherwise.
    """

    route: Route
    matched: bool
    atoms: tuple[Atom, ...]
    reason: str
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One event and every route that listens to its type."""

    event: Event
    body: bytes
    routes: tuple[Considered, ...]
    failure: BusError | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of a document."""

    events: tuple[Explained, ...]
    rejected: tuple[Failed, ...]


class Built(NamedTuple):
    """What one configuration is run by; built once for many documents."""

    inbound: Inbound
    routing: Routing

    @classmethod
    def of(cls, config: Configuration) -> Self:
        """Build it."""
        return cls(Inbound(config), Routing(config))


def explain(
    config: Configuration, body: bytes, system: str | None, now: datetime, built: Built | None = None
) -> Explanation:
    """Say what the bus would do with a document, or with an event in structured mode.

    Args:
        system: whose document it is; None for an event.

    Raises:
        UsageError: it is no event, and nobody said whose document it is.
        DocumentError: it cannot be read.
    """
    inbound, routing = built or Built.of(config)
    if system is None or (config.systems[system].source is None and _is_event(body)):
        new = event_of(body, now)
        return Explanation((_explained(routing, new),), ())
    outcome = inbound.events(system, inbound.read(system, body), now)
    return Explanation(tuple(_explained(routing, new) for new in outcome.events), outcome.failures)


def event_of(body: bytes, now: datetime) -> NewEvent:
    """Read an event in structured mode."""
    if not _is_event(body):
        raise UsageError("explain-from-whom")
    event, data = structured(body, now)
    return NewEvent(event, data)


def _is_event(body: bytes) -> bool:
    try:
        return is_structured(read_json_fast(body))
    except DocumentError:
        return False


def _explained(routing: Routing, new: NewEvent) -> Explained:
    try:
        event = routing.read(new.event, new.body)
    except BusError as error:
        return Explained(new.event, new.body, (), error)
    considered = tuple(
        _consider(routing, route, event, new.body) for route in routing.config.routes if event.type in route.types
    )
    return Explained(event, new.body, considered)


def _consider(routing: Routing, route: Route, event: Event, body: bytes) -> Considered:
    if route.mode == "off":
        return Considered(route, matched=False, atoms=(), reason="reason-off", matches=())
    if route.sources and event.source not in route.sources:
        return Considered(route, matched=False, atoms=(), reason="reason-source", matches=())
    matches = []
    for system in route.to:
        match = routing.match_one(event, body, route.name, system)
        if match is not None:
            matches.append(match)
    target = routing.targets[route.name, route.to[0]]
    atoms = tuple(_atoms(route, target, event)) if route.when is not None else ()
    failed_condition = any(atom.failure is not None for atom in atoms)
    reason = "reason-shadow" if route.mode == "shadow" and matches else "reason-failed" if failed_condition else ""
    if matches and not any(match.documents or match.failure for match in matches):
        reason = "reason-no-round"
    return Considered(route, bool(matches), atoms, reason, tuple(matches))


def _atoms(route: Route, target: Target, event: Event) -> Iterator[Atom]:
    assert route.when is not None  # noqa: S101 - for the type checker; the caller looked
    parsed = parse(route.when.text)
    assert not isinstance(parsed, tuple)  # noqa: S101 - for the type checker; what lint refuses never gets here
    for node in _parts(parsed):
        yield _atom(node, route.when, route, target, event)


def _parts(node: tree.Node) -> Iterator[tree.Node]:
    if isinstance(node, tree.Logic):
        for part in node.parts:
            yield from _parts(part)
    else:
        yield node


def _atom(node: tree.Node, when: Source, route: Route, target: Target, event: Event) -> Atom:
    text = when.text[node.start : node.end]
    try:
        holds = _value(text, when, route, target, event, condition=True)
        if not isinstance(node, tree.Compare):
            return Atom(text, bool(holds))
        first = when.text[node.first.start : node.first.end]
        rest = when.text[node.first.end : node.end].strip()
        if isinstance(node.first, tree.Literal):
            return Atom(text, bool(holds))
        value = _value(first, when, route, target, event, condition=False)
        if value is None:
            return Atom(text, bool(holds), missing=first)
        return Atom(f"{first} {shown(value)} {rest}", bool(holds))
    except BusError as error:
        return Atom(text, None, failure=error)


def _value(text: str, when: Source, route: Route, target: Target, event: Event, *, condition: bool) -> Any:
    scope = programs.route_scope("", data_of(route.types, target.config.events), (target.system,), target.config.tables)
    source = Source(text, when.scalar)
    build = programs.condition_program if condition else programs.value_program
    return build("explain", source, scope, programs.DELIVERY_PARAMETERS).compiled()(event, event.data, target.context)


def shown(value: Any) -> str:
    """A value of a condition as a person reads it; long ones cut."""
    if isinstance(value, str):
        return f'"{value[:60]}"' + ("…" if len(value) > 60 else "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return f"[{len(value)}]"
    if isinstance(value, dict):
        return "{…}"
    return value.isoformat() if isinstance(value, date) else str(value)


def document_json(format_: str, document: Document) -> Any:
    """A document for a machine: as text, rows as a mapping of lists, `{"base64": …}` where it is not UTF-8."""
    if format_ == "rows":
        return parse_written("rows", document.body)
    try:
        return document.body.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(document.body).decode("ascii")}


def failure_json(error: BusError | None) -> Mapping[str, Any] | None:
    """A failure for a machine."""
    if error is None:
        return None
    where = error.where
    return {
        "code": error.code, "message": str(error),
        "path": where.path if where else None, "expression": where.expression if where else None,
        "line": where.line if where else None, "column": where.column if where else None,
    }

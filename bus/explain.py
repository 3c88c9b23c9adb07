"""What would happen to this document? Every event it becomes, every route of each, and why. Nothing is sent. Pure."""

import base64
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from bus.codecs import parse_written, read_json_fast
from bus.conditions import Atom, atoms_of
from bus.config.model import Configuration, Route, Rule
from bus.config.programs import columns_of, data_of
from bus.errors import BusError, DocumentError, UsageError
from bus.event import Event
from bus.inbound import Failed, Inbound, NewEvent
from bus.mapping import programs
from bus.mapping.generate import Program
from bus.mapping.shape import Source
from bus.mapping.trace import missing_below
from bus.places import Finding, Place
from bus.routing import Document, Match, Routing, Target
from bus.wire import event_within, is_structured


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
class Tried:
    """One inbound rule of the sender: whether it took the document, and why."""

    rule: Rule
    matched: bool
    atoms: tuple[Atom, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One event and every route that listens to its type; `rule` made it, "" where none did."""

    event: Event
    body: bytes
    routes: tuple[Considered, ...]
    failure: BusError | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of a document.

    Args:
        rules: of its system, in the order of routing.yaml; none for what is an event already.
        doubts: lists that came out empty, since a path leads nowhere.
    """

    events: tuple[Explained, ...]
    rejected: tuple[Failed, ...]
    rules: tuple[Tried, ...] = ()
    doubts: tuple[Finding, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether any of it would end as a letter."""
        return bool(self.rejected) or any(
            explained.failure is not None or any(match.failure for one in explained.routes for match in one.matches)
            for explained in self.events
        )


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
    document = inbound.read(system, body)
    outcome = inbound.events(system, document, now, body)
    took = {new.rule for new in outcome.events} | {failed.rule for failed in outcome.failures}
    rules = [rule for rule in config.rules if rule.system == system]
    return Explanation(
        tuple(_explained(routing, new) for new in outcome.events), outcome.failures,
        tuple(_tried(inbound, rule, document, matched=rule.name in took) for rule in rules),
        tuple(_doubt(failed) for failed in outcome.doubts),
    )


def _doubt(failed: Failed) -> Finding:
    where = failed.error.where
    place = Place(where.file, where.line, where.column, len(where.expression)) if where else Place("")
    return Finding("warning", failed.error.code, place, failed.error.fields)


def event_of(body: bytes, now: datetime) -> NewEvent:
    """Read an event in structured mode.

    Raises:
        UsageError: it is none, or would be with the attribute that is named.
        DocumentError: it begins like JSON, and is none.
    """
    document = read_json_fast(body) if body.lstrip(BOM_UTF8 + b" \t\r\n").startswith(b"{") else {}
    if not is_structured(document):
        nearly = "data" in document and not document.keys().isdisjoint(("type", "specversion"))
        name = "type" if "specversion" in document else "specversion"
        raise UsageError("explain-no-event", name=name) if nearly else UsageError("explain-from-whom")
    return NewEvent(*event_within(document, now))


def _is_event(body: bytes) -> bool:
    try:
        return is_structured(read_json_fast(body))
    except DocumentError:
        return False


def _explained(routing: Routing, new: NewEvent) -> Explained:
    try:
        event = routing.read(new.event, new.body)
    except BusError as error:
        return Explained(new.event, new.body, (), error, new.rule)
    considered = tuple(
        _consider(routing, route, event, new.body) for route in routing.config.routes if event.type in route.types
    )
    return Explained(event, new.body, considered, rule=new.rule)


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
    atoms = _atoms(route, target, event)
    if _fails(target, event):
        return Considered(route, matched=False, atoms=atoms, reason="reason-failed", matches=tuple(matches))
    reason = "reason-shadow" if route.mode == "shadow" and matches else ""
    if matches and not any(match.documents or match.failure for match in matches):
        reason = "reason-no-round"
    return Considered(route, bool(matches), atoms, reason, tuple(matches))


def _fails(target: Target, event: Event) -> bool:
    """Whether the condition cannot be computed; a part of it may fail where another decides."""
    try:
        target.matches(event)
    except BusError:
        return True
    return False


def _atoms(route: Route, target: Target, event: Event) -> tuple[Atom, ...]:
    if route.when is None:
        return ()

    def run(source: Source, build: Callable[..., Program]) -> Any:
        data = data_of(route.types, target.config.events)
        scope = programs.route_scope("", data, (target.system,), target.config.tables)
        program = build("explain", source, scope, programs.DELIVERY_PARAMETERS)
        return program.compiled()(event, event.data, target.context)

    return atoms_of(route.when, run)


def _tried(inbound: Inbound, rule: Rule, document: Any, *, matched: bool) -> Tried:
    if rule.when is None:
        return Tried(rule, matched, ())
    context, config = inbound.context(rule.system), inbound.config

    def run(source: Source, build: Callable[..., Program]) -> Any:
        scope = programs.document_scope((rule.system,), columns_of(config))
        return build("explain", source, scope, "document, ctx").compiled()(document, context)

    return Tried(rule, matched, atoms_of(rule.when, run, lambda text: missing_below(text, document=document)))


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

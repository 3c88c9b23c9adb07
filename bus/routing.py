"""From one event to every subscriber's own document: validate, match, map, encode. Pure.

A `Routing` is one version of routing.yaml and its lookups, never changed: a reload makes another, so
each event sees exactly one. Routes are compiled when their first event comes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct  # made for every event, and in half the time of a NamedTuple

from bus.codecs import CONTENT_TYPES, read_json_fast, write, write_json_fast
from bus.codecs.charsets import misfit
from bus.codecs.xml_format import parse
from bus.codecs.xml_writer import declaration
from bus.config.model import Configuration, Route
from bus.config.programs import RoutePrograms, data_of, route_form, route_programs
from bus.errors import BusError, DocumentError, InvalidEvent
from bus.event import DEFAULT_ZONE, Event, delivery_id
from bus.expressions.context import Context
from bus.guards import Guard, guard_of
from bus.mapping.forms import Fill
from bus.mapping.shape import Group
from bus.mapping.values import PASS_ON, as_columns, rows_of, weighed
from bus.validate import compile_reader
from bus.wire import STRUCTURED, cloudevents_json

LARGE = 64 * 1024  # bytes; a smaller event cannot become too large a document
STRUCTURED_TYPE = f"{STRUCTURED}+json"


class Document(Struct, frozen=True):
    """One document for one subscriber.

    Args:
        id: of the delivery, the same whenever this event meets this route.
        name, path, headers: as the route computes them; "" and empty where it does not.
    """

    id: str
    body: bytes
    content_type: str
    encoding: str
    name: str = ""
    path: str = ""
    headers: Mapping[str, str] = MappingProxyType({})


class Match(Struct, frozen=True):
    """A route that took the event, for one of its systems: the documents, or why there are none."""

    route: Route
    system: str
    documents: tuple[Document, ...] = ()
    failure: BusError | None = None


class Target:
    """One route to one system, compiled when it first runs."""

    def __init__(self, route: Route, system: str, config: Configuration) -> None:
        self.route, self.system = route, system
        self.config = config
        known = config.systems[system]
        sink = known.sink
        self.encoding = route.encoding or (sink.options.encoding if sink is not None else "utf-8")
        self.context = Context(system, ZoneInfo(known.zone), self.encoding, None, config.tables)
        self.content_type = CONTENT_TYPES[route.format] if route.format else STRUCTURED_TYPE
        self._utf8 = self.encoding.lower() in ("utf-8", "utf8")
        self._plain_json = self._utf8 and route.format == "json"
        self._options = route.options
        if route.format == "csv" and isinstance(route.shape, Group):
            self._options = {**route.options, "columns": [entry.key for entry in route.shape.entries]}
        self._programs: RoutePrograms | None = None
        self._when: Callable[..., bool] | None = None
        self._make: Callable[..., list[Any]] | None = None
        self._fill: Fill | None = self._draw
        self._declaration = declaration(self.encoding) if route.format == "xml" else ""

    @property
    def programs(self) -> RoutePrograms:
        """The route's programs for this system."""
        if self._programs is None:
            self._programs = route_programs(self.route, self.config, self.system)
        return self._programs

    def matches(self, event: Event) -> bool:
        """Say whether the route takes the event. Raises BusError when its condition cannot be computed."""
        route = self.route
        if route.sources and event.source not in route.sources:
            return False
        if route.when is None:
            return True
        if self._when is None:
            assert self.programs.when is not None  # noqa: S101 - for the type checker; there is a `when`
            self._when = self.programs.when.compiled()
        return self._when(event, event.data, self.context)

    def documents(self, event: Event, body: bytes) -> tuple[Document, ...]:
        """Return what the subscriber gets. Raises BusError when the mapping or the encoding fails."""
        route, system = self.route.name, self.system
        if self._fill is not None and len(body) <= LARGE:
            filled = self._fill(event, event.data, self.context)
            if filled is not None:
                id_ = delivery_id(event.source, event.id, route, system)
                return (Document(id_, filled, self.content_type, self.encoding),)
        make = self._make
        if make is None:
            make = self._make = self.programs.body.compiled()
        documents = []
        for round_, made, name, path, headers in make(event, event.data, self.context):
            id_ = delivery_id(event.source, event.id, route, system, round_)
            encoded = self._encode(made, event, body)
            documents.append(Document(id_, encoded, self.content_type, self.encoding, name, path, headers))
        return tuple(documents)

    def _draw(self, event: Event, data: Any, ctx: Context) -> bytes | None:
        """Draw the form, and fill in the first one."""
        begin = self._declaration.encode()
        self._fill = route_form(self.route, self.config, self.system, ctx, begin) if self._utf8 else None
        return None if self._fill is None else self._fill(event, data, ctx)

    def _encode(self, made: Any, event: Event, body: bytes) -> bytes:
        if self._plain_json and made is not PASS_ON and len(body) <= LARGE:
            return write_json_fast(made)
        route = self.route
        if made is None:
            return cloudevents_json(event, body)
        if made is PASS_ON:
            return body if self._utf8 else write("json", read_json_fast(body), {}, self.encoding)
        if route.format == "xml" and type(made) is str:
            try:
                return (self._declaration + made).encode(self.encoding)
            except UnicodeEncodeError as error:
                raise DocumentError("character-misfit", **misfit(error, self.encoding, parse(made)).fields) from None
        if len(body) > LARGE:
            weighed(made)
        if route.format == "fixed":
            made = as_columns(made, route.layout)
        elif route.format == "csv":
            made = rows_of(made)
        elif route.format == "rows":
            made = {table: rows_of(rows) for table, rows in made.items()}
        if self._utf8 and route.format in ("json", "rows"):
            return write_json_fast(made)
        return write(route.format, made, self._options, self.encoding)


class Routing:
    """Every route of one configuration, found by event type and, where conditions allow, by value."""

    def __init__(self, config: Configuration) -> None:
        self.config = config
        self._readers: dict[str, Callable[[bytes, str], dict[str, Any]]] = {}
        self._zones = {name: system.zone for name, system in config.systems.items()}
        self._index: dict[str, _Index] = {}
        self._by_type: dict[str, list[Target]] = {}
        self.targets: dict[tuple[str, str], Target] = {}
        for route in config.routes:
            if route.mode == "off":
                continue
            for system in route.to:
                target = Target(route, system, config)
                self.targets[route.name, system] = target
                for type_ in route.types:
                    self._by_type.setdefault(type_, []).append(target)

    def read(self, event: Event, body: bytes) -> Event:
        """Return the event with its data read and checked against its type.

        Raises:
            InvalidEvent: the type is unknown, the data is no JSON, or does not fit.
        """
        read = self._readers.get(event.type)
        if read is None:
            known = self.config.events.get(event.type)
            if known is None:
                raise InvalidEvent("event-type-unknown", type=event.type)
            read = self._readers[event.type] = compile_reader(known)
        try:
            data = read(body, self._zones.get(event.source, DEFAULT_ZONE))
        except DocumentError as error:
            raise InvalidEvent("event-unreadable", reason=str(error)) from error
        event.data = data
        return event

    def matches(self, event: Event, body: bytes) -> list[Match]:
        """Return a match for each route and system that takes the event, in the order of routing.yaml."""
        index = self._index.get(event.type)
        if index is None:
            data = data_of((event.type,), self.config.events)
            index = self._index[event.type] = _Index(self._by_type.get(event.type, ()), data)
        found = []
        for _, target, shown in index.candidates(event):
            try:
                if shown or target.matches(event):
                    found.append(Match(target.route, target.system, target.documents(event, body)))
            except BusError as error:
                found.append(Match(target.route, target.system, (), error))
        return found

    def match_one(self, event: Event, body: bytes, route: str, system: str) -> Match | None:
        """The same for one route and system alone, as a replay asks; None when it does not take the event."""
        target = self.targets.get((route, system))
        if target is None or event.type not in target.route.types:
            return None
        try:
            if not target.matches(event):
                return None
            return Match(target.route, target.system, target.documents(event, body))
        except BusError as error:
            return Match(target.route, target.system, (), error)


# Its place among the targets of the type, and whether its condition is shown to hold.
_Candidate = tuple[int, Target, bool]


class _Index:
    """The targets of one event type; those whose condition begins with `path == "text"` by that text.

    A thousand routes that each name their warehouse cost one look-up, not a thousand conditions.
    """

    def __init__(self, targets: Iterable[Target], data: Any) -> None:
        self.always: list[_Candidate] = []
        guarded: dict[tuple[str, ...], dict[str, list[_Candidate]]] = {}
        for place, target in enumerate(targets):
            guard = guard_of(target.route.when, data)
            if guard is None:
                self.always.append((place, target, False))
                continue
            by_value = guarded.setdefault(guard.path, {})
            for value in guard.values:
                by_value.setdefault(value, []).append((place, target, guard.whole and not target.route.sources))
        self.guarded = [(Guard.reader(path), by_value) for path, by_value in guarded.items()]

    def candidates(self, event: Event) -> Sequence[_Candidate]:
        """Targets that may take the event, in the order of routing.yaml."""
        found = self.always
        for read, by_value in self.guarded:
            fitting = by_value.get(read(event))
            if fitting:
                found = sorted(found + fitting) if found else fitting
        return found


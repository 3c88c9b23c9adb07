"""From a system's own document to events, by the inbound rules; and from answers to replies. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bus.adapter import Answer, SourceOptions
from bus.codecs import read, read_json_fast, row_line
from bus.codecs.paths import parse_path
from bus.config.model import Configuration, Making, Rule
from bus.config.programs import columns_of, rule_programs
from bus.errors import BusError, DocumentError, Held, IdentityConflict, InvalidEvent, Where
from bus.event import Event
from bus.expressions.context import Context
from bus.mapping.programs import MadeEvent, document_scope, value_program
from bus.mapping.shape import Group, Leaf, Several, Shape, Source
from bus.mapping.to_tree import needs_rounds
from bus.mapping.trace import missing_below
from bus.plain import parse_iso_datetime
from bus.routing import Target
from bus.validate import Check, compile_validator
from bus.wire import checked_envelope, event_body, event_within, is_structured, is_structured_type

PASSED_ON = ("correlationid", "traceparent", "tracestate")  # by a reply: they belong to the whole story


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event with its data as it will travel, and the rule that made it, "" where none did."""

    event: Event
    body: bytes
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A rule that took the document and could not make its event; "" for the document as a whole."""

    rule: str
    line: int
    error: BusError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a document: every rule that took it made its events, or failed.

    Args:
        doubts: lists that an event needs and that came out empty, since a path of the rule leads nowhere.
    """

    events: tuple[NewEvent, ...]
    failures: tuple[Failed, ...] = ()
    doubts: tuple[Failed, ...] = ()


class _Draft(NamedTuple):
    """An event as a rule or reply made it, but for its data: that is JSON, and holds nothing of the document."""

    id: str
    subject: str
    time: Any
    key: str
    body: bytes
    round: int | None


class _Taken(NamedTuple):
    """What a rule that took the document made of it, or why it could not, and what is doubtful about it."""

    runner: "_RuleRunner"
    drafts: Sequence[_Draft] = ()
    doubt: BusError | None = None
    error: BusError | None = None


class _RuleRunner:
    """One inbound rule, compiled when its first document comes."""

    def __init__(self, rule: Rule, config: Configuration) -> None:
        self.rule = rule
        self._config = config
        self._run: tuple[Callable[..., bool] | None, Callable[..., list[MadeEvent]]] | None = None
        map_ = rule.making.map
        self._lists = [entry.key for entry in map_.entries if needs_rounds(entry)] if isinstance(map_, Group) else []
        self._strict: Callable[..., Any] | None = None
        self.is_by_row = bool(rule.loops) and rule.loops[0].over.text.strip() == "document.rows"

    def take(self, document: Any, context: Context) -> _Taken | None:
        """Return what the rule makes of the document; None when its `when` does not hold."""
        try:
            made = self._made(document, context)
            if made is None:
                return None
            return _Taken(self, [_draft(one) for one in made], self._doubt(made, document, context))
        except BusError as error:
            return _Taken(self, error=error)

    def _made(self, document: Any, context: Context) -> list[MadeEvent] | None:
        """Run the program.

        Raises:
            BusError: something cannot be computed, or `for` found nothing; an empty list is fine, and so is
                one whose rounds `if` left out.
        """
        if self._run is None:
            when, make = rule_programs(self.rule, self._config)
            self._run = (when.compiled() if when is not None else None), make.compiled()
        when_run, make_run = self._run
        if when_run is not None and not when_run(document, context):
            return None
        made = make_run(document, context)
        if not made and self._found_nothing(document, context):
            missing = missing_below(self.rule.loops[0].over.text, document=document)
            if missing is not None:
                raise Held("no-event-path", system=self.rule.system, **missing._asdict())
            raise Held("no-event", system=self.rule.system)
        return made

    def _doubt(self, made: Iterable[MadeEvent], document: Any, context: Context) -> BusError | None:
        """Say why a list that the event needs is empty, where a path leads nowhere: it may be misspelt.

        `for` over null does nothing, and a list may be empty, so the event goes its way all the same.
        """
        if not self._lists or all(data[name] for *_, data, _ in made for name in self._lists):
            return None
        if self._strict is None:
            self._strict = rule_programs(self.rule, self._config, strict=True)[1].compiled()
        try:
            self._strict(document, context)
        except BusError as error:
            return error if error.code in ("rounds-missing", "rounds-misspelt") else None
        return None  # pragma: no cover - one of them is empty, so it raises

    def _found_nothing(self, document: Any, context: Context) -> bool:
        """A misspelt path is null, and null makes no rounds: the document would be gone without a word."""
        if not self.rule.loops:
            return False
        scope = document_scope((self.rule.system,), columns_of(self._config))
        program = value_program(f"inbound {self.rule.name}", self.rule.loops[0].over, scope, "document, ctx")
        over = program.compiled()(document, context)
        return over is None or (bool(over) and self.rule.condition is None)


class Inbound:
    """The inbound rules of one configuration."""

    def __init__(self, config: Configuration) -> None:
        self.config = config
        self._rules: dict[str, list[_RuleRunner]] = {}
        for rule in config.rules:
            self._rules.setdefault(rule.system, []).append(_RuleRunner(rule, config))
        self._finish = _Finish(config)

    def read(self, system: str, body: bytes, content_type: str = "") -> Any:
        """Read a document in its source's format, or an event in structured mode.

        Raises:
            DocumentError: it is no such document, its content type means events in a form that the bus does
                not read, or nobody knows the system.
        """
        options = self._options(system)
        if is_structured_type(content_type):
            return read("json", body, SourceOptions(max_body=options.max_body))
        return read(options.format, body, options, content_type)

    def context(self, system: str) -> Context:
        """What the rules of a system are given beside the document. Raises DocumentError."""
        options = self._options(system)
        zone = ZoneInfo(self.config.systems[system].zone)
        return Context(system, zone, options.encoding, options.numbers, self.config.tables)

    def events(self, system: str, document: Any, now: datetime, body: bytes = b"") -> Outcome:
        """Run every rule of the system over a document that was read.

        An event in structured mode needs no rule, unless its type is not of the bus's own. A document that
        no rule takes is a failure too.

        Args:
            now: the time of an event whose rule gives none.
            body: what the document was read from, so that a failure can name the line of a row.
        """
        try:
            context = self.context(system)
        except DocumentError as error:
            return Outcome((), (Failed("", 0, error),))
        own = is_structured(document)
        runners = self._rules.get(system, ())
        if own and (not runners or self._finish.knows(document["type"])):
            return self._event_itself(system, document, now)
        zone = self.config.systems[system].zone
        taken = [found for runner in runners if (found := runner.take(document, context)) is not None]
        if not taken and own:
            return self._event_itself(system, document, now)  # … which says that nobody knows its type
        if not taken:
            return Outcome((), (Failed("", 0, Held("no-rule", system=system)),))
        del document  # the tree of a large one takes four times its size, and checking the event as much again
        events: dict[str, NewEvent] = {}
        failures: list[Failed] = []
        doubts: list[Failed] = []
        for each in taken:
            name, line = each.runner.rule.name, each.runner.rule.place.line
            try:
                new = self._finished(each, now, zone)
                events |= _told_apart(new, events)
            except BusError as error:
                self._count_lines(error, system, body)
                failures.append(Failed(name, line, error))
            else:
                doubts += [Failed(name, line, each.doubt)] if each.doubt is not None else []
        return Outcome(tuple(events.values()), tuple(failures), tuple(doubts))

    def _count_lines(self, error: BusError, system: str, body: bytes) -> None:
        """Let an error about a row name its line."""
        options = self._options(system)
        if error.row is not None and (line := row_line(options.format, body, options, error.row)):
            error.fields["row_no"] = line

    def _finished(self, taken: _Taken, now: datetime, zone: str) -> list[NewEvent]:
        if taken.error is not None:
            raise taken.error
        rule, new = taken.runner.rule, []
        for draft in taken.drafts:
            try:
                new.append(replace(self._finish.event(rule.making, rule.system, draft, now, zone), rule=rule.name))
            except BusError as error:
                error.row = draft.round if taken.runner.is_by_row else None
                raise
        return new

    def _options(self, system: str) -> SourceOptions:
        known = self.config.systems.get(system)
        if known is None:
            raise DocumentError("system-not-known", system=system[:80])
        return known.source.options if known.source is not None else SourceOptions()

    def _event_itself(self, system: str, document: Mapping[str, Any], now: datetime) -> Outcome:
        """Make the event a document is already.

        Whatever it calls its source, the event is the system's it came from: nobody speaks in another's
        name, and routes, zones and lookups go by the names of routing.yaml.
        """
        zone = self.config.systems[system].zone
        try:
            event, body = event_within({**document, "source": system}, now, {system: zone})
            checked = self._finish.check(event.type, body, zone)
        except BusError as error:
            return Outcome((), (Failed("", 0, error),))
        return Outcome((NewEvent(event.with_data(checked), body),))


def _told_apart(new: Iterable[NewEvent], before: Mapping[str, NewEvent]) -> dict[str, NewEvent]:
    """Return events by id; the same twice is once, two that differ in more than time are a fault of the rules.

    The router would take the second for a repetition, or for a conflict, long after the rule was forgotten.
    """
    found: dict[str, NewEvent] = {}
    for one in new:
        same = found.get(one.event.id) or before.get(one.event.id)
        if same is not None and (same.event.type, same.body) != (one.event.type, one.body):
            raise IdentityConflict("event-id-twice", id=one.event.id)
        found[one.event.id] = same or one
    return found


class Replies:
    """The `then` and `otherwise` of routes."""

    def __init__(self, config: Configuration) -> None:
        self._finish = _Finish(config)
        self._compiled: dict[tuple[str, str, str], Callable[..., list[Any]]] = {}

    def reply(
        self, target: Target, word: str, event: Event, answer: Answer, delivery: str, now: datetime
    ) -> NewEvent | None:
        """Make the reply to a delivery, or None where the route has none.

        Its id is made from the delivery's, so that repeating it changes nothing. Raises BusError.
        """
        making = target.route.then if word == "then" else target.route.otherwise
        if making is None:
            return None
        key = (target.route.name, target.system, word)
        run = self._compiled.get(key)
        if run is None:
            programs = target.programs
            program = programs.then if word == "then" else programs.otherwise
            assert program is not None  # noqa: S101 - for the type checker; there is a making
            run = self._compiled[key] = program.compiled()
        failure = {"code": answer.code or "-", "message": answer.message or "-"}
        draft = _draft(*run(event, event.data, answer.response, failure, target.context))
        draft = draft._replace(
            id=draft.id or f"{delivery}:{making.event}", subject=draft.subject or event.subject,
            key=draft.key or event.key,
        )
        new = self._finish.event(making, target.system, draft, now, str(target.context.zone))
        story = {name: value for name in PASSED_ON if (value := event.extensions.get(name))}
        return replace(new, event=replace(new.event, extensions={**story, "causationid": event.id}))


class _Finish:
    """Turns what a program made into an event that fits its schema and can travel."""

    def __init__(self, config: Configuration) -> None:
        self._config = config
        self._checks: dict[str, Check] = {}

    def knows(self, type_: Any) -> bool:
        """Whether this is a type of event."""
        return type(type_) is str and type_ in self._config.events

    def event(self, making: Making, source: str, draft: _Draft, now: datetime, zone: str) -> NewEvent:
        """Return the event, its data typed, and in the body written as its types have it.

        Raises:
            InvalidEvent: the router would refuse it; `where` is the expression that made the unfit value.
        """
        try:
            checked = self.check(making.event, draft.body, zone)
            time_ = _time(draft.time, now, zone)
            event = checked_envelope(Event(making.event, source, draft.id, checked, draft.subject, time_, draft.key))
        except InvalidEvent as error:
            raise _located(error, making) from None
        return NewEvent(event, event_body(checked))

    def check(self, type_: str, body: bytes, zone: str) -> dict[str, Any]:
        """Check data as the router will read it. Raises InvalidEvent."""
        check = self._checks.get(type_)
        if check is None:
            known = self._config.events.get(type_)
            if known is None:
                raise InvalidEvent("event-type-unknown", type=type_[:80])
            check = self._checks[type_] = compile_validator(known)
        return check(read_json_fast(body), zone)


def _draft(made: MadeEvent) -> _Draft:
    id_, subject, moment, key, data, round_ = made
    return _Draft(id_, subject, moment, key, event_body(data), round_)


def _located(error: InvalidEvent, making: Making) -> InvalidEvent:
    """The error with the place in routing.yaml, and with advice for whoever wrote it there."""
    path = error.fields.get("path")
    if path is not None:
        error = InvalidEvent("event-map-unfit", **error.fields)
        path = str(path).removeprefix("data.")
        source = _source_at(making.map, path)
    else:
        path = _PARTS.get(error.code) or _PARTS.get(str(error.fields.get("name")), "")
        source = getattr(making, path, None)
    if source is not None:
        place = source.place_of()
        error.where = Where(path, source.text, place.file, place.line, place.column)
    return error


# The part of a rule that makes what is wrong, by the error's code or the attribute it names.
_PARTS = {
    "event-attribute-time": "time", "event-id-too-long": "id", "id": "id", "subject": "subject", "partitionkey": "key",
}


def _source_at(shape: Shape | None, path: str) -> Source | None:
    """The expression that fills a field, or a whole in which it lies; None where no single one does."""
    for step in parse_path(path):
        if isinstance(shape, Several) and isinstance(step, int):
            looped = any(isinstance(item, Group) and (item.loops or item.condition) for item in shape.items)
            shape = None if looped else shape.items[step]  # after a loop nobody knows which of them it was
        elif isinstance(shape, Group) and isinstance(step, str):
            shape = next((entry.value for entry in shape.entries if entry.key == step), None)
    return shape.source if isinstance(shape, Leaf) else None


def _time(value: Any, now: datetime, zone: str) -> datetime:
    """The moment a rule's `time` means: any date, time or ISO 8601 text; the system's zone where it has none."""
    if value is None:
        return now
    if type(value) is datetime:
        return value if value.tzinfo is not None else value.replace(tzinfo=ZoneInfo(zone))
    if type(value) is date:
        return datetime.combine(value, time(), ZoneInfo(zone))
    parsed = parse_iso_datetime(value, zone) if type(value) is str else None
    if parsed is None:
        raise InvalidEvent("event-attribute-time")
    return parsed


def problem_of(failures: Iterable[Failed]) -> BusError | None:
    """The first failure, for whoever can be told only one."""
    return next((failed.error for failed in failures), None)

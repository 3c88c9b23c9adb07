"""From a system's own document to events, by the inbound rules; and from answers to replies. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from bus.adapter import Answer, SourceOptions
from bus.codecs import read, read_json_fast
from bus.config.model import Configuration, Rule
from bus.config.programs import rule_programs
from bus.errors import BusError, DocumentError, Held, InvalidEvent
from bus.event import Event
from bus.expressions.context import Context
from bus.plain import parse_iso_datetime
from bus.routing import Target
from bus.validate import Check, compile_validator
from bus.wire import STRUCTURED, event_body, is_structured, structured

MAX_ID = 255  # characters; AMQP's short strings end there


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event with its data as it will travel."""

    event: Event
    body: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """A rule that took the document and could not make its event; "" for the document as a whole."""

    rule: str
    line: int
    error: BusError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a document: every rule that took it made its events, or failed."""

    events: tuple[NewEvent, ...]
    failures: tuple[Failed, ...] = ()


class _RuleRunner:
    """One inbound rule, compiled when its first document comes."""

    def __init__(self, rule: Rule, config: Configuration) -> None:
        self.rule = rule
        self._config = config
        self._run: tuple[Callable[..., bool] | None, Callable[..., list[Any]]] | None = None

    def run(self, document: Any, context: Context) -> list[Any] | None:
        """Return what the rule makes of the document; None when its `when` does not hold."""
        if self._run is None:
            when, make = rule_programs(self.rule, self._config)
            self._run = (when.compiled() if when is not None else None), make.compiled()
        when_run, make_run = self._run
        if when_run is not None and not when_run(document, context):
            return None
        return make_run(document, context)


class Inbound:
    """The inbound rules of one configuration."""

    def __init__(self, config: Configuration) -> None:
        self.config = config
        self._rules: dict[str, list[_RuleRunner]] = {}
        for rule in config.rules:
            self._rules.setdefault(rule.system, []).append(_RuleRunner(rule, config))
        self._finish = _Finish(config)

    def read(self, system: str, body: bytes, content_type: str = "") -> Any:
        """Read a document in its source's format. Raises DocumentError."""
        known = self.config.systems.get(system)
        options = known.source.options if known is not None and known.source is not None else SourceOptions()
        if content_type.startswith(STRUCTURED):
            return read_json_fast(body)
        return read(options.format, body, options, content_type)

    def events(self, system: str, document: Any, now: datetime) -> Outcome:
        """Run every rule of the system over a document that was read.

        A document that no rule takes, and an event of a system that may not send it, is a failure too.
        """
        known = self.config.systems.get(system)
        if known is None:
            return Outcome((), (Failed("", 0, DocumentError("system-not-known", system=system)),))
        options = known.source.options if known.source is not None else SourceOptions()
        context = Context(system, ZoneInfo(known.zone), options.encoding, options.numbers, self.config.tables)
        if is_structured(document):
            return self._event_itself(system, document, now)
        events: list[NewEvent] = []
        failures: list[Failed] = []
        taken = False
        for runner in self._rules.get(system, ()):
            try:
                made = runner.run(document, context)
                if made is None:
                    continue
                taken = True
                events += [
                    self._finish.event(runner.rule.making.event, system, one, now, known.zone) for one in made
                ]
            except BusError as error:
                taken = True
                failures.append(Failed(runner.rule.name, runner.rule.place.line, error))
        if not taken:
            failures.append(Failed("", 0, Held("no-rule", system=system)))
        return Outcome(tuple(events), tuple(failures))

    def _event_itself(self, system: str, document: Mapping[str, Any], now: datetime) -> Outcome:
        """A document that is an event in structured mode already needs no rule."""
        try:
            event, body = structured(event_body({**document, "source": system}), now)
            self._finish.check(event.type, body, self.config.systems[system].zone)
        except BusError as error:
            return Outcome((), (Failed("", 0, error),))
        return Outcome((NewEvent(event, body),))


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
        (made,) = run(event, event.data, answer.response, failure, target.context)
        id_, subject, moment, own_key, data = made
        one = (id_ or f"{delivery}:{making.event}", subject or event.subject, moment, own_key or event.key, data)
        extensions = {"causationid": event.id}
        zone = str(target.context.zone)
        return self._finish.event(making.event, target.system, one, now, zone, extensions)


class _Finish:
    """Turns what a program made into an event that fits its schema."""

    def __init__(self, config: Configuration) -> None:
        self._config = config
        self._checks: dict[str, Check] = {}

    def event(
        self, type_: str, source: str, made: Any, now: datetime, zone: str, extensions: Mapping[str, str] | None = None
    ) -> NewEvent:
        id_, subject, moment, key, data = made
        if len(id_) > MAX_ID:
            raise InvalidEvent("event-id-too-long", limit=MAX_ID)
        body = event_body(data)
        checked = self.check(type_, body, zone)
        event = Event(type_, source, id_, checked, subject, _time(moment, now, zone), key, extensions or {})
        return NewEvent(event, body)

    def check(self, type_: str, body: bytes, zone: str) -> dict[str, Any]:
        """Check data as the router will read it. Raises InvalidEvent."""
        check = self._checks.get(type_)
        if check is None:
            known = self._config.events.get(type_)
            if known is None:
                raise InvalidEvent("event-type-unknown", type=type_)
            check = self._checks[type_] = compile_validator(known)
        return check(read_json_fast(body), zone)


def _time(value: Any, now: datetime, zone: str) -> datetime:
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


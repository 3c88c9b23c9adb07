"""The programs of a configuration's rules and routes: built to be checked, and to be run."""

from collections.abc import Mapping
from dataclasses import dataclass

from bus.config.model import Configuration, Making, Route, Rule, SinkEnd
from bus.config.systems import computed
from bus.expressions.compile import shown_present
from bus.expressions.context import Context
from bus.expressions.parse import parse
from bus.expressions.scope import Columns, Scope
from bus.mapping import programs
from bus.mapping.forms import Fill, form_of
from bus.mapping.generate import Program
from bus.mapping.programs import Extras, MakingParts, Rounds
from bus.mapping.shape import Source
from bus.types import ANY, EventType, Field, Record, Type


@dataclass(frozen=True, slots=True)
class RoutePrograms:
    """What runs for one route to one system."""

    when: Program | None
    body: Program
    then: Program | None
    otherwise: Program | None


@dataclass(frozen=True, slots=True)
class SinkPrograms:
    """What judges the answers of one system."""

    success: Program | None
    failures: tuple[tuple[Program, str], ...]


def route_programs(route: Route, config: Configuration, system: str) -> RoutePrograms:
    """Build the programs of a route for one of its targets, "" where none of them is known."""
    def scope() -> Scope:
        return _route_scope(route, config, system)

    when = None
    if route.when is not None:
        when = programs.condition_program(f"route {route.name}", route.when, scope(), programs.DELIVERY_PARAMETERS)
    rounds = Rounds(route.loops, route.condition, route.lets, route.let_first, route.place)
    inner = scope().knowing(_present(route))
    extras = _extras(route, config, system)
    body = programs.route_program(f"route {route.name}", rounds, route.format, route.shape, extras, inner)
    if route.when is not None and isinstance(parse(route.when.text), tuple):  # nobody knows what it would have shown
        body.findings = [finding for finding in body.findings if finding.code != "may-be-missing"]
    replies = [
        programs.reply_program(
            f"{word} of {route.name}", parts_of(making), target_of(making, config.events),
            programs.answer_scope(scope().knowing(_present(route))),
        )
        if making is not None else None
        for word, making in (("then", route.then), ("otherwise", route.otherwise))
    ]
    return RoutePrograms(when, body, replies[0], replies[1])


def route_form(route: Route, config: Configuration, system: str, ctx: Context, begin: bytes) -> Fill | None:
    """Draw the form of a route's documents in UTF-8, which begin so; None where they make none."""
    if route.loops or route.condition is not None or any(_extras(route, config, system)):
        return None
    scope = _route_scope(route, config, system).knowing(_present(route))
    return form_of(route.format, route.lets, route.shape, scope, ctx, begin)


def _route_scope(route: Route, config: Configuration, system: str) -> Scope:
    data = ANY if route.untyped else data_of(route.types, config.events)
    shown = " / ".join(route.types[:2]) + (" / …" if len(route.types) > 2 else "")
    return programs.route_scope(shown, data, (system,) if system else (), columns_of(config))


def _present(route: Route) -> frozenset[str]:
    """What the route's condition shows to be there."""
    if route.when is None or isinstance(parsed := parse(route.when.text), tuple):
        return frozenset()
    return shown_present(parsed)


def _extras(route: Route, config: Configuration, system: str) -> Extras:
    end = config.systems[system].sink if system in config.systems else None
    return Extras(computed(end, "name", route.file_name), computed(end, "path", route.path), route.headers)


def rule_programs(rule: Rule, config: Configuration, *, strict: bool = False) -> tuple[Program | None, Program]:
    """Build the condition and the mapping of an inbound rule; `strict` as `rule_program` says."""
    def scope() -> Scope:
        known = (rule.system,) if rule.system in config.systems else ()
        return programs.document_scope(known, columns_of(config))

    when = None
    if rule.when is not None:
        when = programs.condition_program(f"inbound {rule.name}", rule.when, scope(), "document, ctx")
    rounds = Rounds(rule.loops, rule.condition, rule.lets, rule.let_first, rule.place)
    target = target_of(rule.making, config.events)
    making = parts_of(rule.making)
    return when, programs.rule_program(f"inbound {rule.name}", rounds, making, target, scope(), strict=strict)


def sink_programs(name: str, end: SinkEnd, config: Configuration) -> SinkPrograms:
    """Build `success` and `failures` of a system."""
    def build(source: Source) -> Program:
        scope = programs.answer_scope(programs.route_scope("", ANY, (name,), columns_of(config)))
        return programs.condition_program(f"answers of {name}", source, scope, programs.ANSWER_PARAMETERS)

    success = build(end.success) if end.success is not None else None
    return SinkPrograms(success, tuple((build(rule.when), rule.do) for rule in end.failures))


def computed_programs(name: str, end: SinkEnd, config: Configuration) -> tuple[Program, ...]:
    """Build the options of a system that are computed for each delivery; only what is sure is checked."""
    scope = programs.route_scope("", ANY, (name,), columns_of(config))
    return tuple(
        programs.value_program(f"options of {name}", source, scope, programs.DELIVERY_PARAMETERS)
        for source in end.expressions.values()
    )


def columns_of(config: Configuration) -> Mapping[str, Columns | None]:
    """What the checker asks of each lookup; None for a table whose file could not be read."""
    return {name: table if table.cells else None for name, table in config.tables.items()}


def parts_of(making: Making) -> MakingParts:
    """The expressions of an event to be made."""
    return MakingParts(
        making.event, making.id, making.subject, making.time, making.key, making.map, making.place
    )


def target_of(making: Making, events: Mapping[str, EventType]) -> Record | None:
    """The data the event must have; None for a type that is unknown, and was reported."""
    known = events.get(making.event)
    return known.data if known is not None else None


def data_of(types: tuple[str, ...], events: Mapping[str, EventType]) -> Record:
    """What `data` holds on a route for these types: a field some of them lack may be missing."""
    records = [events[name].data for name in types if name in events]
    if not records:
        return Record()
    united = records[0]
    for record in records[1:]:
        united = _united(united, record)
    return united


def _united(left: Record, right: Record) -> Record:
    fields: dict[str, Field] = {}
    for name in (*left.fields, *(n for n in right.fields if n not in left.fields)):
        a, b = left.fields.get(name), right.fields.get(name)
        if a is None or b is None:
            one = a or b
            assert one is not None  # noqa: S101 - for the type checker; the name came from one of them
            fields[name] = Field(one.type, required=False, description=one.description)
            continue
        type_: Type = a.type
        if isinstance(a.type, Record) and isinstance(b.type, Record):
            type_ = _united(a.type, b.type)
        elif a.type != b.type:
            type_ = ANY
        fields[name] = Field(type_, a.required and b.required, a.description)
    return Record(fields)

"""What only the whole configuration shows: loops of events, events nobody sends or takes, routes that never match."""

from collections.abc import Iterator, Mapping

from bus.config.model import Configuration, Making, Route
from bus.config.never import impossible
from bus.config.report import Report
from bus.expressions.parse import parse


def check_whole(config: Configuration, report: Report) -> None:
    """Report everything that only shows when rules and routes are seen together."""
    makers = _makers(config)
    _check_never(config, report)
    _check_senders(config, makers, report)
    _check_takers(config, report)
    _check_loops(config, report)
    _check_echoes(config, makers, report)


def _replies(config: Configuration) -> Iterator[tuple[Route, Making]]:
    """What live routes make of answers; shadows deliver nothing that could be answered."""
    for route in config.routes:
        for making in (route.then, route.otherwise):
            if route.mode == "live" and making is not None and making.event:
                yield route, making


def _makers(config: Configuration) -> Mapping[str, set[str]]:
    """Event type → the systems whose documents or answers become it."""
    makers: dict[str, set[str]] = {}
    for rule in config.rules:
        makers.setdefault(rule.making.event, set()).add(rule.system)
    for route, making in _replies(config):
        makers.setdefault(making.event, set()).update(route.to)
    return makers


def _check_never(config: Configuration, report: Report) -> None:
    for route in config.routes:
        if route.when is None or route.untyped or isinstance(parsed := parse(route.when.text), tuple):
            continue
        part = impossible(parsed, {"event.type": route.types, "event.source": route.sources or tuple(config.systems)})
        if part is not None:
            place = route.when.place_of(part.start, part.end - part.start)
            report.warning("never-matches", place, route=route.name)


def _check_senders(config: Configuration, makers: Mapping[str, set[str]], report: Report) -> None:
    """A route on an event that no rule or reply makes, when no system could send it as an event itself."""
    with_rules = {rule.system for rule in config.rules}
    free = {
        system.name for system in config.systems.values()
        if system.source is not None and (system.name not in with_rules or system.source.adapter.name == "queue")
    }
    for route in config.routes:
        senders = free & set(route.sources) if route.sources else free
        if route.untyped or senders or any(_sent(type_, route, makers) for type_ in route.types):
            continue
        shown = ", ".join(route.types)
        by_others = route.sources and any(type_ in makers for type_ in route.types)
        code = "nobody-sends-from" if by_others else "nobody-sends"
        report.warning(code, route.place, type=shown, route=route.name, systems=", ".join(route.sources))


def _sent(type_: str, route: Route, makers: Mapping[str, set[str]]) -> bool:
    return type_ in makers and (not route.sources or bool(makers[type_] & set(route.sources)))


def _check_takers(config: Configuration, report: Report) -> None:
    """An event that is made and that no live route takes."""
    if any(route.untyped for route in config.routes):
        return
    taken = {name for route in config.routes if route.mode == "live" for name in route.types}
    makings = [
        *((f"inbound.{rule.name}", rule.making) for rule in config.rules),
        *((f"routes.{route.name}", making) for route, making in _replies(config)),
    ]
    seen: set[str] = set()
    for maker, making in makings:
        if making.event in config.events and making.event not in taken and making.event not in seen:
            seen.add(making.event)
            report.warning("nobody-takes", making.place, type=making.event, maker=maker)


def _check_loops(config: Configuration, report: Report) -> None:
    """An event whose delivery is answered by an event that, delivered, is answered … by the first again."""
    follows: dict[str, set[str]] = {}
    for route, making in _replies(config):
        for type_ in route.types:
            follows.setdefault(type_, set()).add(making.event)
    for route, making in _replies(config):
        event = making.event
        if any(_reaches(event, type_, follows) for type_ in route.types):
            report.warning("events-in-a-loop", making.place, route=route.name, event=event)


def _reaches(start: str, goal: str, follows: Mapping[str, set[str]]) -> bool:
    seen, waiting = set(), [start]
    while waiting:
        event = waiting.pop()
        if event == goal:
            return True
        if event not in seen:
            seen.add(event)
            waiting += follows.get(event, ())
    return False


def _check_echoes(config: Configuration, makers: Mapping[str, set[str]], report: Report) -> None:
    """A route that sends a system what came from it."""
    for route in config.routes:
        if route.mode == "off" or (route.when is not None and "event.source" in route.when.text):
            continue
        senders = set(route.sources) or {name for type_ in route.types for name in makers.get(type_, ())}
        echoed = [name for name in route.to if name in senders]
        if echoed:
            others = ", ".join(sorted(set(config.systems) - set(echoed))) or "…"
            report.warning(
                "back-to-sender", route.place, route=route.name, system=", ".join(echoed), others=others
            )

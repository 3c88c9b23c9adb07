"""What only the whole configuration shows: loops of events, events nobody sends or takes, routes that never match."""

from collections.abc import Iterable, Iterator

from bus.config.model import Configuration, Making, Route
from bus.config.report import Report
from bus.expressions import tree
from bus.expressions.compile import path_of
from bus.expressions.parse import parse


def check_whole(config: Configuration, report: Report) -> None:
    """Report everything that only shows when rules and routes are seen together."""
    _check_never(config.routes, report)
    _check_senders(config, report)
    _check_takers(config, report)
    _check_loops(config, report)


def _check_never(routes: Iterable[Route], report: Report) -> None:
    for route in routes:
        if route.when is None:
            continue
        parsed = parse(route.when.text)
        if isinstance(parsed, tuple):
            continue
        impossible = _impossible(parsed)
        if impossible is not None:
            place = route.when.place_of(impossible.start, impossible.end - impossible.start)
            report.warning("never-matches", place, route=route.name)


def _impossible(node: tree.Node) -> tree.Node | None:
    """The part of a condition that can never hold: `false`, or one path equal to two different values."""
    if isinstance(node, tree.Literal) and node.value is False:
        return node
    if not isinstance(node, tree.Logic) or node.word != "and":
        return None
    allowed: dict[str, set[object]] = {}
    for part in node.parts:
        if (inner := _impossible(part)) is not None:
            return inner
        for path, values in _equalities(part):
            allowed[path] = allowed[path] & values if path in allowed else values
            if not allowed[path]:
                return part
    return None


def _equalities(node: tree.Node) -> Iterator[tuple[str, set[object]]]:
    if not isinstance(node, tree.Compare) or len(node.rest) != 1:
        return
    sign, right = node.rest[0]
    if sign == "==" and isinstance(right, tree.Literal) and right.value is not None:
        yield path_of(node.first), {right.value}
    elif sign == "in" and isinstance(right, tree.Listing):
        values = [member.value for member in right.items if isinstance(member, tree.Literal)]
        if len(values) == len(right.items):
            yield path_of(node.first), set(values)


def _replies(routes: Iterable[Route]) -> Iterator[tuple[Route, str]]:
    for route in routes:
        for making in (route.then, route.otherwise):
            if making is not None and making.event:
                yield route, making.event


def _makings(config: Configuration) -> Iterator[tuple[str, Making]]:
    for rule in config.rules:
        yield rule.name, rule.making
    for route in config.routes:
        for making in (route.then, route.otherwise):
            if making is not None:
                yield route.name, making


def _check_senders(config: Configuration, report: Report) -> None:
    """A route on an event that no rule or reply makes, when no system could send it as an event itself."""
    with_rules = {rule.system for rule in config.rules}
    free = [s.name for s in config.systems.values() if s.source is not None and s.name not in with_rules]
    free += [s.name for s in config.systems.values() if s.source is not None and s.source.adapter.name == "queue"]
    made = {rule.making.event for rule in config.rules} | {event for _, event in _replies(config.routes)}
    for route in config.routes:
        senders = [name for name in free if not route.sources or name in route.sources]
        missing = [name for name in route.types if name not in made]
        if missing and len(missing) == len(route.types) and not senders:
            report.warning("nobody-sends", route.place, type=", ".join(missing), route=route.name)


def _check_takers(config: Configuration, report: Report) -> None:
    """An event that is made and that no live route takes."""
    taken = {name for route in config.routes if route.mode == "live" for name in route.types}
    seen: set[str] = set()
    for maker, making in _makings(config):
        if making.event in config.events and making.event not in taken and making.event not in seen:
            seen.add(making.event)
            report.warning("nobody-takes", making.place, type=making.event, maker=maker)


def _check_loops(config: Configuration, report: Report) -> None:
    """An event whose delivery is answered by an event that, delivered, is answered … by the first again."""
    follows: dict[str, set[str]] = {}
    for route, event in _replies(config.routes):
        for type_ in route.types:
            follows.setdefault(type_, set()).add(event)
    for route, event in _replies(config.routes):
        if route.mode == "live" and any(_reaches(event, type_, follows) for type_ in route.types):
            report.warning("events-in-a-loop", route.place, route=route.name, event=event)
    for route in config.routes:
        if route.sources and set(route.sources) == set(route.to):
            report.warning("back-to-sender", route.place, route=route.name, system=", ".join(route.to))


def _reaches(start: str, goal: str, follows: dict[str, set[str]]) -> bool:
    seen, waiting = set(), [start]
    while waiting:
        event = waiting.pop()
        if event == goal:
            return True
        if event not in seen:
            seen.add(event)
            waiting += follows.get(event, ())
    return False

"""Who may do what on RabbitMQ: the least each user needs, computed from routing.yaml. Pure.

A user for every system that speaks AMQP itself, one for the bus, one that declares. Nobody but the bus
writes `bus.deliver`, and nobody at all the default exchange: a write to it is a write to any queue.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bus.config.model import Configuration, System
from bus.declarations import EVENTS
from bus.topology import DOCUMENTS, to

NOTHING = "^$"
BUS = "bus"
DEPLOY = "bus.deploy"  # no name of a system holds a full stop


@dataclass(frozen=True, slots=True)
class User:
    """A user of the broker and the patterns of names it may configure, write and read.

    Args:
        topics: (exchange, pattern of the routing keys it may publish) for topic exchanges.
    """

    name: str
    configure: str = NOTHING
    write: str = NOTHING
    read: str = NOTHING
    topics: tuple[tuple[str, str], ...] = ()


def users(config: Configuration) -> tuple[User, ...]:
    """Return every user, the bus's own two first."""
    # By prefix, so that a further system changes nothing for these two.
    everything = r"^(bus|to|dead)\..*$"
    return (
        User(DEPLOY, everything, everything, everything),
        User(BUS, write=r"^bus\..*$", read=everything),
        *(user for _, system in sorted(config.systems.items()) if (user := _user(system, config)) is not None),
    )


def _user(system: System, config: Configuration) -> User | None:
    """None for a system that the bus speaks to by an adapter: it never logs in."""
    publishes = system.source is not None and system.source.adapter.name == "queue"
    reads = system.sink is not None and system.sink.adapter.sink is None
    if not publishes and not reads:
        return None
    topics = []
    if publishes and (types := published(system.name, config)):
        topics.append((EVENTS, f"^({_any(types)})$"))
    if publishes and any(rule.system == system.name for rule in config.rules):
        topics.append((DOCUMENTS, f"^{re.escape(system.name)}$"))
    return User(
        system.name,
        write=f"^({_any(exchange for exchange, _ in topics)})$" if topics else NOTHING,
        read=f"^{re.escape(to(system.name))}$" if reads else NOTHING,
        topics=tuple(topics),
    )


def published(system: str, config: Configuration) -> tuple[str, ...]:
    """Return the event types that are a system's own to publish, in alphabetical order.

    Those a route takes from it by name (`from:`), and of the routes without `from:` those that no rule
    or reply makes for another system.
    """
    makers: dict[str, set[str]] = {}
    for rule in config.rules:
        makers.setdefault(rule.making.event, set()).add(rule.system)
    for route in config.routes:
        for making in (route.then, route.otherwise):
            if making is not None:
                makers.setdefault(making.event, set()).update(route.to)
    return tuple(sorted({
        type_
        for route in config.routes if route.mode != "off"
        for type_ in route.types
        if (system in route.sources if route.sources else makers.get(type_, {system}) <= {system})
    }))


def _any(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names))

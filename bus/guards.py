"""Finds, in a route's condition, the one comparison that lets most events be passed over by a look-up."""

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from bus.event import Event
from bus.expressions import tree
from bus.expressions.parse import parse
from bus.expressions.scope import EVENT
from bus.mapping.shape import Source
from bus.types import TEXT, Record


@dataclass(frozen=True, slots=True)
class Guard:
    """`path` must be one of `values`, or the condition is false.

    Args:
        whole: the condition says nothing else, so with one of the values it is true.
    """

    path: tuple[str, ...]
    values: frozenset[str]
    whole: bool = field(default=False, compare=False)

    @staticmethod
    def reader(path: tuple[str, ...]) -> Callable[[Event], Any]:
        """Return what reads a path off an event; null all the way down."""
        root, *names = path
        if root == "event":
            return attrgetter(names[0])
        if len(names) == 1:
            name = names[0]
            return lambda event: event.data.get(name)

        def read(event: Event) -> Any:
            value: Any = event.data
            for name in names:
                if value is None:
                    return None
                value = value.get(name)
            return value

        return read


def guard_of(when: Source | None, data: Record) -> Guard | None:
    """Return the guard of a condition, or None when it has none.

    Only the first part of an `and` counts, and only text compared with written-out texts: such a part
    cannot fail, so no failure of a later part is passed over that would have been reported.
    """
    if when is None:
        return None
    parsed = parse(when.text)
    part = parsed.parts[0] if isinstance(parsed, tree.Logic) and parsed.word == "and" else parsed
    if not isinstance(part, tree.Compare) or len(part.rest) != 1:
        return None
    sign, right = part.rest[0]
    members = right.items if sign == "in" and isinstance(right, tree.Listing) else (right,) if sign == "==" else ()
    values = [member.value for member in members if isinstance(member, tree.Literal)]
    texts = frozenset(value for value in values if isinstance(value, str))
    path = _text_path(part.first, data)
    if path is None or not texts or len(values) != len(members) or not all(isinstance(v, str) for v in values):
        return None
    return Guard(path, texts, whole=part is parsed)


def _text_path(node: tree.Node, data: Record) -> tuple[str, ...] | None:
    """`data.supplier.code` as names, when the schema says it is text."""
    names: list[str] = []
    while isinstance(node, tree.Attribute):
        names.insert(0, node.name)
        node = node.of
    if not isinstance(node, tree.Name) or node.name not in ("data", "event") or not names:
        return None
    record: Any = data if node.name == "data" else EVENT
    for name in names:
        known = record.fields.get(name) if isinstance(record, Record) else None
        if known is None:
            return None
        record = known.type
    return (node.name, *names) if record == TEXT else None

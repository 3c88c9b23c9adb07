"""Why a value came out empty: the first step of a path that the document does not have, and what is there.

A missing field is null, all the way down, so an expression with a misspelt name only comes out empty.
Whoever is told of it wants the step. Asked only when something failed, so it may take its time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from bus.codecs.element import Element
from bus.expressions import tree
from bus.expressions.parse import parse
from bus.expressions.paths import path_of
from bus.nearest import nearest

MOST_SHOWN = 8  # names of what is there
LONGEST_NAME = 40
NOTHING = "–"
_MAY_BE_MISSING = frozenset(("default", "has", "known"))  # what these are asked for need not be there
_OF_A_LIST = frozenset(("first", "last", "sort", "unique"))

# What a name may hold: one value, or one for each round of its loop. None when nobody knows.
Values = list[Any] | None
Names = Callable[[str], Values]


class Missing(NamedTuple):
    """A step that is not there.

    Args:
        path: up to the step, as typed. parent: what it was looked for in.
        near: what was probably meant, "" when nothing there is like it.
        there: names that are there, for a person.
    """

    path: str
    name: str
    parent: str
    near: str
    there: str


class Missed(Exception):
    """No error: it carries the answer up through the parts of an expression."""

    def __init__(self, missing: Missing) -> None:
        super().__init__()
        self.missing = missing


def missing_step(text: str, names: Names) -> Missing | None:
    """Return the first step in an expression that is not there, or None when every path leads somewhere."""
    node = parse(text)
    if isinstance(node, tuple):
        return None
    try:
        _values(node, names)
    except Missed as missed:
        return missed.missing
    return None


def missing_below(text: str, **named: Any) -> Missing | None:
    """The same where each name holds one value."""
    return missing_step(text, lambda name: [named[name]] if name in named else None)


def _values(node: tree.Node, names: Names) -> Values:
    """What a part of an expression may be. Raises Missed."""
    if isinstance(node, tree.Name):
        return names(node.name)
    if isinstance(node, tree.Attribute):
        return _step(_values(node.of, names), node)
    if isinstance(node, tree.Item | tree.Slice):
        members = _members(_values(node.of, names))
        _look_into(_parts(node), names)
        return members
    if isinstance(node, tree.Comprehension):
        return _comprehension(node, names)
    if isinstance(node, tree.Call) and node.name in _OF_A_LIST and node.arguments:
        return _members(_values(node.arguments[0], names))
    if not (isinstance(node, tree.Choose) or (isinstance(node, tree.Call) and node.name in _MAY_BE_MISSING)):
        _look_into(_parts(node), names)
    return None


def _look_into(parts: Iterable[tree.Node], names: Names) -> None:
    for part in parts:
        _values(part, names)


def _parts(node: object) -> Iterator[tree.Node]:
    """The parts a node is made of, in the order they stand."""
    for held in (getattr(node, one.name) for one in fields(node)):  # type: ignore[arg-type]  # every node is a dataclass
        yield from _nodes(held)


def _nodes(held: object) -> Iterator[tree.Node]:
    if isinstance(held, tree.Node):
        yield held
    elif isinstance(held, tuple):
        for one in held:
            yield from _nodes(one)


def _comprehension(node: tree.Comprehension, names: Names) -> Values:
    for loop in node.loops:
        names = _with(loop.name, _members(_values(loop.over, names)), names)
        _look_into(loop.conditions, names)
    return _values(node.element, names)


def _with(name: str, values: Values, outer: Names) -> Names:
    return lambda asked: values if asked == name else outer(asked)


def _members(values: Values) -> Values:
    """What a loop over these gives."""
    if values is None:
        return None
    return [member for value in values for member in (value if type(value) is list else [value])]


def _step(values: Values, node: tree.Attribute) -> Values:
    held = [value for value in values or () if value is not None]
    if not held or not all(type(value) in (dict, Element) for value in held):
        return None
    there = [_names(value, node.name) for value in held]
    found = [one[node.name] for one in there if node.name in one]
    if found:
        return found
    known = list(dict.fromkeys(name for one in there for name in one))
    # Of equally near ones the first wins: one with the same letters, swapped, before one with others.
    near = nearest(node.name, sorted(known, key=lambda name: sorted(name) != sorted(node.name))) or ""
    parent = node.of.name if isinstance(node.of, tree.Attribute) else path_of(node.of)
    raise Missed(Missing(path_of(node), node.name, parent, near, _shown(known)))


def _names(value: Any, wanted: str) -> Mapping[str, Any]:
    """What a mapping or an element holds by name."""
    if type(value) is not Element:
        return value  # type: ignore[no-any-return]  # a mapping
    if wanted.startswith("@"):
        return {f"@{name}": text for name, text in value.attributes.items()}
    return {"#text": value.text} if wanted == "#text" else value.children


def _shown(names: Iterable[str]) -> str:
    """Names for a person. A JSON mapping may have data as its keys, numbers and the like: only words are shown."""
    words = [name[:LONGEST_NAME] for name in names if name.lstrip("@").isidentifier()]
    return ", ".join((*words[:MOST_SHOWN], *(["…"] if len(words) > MOST_SHOWN else []))) or NOTHING

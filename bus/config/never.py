"""Finds the part of a condition that can never hold beside the others: `qty > 10 and qty < 5`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from bus.expressions import tree
from bus.expressions.compile import path_of

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class _Limit(NamedTuple):
    value: int | Decimal
    inclusive: bool


@dataclass(slots=True)
class _Possible:
    """What one path may still be, after the parts of a condition read so far."""

    allowed: set[object] | None = None  # None is anything
    excluded: set[object] = field(default_factory=set)
    low: _Limit | None = None
    high: _Limit | None = None
    null: bool | None = None  # True: null it must be; False: it must hold a value

    def narrow(self, sign: str, values: set[object]) -> bool:
        """Take one comparison into account; say whether anything is left."""
        null = None in values
        values = values - {None}
        if null:
            self.null = sign in ("==", "in") if self.null in (None, sign in ("==", "in")) else None
            return self.null is not None
        if self.null:
            return False  # null compares false
        self.null = False
        if sign in ("==", "in"):
            self.allowed = values if self.allowed is None else self.allowed & values
        elif sign in ("!=", "not in"):
            self.excluded |= values
        else:
            self._bound(sign, *values)
        return self._spans() if self.allowed is None else any(map(self._fits, self.allowed))

    def _bound(self, sign: str, value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return
        limit = _Limit(value, inclusive=sign.endswith("="))
        low, high = self.low, self.high
        if sign.startswith(">") and (low is None or (value, not limit.inclusive) > (low.value, not low.inclusive)):
            self.low = limit
        if sign.startswith("<") and (high is None or (value, limit.inclusive) < (high.value, high.inclusive)):
            self.high = limit

    def _spans(self) -> bool:
        """Whether numbers lie between the limits."""
        if self.low is None or self.high is None or self.low.value < self.high.value:
            return True
        return self.low.value == self.high.value and self.low.inclusive and self.high.inclusive

    def _fits(self, value: object) -> bool:
        if value in self.excluded:
            return False
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return True
        above = self.low is None or value > self.low.value or (self.low.inclusive and value == self.low.value)
        below = self.high is None or value < self.high.value or (self.high.inclusive and value == self.high.value)
        return above and below


def impossible(node: tree.Node, known: Mapping[str, Iterable[object]]) -> tree.Node | None:
    """Return the part that contradicts those before it, or None.

    Args:
        known: paths with the only values they can have, e.g. `event.type`.
    """
    if isinstance(node, tree.Literal):
        return node if node.value is False else None
    if isinstance(node, tree.Logic) and node.word == "or":
        return node if all(impossible(part, known) for part in node.parts) else None
    possible = {path: _Possible(allowed=set(values)) for path, values in known.items()}
    for part in node.parts if isinstance(node, tree.Logic) else (node,):
        if part is not node and (inner := impossible(part, known)) is not None:
            return inner
        for path, sign, values in _comparisons(part):
            if not possible.setdefault(path, _Possible()).narrow(sign, values):
                return part
    return None


def _comparisons(node: tree.Node) -> Iterator[tuple[str, str, set[object]]]:
    """Yield (path, sign, values) for each comparison of a path with what is written out."""
    if not isinstance(node, tree.Compare):
        return
    left = node.first
    for sign, right in node.rest:
        if (path := _plain_path(left)) and (values := _values(right)) is not None:
            yield path, sign, values
        elif (path := _plain_path(right)) and sign in _MIRRORED and (values := _values(left)) is not None:
            yield path, _MIRRORED[sign], values
        left = right


def _plain_path(node: tree.Node) -> str:
    path = path_of(node)
    return "" if "…" in path else path


def _values(node: tree.Node) -> set[object] | None:
    """The values written out, one or a list of them; None for anything computed."""
    members = node.items if isinstance(node, tree.Listing) else (node,)
    if not all(isinstance(member, tree.Literal) for member in members):
        return None
    return {member.value for member in members if isinstance(member, tree.Literal)}

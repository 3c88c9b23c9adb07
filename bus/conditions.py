"""A condition part by part, each with the value it had: why a rule or route took a document, or did not. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from bus.codecs.element import Element
from bus.errors import BusError
from bus.expressions import tree
from bus.expressions.parse import parse
from bus.mapping.programs import condition_program, value_program
from bus.mapping.shape import Source
from bus.mapping.trace import Missing

MOST_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Atom:
    """One part of a condition with what it is for this event: `data.warehouse "WH01" in ["WH01"]`, true.

    Args:
        missing: the path that has no value; "" otherwise.
        near: what its last step was probably meant to be, where a document has no such step.
    """

    text: str
    holds: bool | None
    missing: str = ""
    near: str = ""
    failure: BusError | None = None


# Runs a part of the condition, as a condition or as a value, by what builds its program.
Run = Callable[[Source, Callable[..., Any]], Any]
Trace = Callable[[str], Missing | None]


def atoms_of(when: Source, run: Run, trace: Trace = lambda _: None) -> tuple[Atom, ...]:
    """Return the parts of a condition joined by `and` and `or`, in the order they stand."""
    parsed = parse(when.text)
    assert not isinstance(parsed, tuple)  # noqa: S101 - for the type checker; what lint refuses never gets here
    return tuple(_atom(node, when, run, trace) for node in _parts(parsed))


def _parts(node: tree.Node) -> Iterator[tree.Node]:
    if isinstance(node, tree.Logic):
        for part in node.parts:
            yield from _parts(part)
    else:
        yield node


def _atom(node: tree.Node, when: Source, run: Run, trace: Trace) -> Atom:
    text = when.text[node.start : node.end]
    try:
        holds = bool(run(Source(text, when.scalar), condition_program))
        if not isinstance(node, tree.Compare) or isinstance(node.first, tree.Literal):
            gone = None if holds else trace(text)
            return Atom(text, holds, missing=gone.path if gone else "", near=gone.near if gone else "")
        first = when.text[node.first.start : node.first.end]
        rest = when.text[node.first.end : node.end].strip()
        value = run(Source(first, when.scalar), value_program)
        if value is None:
            gone = trace(first)
            return Atom(text, holds, missing=gone.path if gone else first, near=gone.near if gone else "")
        return Atom(f"{first} {shown(value)} {rest}", holds)
    except BusError as error:
        return Atom(text, None, failure=error)


def shown(value: Any) -> str:
    """A value of a condition as a person reads it; long ones cut."""
    if isinstance(value, Element):
        return "{…}" if value.children else shown(value.text)
    if isinstance(value, str):
        return f'"{value[:MOST_CHARACTERS]}"' + ("…" if len(value) > MOST_CHARACTERS else "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, list):
        return f"[{len(value)}]"
    if isinstance(value, dict):
        return "{…}"
    return value.isoformat() if isinstance(value, date) else str(value)

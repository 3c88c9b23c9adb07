"""Makes findings of them all what a person needs: no fault told twice, and the remedy that fits best."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bus.config.model import Route, Rule
from bus.mapping.shape import For, Group, Several, Shape
from bus.places import Finding, Place
from bus.types import EventType

_MOST_OWNERS = 3  # event types named as having a field that another has not
# Names that are known elsewhere → where.
_ELSEWHERE = {
    "document": "hint-name-document", "data": "hint-name-data", "response": "hint-name-response",
    "failure": "hint-name-failure",
}
_SIGNS_OF_OTHERS = ("!", "?")  # signs that make YAML read a text otherwise, and are wrong in themselves


def advised(findings: Sequence[Finding], events: Mapping[str, EventType]) -> Iterator[Finding]:
    """Leave out what only follows from another finding, and say more where all of them together tell more."""
    environment = [f.place for f in findings if f.code.startswith("environment-")]
    signs = [f.place for f in findings if f.code == "wrong-sign" and f.fields.get("sign") in _SIGNS_OF_OTHERS]
    for finding in findings:
        if finding.code.startswith("environment-"):
            yield finding
        elif any(_holds(finding.place, place) for place in environment):
            continue  # the value is not known
        elif finding.code == "quote-expression" and any(_holds(finding.place, place) for place in signs):
            continue  # written right, it needs no quotes
        elif finding.code == "unknown-field":
            yield _with_owners(finding, events)
        elif finding.code == "name-unknown" and (where := _ELSEWHERE.get(str(finding.fields["word"]))):
            yield replace(finding, hint_code=where)
        else:
            yield finding


def _holds(outer: Place, inner: Place) -> bool:
    """Whether the one place lies within the other."""
    return (
        (outer.file, outer.line) == (inner.file, inner.line)
        and outer.column <= inner.column <= outer.column + outer.width - inner.width
    )


def _with_owners(finding: Finding, events: Mapping[str, EventType]) -> Finding:
    """Name the event types that have the field this one lacks."""
    root, _, name = str(finding.fields["path"]).partition(".")
    if "near" in finding.fields:
        return finding
    first = name.partition(".")[0].partition("[")[0]
    owners = [event for event, known in events.items() if first in known.data.fields] if root == "data" else []
    if not owners:
        return replace(finding, hint_code="hint-field-unlisted")
    shown = ", ".join(owners[:_MOST_OWNERS]) + (", …" if len(owners) > _MOST_OWNERS else "")
    return replace(finding, fields={**finding.fields, "owners": shown}, hint_code="hint-field-of-another-event")


def named_elsewhere(finding: Finding, part: Rule | Route) -> Finding:
    """Say of an unknown name that it is a `let` or a loop of the same route or rule, out of its reach."""
    word = finding.fields["word"]
    if any(let.name == word for let in part.lets):
        return replace(finding, hint_code="hint-let-not-in-when")
    makings = (part.then, part.otherwise) if isinstance(part, Route) else (part.making,)
    shapes = [making.map for making in makings if making is not None]
    shapes += [part.shape] if isinstance(part, Route) else []
    loops = [*part.loops, *(loop for shape in shapes for loop in _loops(shape))]
    if any(word in (loop.name, loop.counter) for loop in loops):
        return replace(finding, hint_code="hint-loop-name-outside")
    return finding


def _loops(shape: Shape | None) -> Iterator[For]:
    """Every loop of a mapping, at any depth."""
    if isinstance(shape, Group):
        yield from shape.loops
        for entry in shape.entries:
            yield from _loops(entry.value)
    elif isinstance(shape, Several):
        for item in shape.items:
            yield from _loops(item)

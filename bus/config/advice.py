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


_BROKEN = ("yaml-indent", "yaml-tab", "yaml-wide-blank", "yaml-syntax")
# What the keys of a block are accused of when one of its lines stands in the wrong column.
_FOLLOWING = frozenset((
    "unknown-key", "key-missing", "mapping-needed", "value-missing", "one-value-needed", "texts-needed",
    "yaml-duplicate-key", "expression-missing", "expression-needed", "event-has-no-field", "required-not-mapped",
    "map-missing", "for-beside",
    "list-field-needs-for", "field-is-no-list", "field-type", "xml-roots", "column-not-single", "name-unknown",
))  # fmt: skip
_FOLLOWING_THE_TOP = _FOLLOWING | {
    "event-name", "event-unknown", "system-unknown", "system-without-source", "system-without-sink", "lookup-unknown",
    "unknown-field",
}
_FOLLOWING_ANYWHERE = ("nobody-sends", "nobody-sends-from", "nobody-takes")
_HOLLOW = ("mapping-needed", "value-missing", "expression-missing", "adapter-needed")
_ENTRY = 2  # the most blanks before the name of a system, rule or route


def advised(
    findings: Sequence[Finding], events: Mapping[str, EventType], texts: Mapping[str, str]
) -> Iterator[Finding]:
    """Leave out what only follows from another finding, and say more where all of them together tell more."""
    findings = list(_without_following(findings, texts))
    environment = [f.place for f in findings if f.code.startswith("environment-")]
    signs = [f.place for f in findings if f.code == "wrong-sign" and f.fields.get("sign") in _SIGNS_OF_OTHERS]
    braces = [f.place for f in findings if f.code == "braces"]
    for finding in findings:
        if finding.code.startswith("environment-"):
            yield finding
        elif any(_holds(finding.place, place) for place in environment):
            continue  # the value is not known
        elif finding.code == "quote-expression" and any(_holds(finding.place, place) for place in signs):
            continue  # written right, it needs no quotes
        elif finding.code in ("quote-expression", "yaml-key") and any(
            _holds(finding.place, place) or _holds(place, finding.place) for place in braces
        ):
            continue  # without the braces YAML reads it
        elif finding.code == "unknown-field":
            yield _with_owners(finding, events)
        elif finding.code == "name-unknown" and (where := _ELSEWHERE.get(str(finding.fields["word"]))):
            yield replace(finding, hint_code=where)
        else:
            yield finding


def _without_following(findings: Sequence[Finding], texts: Mapping[str, str]) -> Iterator[Finding]:
    """Leave out what is told of a block only because one of its lines stands in the wrong column."""
    lines = {file: text.splitlines() for file, text in texts.items()}
    lost = {(f.place.file, f.place.line) for f in findings if f.code in _FOLLOWING_THE_TOP}
    hollow = [
        f for f in findings
        if f.code in _HOLLOW and (below := _below_hollow(lines[f.place.file], f.place.line))
        and (f.place.file, below) in lost
    ]
    broken = [*(f for f in findings if f.code in _BROKEN), *hollow]
    blocks = [(f.place.file, _block(lines[f.place.file], f.place.line)) for f in broken]
    top = {f.place.file for f in broken if _indent(lines[f.place.file][f.place.line - 1].expandtabs()) <= _ENTRY + 1}
    for finding in findings:
        place = finding.place
        if finding in hollow:
            yield replace(finding, hint_code="hint-hollow")
            continue
        within = any(place.file == file and place.line in block for file, block in blocks)
        follows = (within and finding.code in _FOLLOWING) or (place.file in top and finding.code in _FOLLOWING_THE_TOP)
        if not follows and not (broken and finding.code in _FOLLOWING_ANYWHERE):
            yield finding


def _below_hollow(lines: Sequence[str], line: int) -> int:
    """The line below a key that has nothing behind it, where it stands in the key's own column; else 0."""
    typed = lines[line - 1]
    below = next((at for at in range(line + 1, len(lines) + 1) if lines[at - 1].strip()), 0)
    same = below and _indent(lines[below - 1]) == _indent(typed) > 0
    return below if same and typed.rstrip().endswith(":") else 0


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _block(lines: Sequence[str], line: int) -> range:
    """The lines of the system, rule or route that a line belongs to; lines count from 1."""
    entries = [
        at for at, typed in enumerate(lines, 1)
        if typed.strip() and at != line and _indent(typed) <= _ENTRY
    ]
    begin = max((at for at in entries if at < line), default=1)
    return range(begin, min((at for at in entries if at > line), default=len(lines) + 1))


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

"""What happened, as lines of JSON, and what that proves.

A fact has a time `at`, a `type`: `invoke` (begun), `ok`, `fail`, or `info` (nobody knows: a time-out is no
failure), and an operation `f`: `publish`, `deliver` or `fault`. Every process writes a file of its own, through to the
operating system before the next step, so that the facts outlive it.

The check runs offline, after everything is drained.
"""

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Fact = Mapping[str, Any]


class History:
    """A file of facts that is only ever added to."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def note(self, facts: Iterable[Fact]) -> None:
        at = round(time.time(), 3)
        os.write(self._file, b"".join(json.dumps({"at": at, **fact}).encode() + b"\n" for fact in facts))


class Tail:
    """Reads a file of facts while it grows."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0

    def new(self) -> Iterator[Fact]:
        """Yield what has come since the last time; a line that is cut off waits for its end."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._offset += len(line)
                yield json.loads(line)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a history proves of one system."""

    system: str
    attempted: int  # events published for it, or tried to
    acknowledged: int  # of which the bus said that it has them
    delivered: int
    lost: int  # acknowledged and not delivered
    recovered: int  # delivered, though nobody was told that the bus has them
    duplicated: int  # came again with the same id: a reader drops them
    doubled: int  # had an effect twice
    unexpected: int  # nobody published them
    disordered: int  # came after a later one of their key

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.unexpected or self.disordered)


_COLUMNS = (
    "attempted", "acknowledged", "delivered", "lost", "recovered", "duplicated", "doubled", "unexpected", "disordered",
)


def check(
    facts: Iterable[Fact], systems: Sequence[str], subscribes: Callable[[str, str], bool], ordered: Collection[str]
) -> list[Verdict]:
    """Compare what was published with what arrived.

    Args:
        subscribes: whether a system is to get an event.
        ordered: systems that must get the events of a key in the order of their versions.
    """
    attempted: set[str] = set()
    acknowledged: set[str] = set()
    arrivals: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for fact in facts:
        if fact["f"] == "publish":
            attempted.add(fact["event"])
            if fact["type"] == "ok":
                acknowledged.add(fact["event"])
        elif fact["f"] == "deliver":
            arrivals[fact["system"]].append((fact["event"], fact["id"]))
    return [
        _verdict(
            system, {e for e in attempted if subscribes(system, e)}, {e for e in acknowledged if subscribes(system, e)},
            arrivals[system], in_order=system in ordered,
        )
        for system in systems
    ]


def _verdict(
    system: str, attempted: set[str], acknowledged: set[str], arrived: Sequence[tuple[str, str]], *, in_order: bool
) -> Verdict:
    once = list(dict.fromkeys(arrived))  # dropped by id, as a reader does
    effects = Counter(event for event, _ in once)
    return Verdict(
        system=system,
        attempted=len(attempted),
        acknowledged=len(acknowledged),
        delivered=len(effects),
        lost=len(acknowledged - effects.keys()),
        recovered=len(effects.keys() & attempted - acknowledged),
        duplicated=len(arrived) - len(once),
        doubled=sum(count - 1 for count in effects.values()),
        unexpected=len(effects.keys() - attempted),
        disordered=_disordered(event for event, _ in once) if in_order else 0,
    )


def _disordered(events: Iterable[str]) -> int:
    """Count those that came after a later version of their key; an event is named key-version."""
    latest: dict[str, int] = {}
    late = 0
    for event in events:
        key, _, version = event.rpartition("-")
        late += int(version) < latest.get(key, -1)
        latest[key] = max(int(version), latest.get(key, -1))
    return late


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns under their heads; the first to the left, numbers to the right."""
    cells = [list(head), *([f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    )


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    return table(("system", *_COLUMNS), ([v.system, *(getattr(v, name) for name in _COLUMNS)] for v in verdicts))


def fault_table(facts: Iterable[Fact]) -> str:
    """How often each fault struck, and what it met in flight."""
    met: dict[str, list[int]] = defaultdict(list)
    for fact in facts:
        if fact["f"] == "fault" and fact["type"] == "ok":
            met[fact["fault"]].append(fact["in_flight"])
    rows = [(fault, len(counts), min(counts), max(counts)) for fault, counts in sorted(met.items())]
    return table(("fault", "times", "in flight, least", "most"), rows)

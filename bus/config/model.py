"""routing.yaml, read and checked: plain frozen values, with their places for what is found later."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bus.adapter import AdapterSpec, SinkOptions, SourceOptions
from bus.lookups import Table
from bus.mapping.shape import For, Let, Shape, Source
from bus.places import Finding, Place
from bus.types import EventType

Mode = Literal["live", "shadow", "off"]


@dataclass(frozen=True, slots=True)
class SourceEnd:
    """How documents come from a system."""

    adapter: AdapterSpec
    options: SourceOptions
    place: Place


@dataclass(frozen=True, slots=True)
class FailureRule:
    """One line of `failures`."""

    when: Source
    do: str


@dataclass(frozen=True, slots=True)
class SinkEnd:
    """How documents reach a system.

    Args:
        success, failures: expressions over the answer.
        expressions: options computed for each delivery (`name`, `path`), where the route gives none.
    """

    adapter: AdapterSpec
    options: SinkOptions
    place: Place
    success: Source | None = None
    failures: tuple[FailureRule, ...] = ()
    expressions: Mapping[str, Source] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class System:
    """One business system.

    A source or sink whose options are wrong is there too; that was reported, and nothing runs.
    """

    name: str
    place: Place
    zone: str = "Asia/Shanghai"
    source: SourceEnd | None = None
    sink: SinkEnd | None = None
    description: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Making:
    """An event to be made: of a document (inbound), or of an answer (`then`, `otherwise`)."""

    event: str
    map: Shape | None
    place: Place
    id: Source | None = None
    subject: Source | None = None
    time: Source | None = None
    key: Source | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One inbound rule."""

    name: str
    place: Place
    system: str
    making: Making
    when: Source | None = None
    loops: tuple[For, ...] = ()
    condition: Source | None = None
    lets: tuple[Let, ...] = ()
    let_first: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """One route: an event to one or more systems, in one format.

    Args:
        types: names of event types, patterns already resolved, in alphabetical order.
        untyped: one of `on` is unknown and was reported, so that nobody knows all fields there are.
        format: "" sends the event itself.
        layout: of fixed columns: column → width, align, fill.
    """

    name: str
    place: Place
    types: tuple[str, ...]
    to: tuple[str, ...]
    sources: tuple[str, ...] = ()
    untyped: bool = False
    when: Source | None = None
    loops: tuple[For, ...] = ()
    condition: Source | None = None
    lets: tuple[Let, ...] = ()
    let_first: bool = False
    format: str = ""
    shape: Shape | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    layout: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    encoding: str = ""
    file_name: Source | None = None
    path: Source | None = None
    headers: tuple[tuple[str, Source], ...] = ()
    then: Making | None = None
    otherwise: Making | None = None
    retry_s: tuple[float, ...] | None = None
    ordered: bool = False
    mode: Mode = "live"
    description: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole routing.yaml, with everything that was found wrong with it.

    Args:
        secrets: texts that must never be shown: what came from the environment, passwords.
        files: every file read, for watching.
    """

    systems: Mapping[str, System]
    tables: Mapping[str, Table]
    events: Mapping[str, EventType]
    rules: tuple[Rule, ...]
    routes: tuple[Route, ...]
    findings: tuple[Finding, ...]
    secrets: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that forbid running."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

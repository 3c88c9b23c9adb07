"""routing.yaml, or a folder of them, read whole: one configuration and all its findings at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from posixpath import join, normpath
from typing import Protocol

from bus.adapter import AdapterSpec
from bus.config import programs
from bus.config.advice import advised, named_elsewhere
from bus.config.checks import check_whole
from bus.config.environment import fill
from bus.config.events import read_events
from bus.config.model import Configuration, Route, Rule
from bus.config.nodes import ListNode, MapNode, Node, ScalarNode
from bus.config.report import Report, Section, was_reported
from bus.config.routes import check_encoding, read_routes
from bus.config.rules import read_rules
from bus.config.systems import read_systems
from bus.config.yaml import read
from bus.errors import why
from bus.lookups import Table, read_table
from bus.mapping.generate import Program
from bus.places import Finding

TOP_KEYS = ("version", "systems", "lookups", "events", "inbound", "routes")
LOOKUP_KEYS = ("file", "encoding", "key")


class Files(Protocol):
    """The files beside routing.yaml; the only way this package sees the outside."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes. Raises OSError."""


def load(
    texts: Mapping[str, str], files: Files, environment: Mapping[str, str], adapters: Mapping[str, AdapterSpec]
) -> Configuration:
    """Read a configuration.

    Args:
        texts: the YAML files by path, in the order they are merged.
        files: reads lookup tables, by paths relative to each YAML file's folder.
    """
    report = Report()
    sections: dict[str, MapNode] = {}
    for path, text in texts.items():
        node, findings = read(text, path)
        report.findings += findings
        if node is not None:
            _merge(Section(node, TOP_KEYS, path, report), sections, report)
    secrets: frozenset[str] = frozenset()
    filled: frozenset[int] = frozenset()
    systems_node: Node | None = sections.get("systems")
    if systems_node is not None:
        systems_node, found, secrets, filled = _filled(systems_node, environment)
        report.findings += found
    tables = _read_tables(sections.get("lookups"), files, report)
    events = read_events(sections.get("events"), report)
    systems = read_systems(systems_node, adapters, filled, report)
    rules = read_rules(sections.get("inbound"), systems, events, report)
    routes = read_routes(sections.get("routes"), systems, events, report)
    config = Configuration(systems, tables, events, rules, routes, (), secrets, tuple(texts))
    report.findings += _check_programs(config)
    check_whole(config, report)
    return replace(config, findings=tuple(_ordered(advised(report.findings, events, texts))))


def _ordered(findings: Iterable[Finding]) -> Iterator[Finding]:
    """By place; what several targets or types of one route say alike, once."""
    seen = set()
    for finding in sorted(findings, key=lambda f: (f.place.file, f.place.line, f.place.column, f.severity)):
        mark = (finding.place, finding.code, finding.message)
        if mark not in seen:
            seen.add(mark)
            yield finding


def _merge(section: Section, sections: dict[str, MapNode], report: Report) -> None:
    version = section.scalar("version")
    if version is not None and version.text != "1":
        report.error("version-unknown", version.place, version=version.text)
    for key, node in section.nodes.items():
        if key == "version":
            continue
        if isinstance(node, ScalarNode) and not node.text:
            continue  # `routes:` with nothing below it yet
        if not isinstance(node, MapNode):
            listed = [item for item in node.items if isinstance(item, MapNode)] if isinstance(node, ListNode) else []
            hint_code = "hint-mapping-dashes" if listed else ""
            report.error("mapping-needed", section.keys[key].place, hint_code, what=key, known="name: …")
            node = MapNode(tuple(entry for item in listed for entry in item.items), node.place)  # noqa: PLW2901 - as meant
            if not listed:
                continue
        items = [item for item in node.items if not was_reported(item[0])]
        known = sections.get(key, MapNode((), node.place))
        first = {name.text: name.place for name, _ in known.items}
        for name, _ in items:
            if name.text in first:
                report.error("defined-twice", name.place, name=name.text, first=str(first[name.text]))
        sections[key] = MapNode((*known.items, *items), known.place)


def _filled(
    node: Node, environment: Mapping[str, str]
) -> tuple[Node, list[Finding], frozenset[str], frozenset[int]]:
    filled = fill(node, environment)
    return filled.node, list(filled.findings), filled.secrets, filled.filled


def _read_tables(node: MapNode | None, files: Files, report: Report) -> Mapping[str, Table]:
    tables = {}
    for key, value in node.items if node is not None else ():
        options = _LookupOptions(key, value, report)
        tables[key.text] = Table(key.text)  # nothing is known of one that cannot be read
        if options.file is None:
            continue
        path = normpath(join(value.place.file.rpartition("/")[0], options.file.text))
        try:
            body = files.read(path)
        except FileNotFoundError:
            file, near = options.file, _elsewhere(path, files)
            hint_code = "hint-lookup-file-near" if near else ""
            report.error("lookup-file-missing", file.place, hint_code, file=file.text, path=path, near=near)
            continue
        except OSError as error:
            reason = why(error)
            report.error("lookup-file", options.file.place, file=options.file.text, path=path, reason=reason)
            continue
        tables[key.text], findings = read_table(key.text, body, path, options.encoding, options.key)
        report.findings += findings
    return tables


def _elsewhere(path: str, files: Files) -> str | None:
    """A file of that name in the folder where lookups usually lie."""
    folder, _, name = path.rpartition("/")
    near = join(folder, "lookups", name)
    try:
        files.read(near)
    except OSError:
        return None
    return f"lookups/{name}"


class _LookupOptions:
    """`item: lookups/item.csv`, or the same with `encoding` and `key`."""

    def __init__(self, name: ScalarNode, node: Node, report: Report) -> None:
        self.encoding = "utf-8"
        self.key: tuple[str, ...] = ()
        self.file: ScalarNode | None = None
        if isinstance(node, ScalarNode):
            if node.text.strip():
                self.file = node
            elif not was_reported(node):
                report.error("value-missing", name.place, key=name.text, what="lookups")
            return
        section = Section(node, LOOKUP_KEYS, f"lookups.{name.text}", report, name.place)
        section.need("file")
        self.file = section.scalar("file")
        encoding = section.scalar("encoding")
        self.encoding = (check_encoding(encoding, report) if encoding is not None else "") or "utf-8"
        self.key = tuple(part.text for part in section.texts("key"))


def _check_programs(config: Configuration) -> Iterator[Finding]:
    """Build every program once for what it finds; none is compiled to Python here."""
    read_back: set[tuple[str, str]] = set()

    def findings(*built: Program | None) -> Iterator[Finding]:
        for program in built:
            if program is not None:
                yield from program.findings
                read_back.update(program.scope.read_back)

    def named(part: Rule | Route, *built: Program | None) -> Iterator[Finding]:
        for finding in findings(*built):
            yield named_elsewhere(finding, part) if finding.code.startswith("name-unknown") else finding

    for name, system in config.systems.items():
        if system.sink is not None:
            judges = programs.sink_programs(name, system.sink, config)
            yield from findings(judges.success, *(program for program, _ in judges.failures))
            yield from findings(*programs.computed_programs(name, system.sink, config))
    for rule in config.rules:
        yield from named(rule, *programs.rule_programs(rule, config))
    for route in config.routes:
        for system_name in route.to or ("",):
            made = programs.route_programs(route, config, system_name)
            yield from named(route, made.when, made.body, made.then, made.otherwise)
    for table, column in sorted(read_back):
        yield from config.tables[table].duplicates(column)

"""`routing_test.yaml`: the configuration's own tests, run without sending anything. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from bus.adapter import Answer
from bus.codecs import MISSING, lookup_path, parse_written, plain
from bus.codecs.scalars import text_of
from bus.config.model import Configuration
from bus.config.nodes import ListNode, MapNode, Node, ScalarNode, kind
from bus.config.programs import sink_programs
from bus.config.report import Report, Section, plain_value
from bus.config.yaml import read
from bus.errors import BusError
from bus.explain import Explained, Explanation, explain
from bus.inbound import Replies
from bus.letters import is_parked
from bus.nearest import nearest
from bus.places import Finding
from bus.recovery import DeadLetter, Done, Park, RetryPolicy, decide
from bus.routing import Match, Routing

KEYS = ("name", "event", "from", "document", "events", "deliveries", "response", "replies")


class Files(Protocol):
    """The files beside the tests."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes; paths start at the folder of routing.yaml. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What was expected at a path, and what came."""

    path: str
    expected: str
    got: str


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: `passed` or `failed`, with every difference."""

    name: str
    differences: tuple[Difference, ...]
    line: int

    @property
    def outcome(self) -> str:
        return "failed" if self.differences else "passed"


@dataclass(slots=True)
class SuiteResult:
    """All tests; `reached` names the routes that some test made deliver."""

    results: list[TestResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)

    @property
    def failed(self) -> int:
        return sum(1 for result in self.results if result.differences)

    @property
    def passed(self) -> int:
        return len(self.results) - self.failed


def run_suite(text: str, file: str, config: Configuration, files: Files, now: datetime) -> SuiteResult:
    """Run every test of a file."""
    suite = SuiteResult()
    report = Report()
    node, findings = read(text, file)
    report.findings += findings
    if node is not None:
        tests = Section(node, ("tests",), file, report).get("tests")
        if isinstance(tests, ListNode):
            for position, item in enumerate(tests.items):
                section = Section(item, KEYS, f"tests[{position}]", report)
                one = _Test(section, config, files, now)
                suite.results.append(one.run())
                suite.reached |= one.reached
        else:
            report.error("tests-missing", node.place)
    suite.findings = report.findings
    return suite


class _Test:
    """One test while it runs."""

    def __init__(self, section: Section, config: Configuration, files: Files, now: datetime) -> None:
        self.section, self.config, self.files, self.now = section, config, files, now
        self.name = section.text("name", "–")
        self.differences: list[Difference] = []
        self.reached: set[str] = set()

    def run(self) -> TestResult:
        try:
            self._run()
        except OSError as error:
            self._differ("event" if "event" in self.section else "document", self._given(), error.strerror or str(error))
        except BusError as error:
            self._differ("", "–", str(error))
        return TestResult(self.name, tuple(self.differences), self.section.place.line)

    def _given(self) -> str:
        return self.section.text("event") or self.section.text("document")

    def _differ(self, path: str, expected: str, got: str) -> None:
        self.differences.append(Difference(path, expected, got))

    def _run(self) -> None:
        system = self.section.text("from") or None
        if system is not None and system not in self.config.systems:
            self._differ("from", nearest(system, self.config.systems) or "–", system)
            return
        explanation = explain(self.config, self._body("document" if "document" in self.section else "event"), system, self.now)
        self._check_events(explanation)
        self._check_deliveries(explanation)

    def _body(self, key: str) -> bytes:
        node = self.section.get(key)
        if isinstance(node, ScalarNode) and "\n" not in node.text:
            return self.files.read(node.text)
        if isinstance(node, ScalarNode):
            return node.text.encode()
        if node is None:
            self._differ(key, "event / document", "–")
            return b""
        value = plain_value(node)
        if key == "event" and isinstance(value, dict):
            value = {"specversion": "1.0", "id": "test", "source": "test", **value, "data": _typed(node)}
        return msgspec.json.encode(value if key == "event" else _values(node))

    def _check_events(self, explanation: Explanation) -> None:
        expected = self.section.get("events")
        if not isinstance(expected, ListNode):
            for failed in explanation.rejected:
                self._differ(f"inbound.{failed.rule}" if failed.rule else "document", "–", str(failed.error))
            return
        if len(expected.items) != len(explanation.events):
            got = ", ".join(explained.event.type for explained in explanation.events)
            reasons = "; ".join(str(failed.error) for failed in explanation.rejected)
            self._differ("events", str(len(expected.items)), f"{len(explanation.events)} {got} {reasons}".strip())
        for position, (node, explained) in enumerate(zip(expected.items, explanation.events, strict=False)):
            event = explained.event
            tree = {
                "type": event.type, "id": event.id, "subject": event.subject, "source": event.source, "key": event.key,
                "data": event.data,
            }
            self._compare(node, tree, f"events[{position}]")

    def _check_deliveries(self, explanation: Explanation) -> None:
        expected = self.section.get("deliveries")
        if expected is None:
            return
        wanted = {key.text: node for key, node in expected.items} if isinstance(expected, MapNode) else {}
        made: dict[str, list[tuple[Explained, Match]]] = {}
        for explained in explanation.events:
            if explained.failure is not None:
                self._differ("event", "–", str(explained.failure))
            for considered in explained.routes:
                for match in considered.matches:
                    if considered.route.mode == "live":
                        made.setdefault(considered.route.name, []).append((explained, match))
        self.reached |= set(made)
        for name in made.keys() - wanted.keys():
            self._differ(f"deliveries.{name}", "–", "delivers")
        for name, node in wanted.items():
            if name not in made:
                self._differ(f"deliveries.{name}", "delivers", "–")
                continue
            self._check_route(name, node, made[name])

    def _check_route(self, name: str, node: Node, made: list[tuple[Explained, Match]]) -> None:
        documents = [
            (explained, match, document)
            for explained, match in made for document in (match.documents or (None,))
        ]
        nodes = node.items if isinstance(node, ListNode) else (node,) * len(documents)
        if len(nodes) != len(documents):
            self._differ(f"deliveries.{name}", str(len(nodes)), str(len(documents)))
        for one, (explained, match, document) in zip(nodes, documents, strict=False):
            outcome = one.get("outcome") if isinstance(one, MapNode) else None
            got = self._outcome(explained, match)
            if isinstance(outcome, ScalarNode):
                if outcome.text != got[0]:
                    self._differ(f"deliveries.{name}.outcome", outcome.text, " ".join(got).strip())
            elif match.failure is not None:
                where = match.failure.where
                at = f" ({where.file}:{where.line}:{where.column} {where.path})" if where else ""
                self._differ(f"deliveries.{name}", "done", f"{match.failure}{at}")
            if document is not None:
                layout = {key: column["width"] for key, column in match.route.layout.items()}
                options = {**match.route.options, **({"columns": layout} if layout else {})}
                format_ = match.route.format or "json"
                tree = parse_written(format_, document.body, document.encoding, options)
                self._compare(one, tree, f"deliveries.{name}", skip=("outcome",))

    def _outcome(self, explained: Explained, match: Match) -> tuple[str, str]:
        """What would become of the delivery if the target answered as the test says."""
        if match.failure is not None:
            return "park" if is_parked(match.failure) else "dead", str(match.failure)
        sink = self.config.systems[match.system].sink
        response = self.section.get("response")
        if sink is None or response is None:
            return "done", ""
        answer = Answer(ok=True, response=_values(response), code=str(_values(response).get("code", "")))
        judges = sink_programs(match.system, sink, self.config)
        context = Routing(self.config).targets[match.route.name, match.system].context
        failure = {"code": answer.code or "-", "message": "-"}
        arguments = (explained.event, explained.event.data, answer.response, failure, context)
        success = judges.success.compiled() if judges.success else None
        failures = [(program.compiled(), do) for program, do in judges.failures]
        decision = decide(
            answer, 1, RetryPolicy(tuple(sink.options.retry)), (lambda: bool(success(*arguments))) if success else None,
            [(lambda run=run: bool(run(*arguments)), do) for run, do in failures],  # type: ignore[misc]  # bound now
        )
        words = {Done: "done", Park: "park", DeadLetter: "dead"}
        return words.get(type(decision), "retry"), ""

    def _compare(self, node: Node, tree: Any, at: str, skip: tuple[str, ...] = ()) -> None:
        for path, expected in _leaves(node):
            if path in skip:
                continue
            got = lookup_path(tree, path) if path else tree
            if expected is None or (kind(expected) == "null" and expected.style == "plain"):
                if got is not MISSING and got is not None:
                    self._differ(f"{at}.{path}", "null", _shown(got))
            elif not _same(expected, got):
                self._differ(f"{at}.{path}" if path else at, expected.text, _shown(got))


def _leaves(node: Node, path: str = "") -> Iterator[tuple[str, ScalarNode | None]]:
    """Every expected value by its path; keys may be paths themselves."""
    if isinstance(node, ScalarNode):
        yield path, node
    elif isinstance(node, MapNode):
        for key, value in node.items:
            yield from _leaves(value, f"{path}.{key.text}" if path and not key.text.startswith("[") else path + key.text)
    else:
        for position, item in enumerate(node.items):
            yield from _leaves(item, f"{path}[{position}]")


def _same(expected: ScalarNode, got: Any) -> bool:
    """A number written bare compares by value, everything else by its text."""
    if got is MISSING or got is None or isinstance(got, dict | list):
        return False
    if isinstance(got, int | Decimal) and not isinstance(got, bool) and kind(expected) in ("int", "float"):
        return Decimal(expected.text) == got
    return text_of(plain(got), "") == expected.text


def _shown(value: Any) -> str:
    if value is MISSING or value is None:
        return "–"
    if isinstance(value, dict | list):
        return f"{{{len(value)}}}" if isinstance(value, dict) else f"[{len(value)}]"
    return text_of(plain(value), "")


def _values(node: Node) -> Any:
    """A node as JSON values, numbers exact."""
    if isinstance(node, MapNode):
        return {key.text: _values(value) for key, value in node.items}
    if isinstance(node, ListNode):
        return [_values(item) for item in node.items]
    what = kind(node)
    if what in ("int", "float"):
        return Decimal(node.text) if what == "float" else int(node.text)
    return plain_value(node)


def _typed(node: Node) -> Mapping[str, Any]:
    data = node.get("data") if isinstance(node, MapNode) else None
    value = _values(data) if data is not None else {}
    return value if isinstance(value, dict) else {}

"""`routing_test.yaml`: the configuration's own tests, run without sending anything. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from bus.adapter import Answer
from bus.codecs import MISSING, lookup_path, missing_at, parse_written, plain
from bus.codecs.scalars import text_of
from bus.config.model import Configuration
from bus.config.nodes import ListNode, MapNode, Node, ScalarNode, kind
from bus.config.programs import sink_programs
from bus.config.report import Report, Section, plain_value
from bus.config.yaml import read
from bus.errors import BusError, DocumentError, Held, why
from bus.explain import Built, Explained, Explanation, explain
from bus.inbound import Failed
from bus.letters import is_parked
from bus.places import Finding
from bus.recovery import DeadLetter, Done, Park, RetryPolicy, decide, with_reason
from bus.routing import Document, Match
from bus.texts import say

KEYS = ("name", "event", "from", "document", "events", "outcome", "deliveries", "response")
EXPECTATIONS = ("events", "outcome", "deliveries")
OUTCOMES = ("done", "retry", "park", "dead")
WHOLE = ("done", "park", "dead")
NOTHING = "–"
MOST_THERE = 10
_JSON = msgspec.json.Encoder(decimal_format="number")
_PASSING = (408, 429)  # HTTP statuses below 500 that may pass by themselves


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
    """One test: `passed` or `failed`, with every difference.

    Args:
        unreadable: something in it was not understood, so that nobody knows what it would have found.
    """

    name: str
    differences: tuple[Difference, ...]
    line: int
    unreadable: bool = False

    @property
    def outcome(self) -> str:
        return "failed" if self.differences or self.unreadable else "passed"


@dataclass(slots=True)
class SuiteResult:
    """All tests; `reached` names the routes that some test made deliver."""

    results: list[TestResult] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)

    @property
    def errors(self) -> list[Finding]:
        """What is wrong with the file itself; the other findings are warnings."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def failed(self) -> int:
        return sum(1 for result in self.results if result.outcome == "failed")

    @property
    def passed(self) -> int:
        return len(self.results) - self.failed


def run_suite(text: str, file: str, config: Configuration, files: Files, now: datetime) -> SuiteResult:
    """Run every test of a file; what is wrong with the file itself is in `findings`."""
    suite = SuiteResult()
    report = Report()
    node, findings = read(text, file)
    report.findings += findings
    tests = Section(node, ("tests",), file, report).get("tests") if node is not None else None
    if isinstance(tests, ListNode):
        built = Built.of(config)
        for position, item in enumerate(tests.items):
            section = Section(item, KEYS, f"tests[{position}]", report)
            if section.readable:
                one = _Test(section, config, built, files, now)
                suite.results.append(one.run())
                suite.reached |= one.reached
    elif not report.findings and node is not None:
        report.error("tests-missing", node.place)
    told = {(finding.code, finding.place): finding for finding in report.findings}  # several tests, one doubt
    suite.findings = sorted(told.values(), key=lambda finding: finding.place)
    return suite


class _Test:
    """One test while it runs."""

    def __init__(self, section: Section, config: Configuration, built: Built, files: Files, now: datetime) -> None:
        self.section, self.config, self.built, self.files, self.now = section, config, built, files, now
        self.name = section.text("name", NOTHING)
        self.differences: list[Difference] = []
        self._errors = len(section.report.errors)
        self.reached: set[str] = set()

    def run(self) -> TestResult:
        given = "document" if "document" in self.section else "event"
        try:
            self._run(given)
        except OSError as error:
            self._differ(given, self.section.text(given), why(error))
        except BusError as error:
            self._differ(given, NOTHING, str(error))
        unreadable = self.section.unreadable or len(self.section.report.errors) > self._errors
        if not (unreadable or self.differences or any(key in self.section for key in EXPECTATIONS)):
            self.section.report.warning("test-expects-nothing", self.section.place)
        return TestResult(self.name, tuple(self.differences), self.section.place.line, unreadable)

    def _differ(self, path: str, expected: str, got: str) -> None:
        self.differences.append(Difference(path, expected, got))

    def _run(self, given: str) -> None:
        report, system = self.section.report, self.section.scalar("from")
        if system is not None and system.text not in self.config.systems:
            report.unknown("system-unknown", system.place, system.text, self.config.systems)
            self._differ("from", ", ".join(self.config.systems), system.text)
            return
        if not self.section.need(given):
            self._differ(given, "event / document", NOTHING)
            return
        sender = system.text if system is not None else None
        explanation = self._explanation(self._body(given), sender)
        report.findings += explanation.doubts
        self._check_events(explanation)
        self._check_deliveries(explanation)

    def _explanation(self, body: bytes, sender: str | None) -> Explanation:
        try:
            return explain(self.config, body, sender, self.now, self.built)
        except DocumentError as error:
            if "outcome" not in self.section:
                raise
            return Explanation((), (Failed("", 0, error),))

    def _body(self, key: str) -> bytes:
        node = self.section.nodes[key]
        if isinstance(node, ScalarNode):
            written_out = "\n" in node.text or node.text[:1] in ("<", "{", "[")
            return node.text.encode() if written_out else self.files.read(node.text)
        value = _values(node)
        if key == "event" and isinstance(value, dict):
            value = {"specversion": "1.0", "id": "test", "source": "test", "data": {}, **value}
        return msgspec.json.encode(value)

    def _check_events(self, explanation: Explanation) -> None:
        expected = self.section.get("events")
        nodes = expected.items if isinstance(expected, ListNode) else (expected,) if expected is not None else None
        if "outcome" in self.section:
            self._check_whole(explanation)
        else:
            for failed in explanation.rejected:
                if nodes != () or not _took_nothing(failed):  # `events: []` says that no rule takes it
                    self._differ(f"inbound.{failed.rule}" if failed.rule else "document", NOTHING, said(failed.error))
            for explained in explanation.events:
                if explained.failure is not None:
                    self._differ("event", NOTHING, said(explained.failure))
        if nodes is None:
            return
        if len(nodes) != len(explanation.events):
            got = ", ".join(explained.event.type for explained in explanation.events)
            self._differ("events", str(len(nodes)), f"{len(explanation.events)}: {got}" if got else "0")
        for position, (node, explained) in enumerate(zip(nodes, explanation.events, strict=False)):
            event = explained.event
            tree = {
                "type": event.type, "id": event.id, "subject": event.subject, "source": event.source, "key": event.key,
                "time": event.time, "data": event.data,
            }
            self._compare(node, tree, f"events[{position}]")

    def _check_whole(self, explanation: Explanation) -> None:
        """Compare what becomes of the document itself: `park` and `dead` where a rule, or the whole, fails."""
        wanted = self.section.choice("outcome", WHOLE, "done")
        errors = [failed.error for failed in explanation.rejected]
        errors += [explained.failure for explained in explanation.events if explained.failure is not None]
        got = {"park" if is_parked(error) else "dead": said(error) for error in reversed(errors)} or {"done": ""}
        if wanted not in got:
            self._differ("outcome", wanted, ", ".join(" ".join(one).strip() for one in got.items()))

    def _check_deliveries(self, explanation: Explanation) -> None:
        made: dict[str, list[tuple[Explained, Match]]] = {}
        for explained in explanation.events:
            for considered in explained.routes:
                for match in considered.matches:
                    if considered.route.mode == "live" and (match.documents or match.failure):
                        made.setdefault(considered.route.name, []).append((explained, match))
        self.reached |= set(made)
        expected = self.section.get("deliveries")
        if expected is None:
            return
        if isinstance(expected, ScalarNode):
            self.section.report.error("mapping-needed", expected.place, what="deliveries", known="po-to-wms: {…}")
            return
        wanted = dict(_wanted(expected))
        for name in made.keys() - wanted.keys():
            self._differ(f"deliveries.{name}", NOTHING, say("delivers"))
        names = [route.name for route in self.config.routes]
        for name, (key, node) in wanted.items():
            if name not in names:
                self.section.report.unknown("route-unknown", key.place, name, names)
            if name in made:
                self._check_route(name, node, made[name])
            else:
                self._differ(f"deliveries.{name}", say("delivers"), NOTHING)

    def _check_route(self, name: str, node: Node, made: Sequence[tuple[Explained, Match]]) -> None:
        documents: list[tuple[Explained, Match, Document | None]] = [
            (explained, match, document) for explained, match in made for document in (match.documents or (None,))
        ]
        nodes = node.items if isinstance(node, ListNode) else (node,) * len(documents)
        if len(nodes) != len(documents):
            self._differ(f"deliveries.{name}", str(len(nodes)), str(len(documents)))
        for position, (one, (explained, match, document)) in enumerate(zip(nodes, documents, strict=False)):
            at = f"deliveries.{name}[{position}]" if isinstance(node, ListNode) else f"deliveries.{name}"
            self._check_outcome(one, explained, match, at)
            if document is not None:
                layout = {key: column["width"] for key, column in match.route.layout.items()}
                options = {**match.route.options, **({"columns": layout} if layout else {})}
                tree = parse_written(match.route.format or "json", document.body, document.encoding, options)
                self._compare(one, _trimmed(tree) if layout else tree, at, skip=("outcome",))

    def _check_outcome(self, node: Node, explained: Explained, match: Match, at: str) -> None:
        outcome = node.get("outcome") if isinstance(node, MapNode) else None
        if isinstance(outcome, ScalarNode):
            if outcome.text not in OUTCOMES:
                self.section.report.unknown("unknown-choice", outcome.place, outcome.text, OUTCOMES, key="outcome")
            got = self._outcome(explained, match)
            if outcome.text != got[0]:
                self._differ(f"{at}.outcome", outcome.text, " ".join(got).strip())
        elif match.failure is not None:
            self._differ(at, "done", said(match.failure))

    def _outcome(self, explained: Explained, match: Match) -> tuple[str, str]:
        """What would become of the delivery if the target answered as the test says."""
        if match.failure is not None:
            return "park" if is_parked(match.failure) else "dead", said(match.failure)
        sink = self.config.systems[match.system].sink
        response = self.section.get("response")
        if sink is None or response is None:
            return "done", ""
        answer = _answer(_values(response))
        judges = sink_programs(match.system, sink, self.config)
        context = self.built.routing.targets[match.route.name, match.system].context
        failure = {"code": answer.code or "-", "message": answer.message or "-"}

        def test(run: Callable[..., Any]) -> Callable[[], bool]:
            return lambda: bool(run(explained.event, explained.event.data, answer.response, failure, context))

        delays_s = match.route.retry_s if match.route.retry_s is not None else tuple(sink.options.retry)
        try:
            decision = decide(
                answer, 1, RetryPolicy(delays_s), test(judges.success.compiled()) if judges.success else None,
                [(test(program.compiled()), do) for program, do in judges.failures],
            )
        except BusError as error:  # it cannot be judged, so a person must look at it
            return "park", said(error)
        words: Mapping[type, str] = {Done: "done", Park: "park", DeadLetter: "dead"}
        return words.get(type(decision), "retry"), ""

    def _compare(self, node: Node, tree: Any, at: str, skip: tuple[str, ...] = ()) -> None:
        for path, expected in _leaves(node):
            if path in skip:
                continue
            shown = f"{at}.{path}".rstrip(".")
            try:
                got = lookup_path(tree, path) if path else tree
            except BusError as error:
                self._differ(shown, expected.text, str(error))
                continue
            if kind(expected) == "null":
                if got is not MISSING and got is not None:
                    self._differ(shown, "null", _shown(got))
            elif not _same(expected, got):
                self._differ(shown, expected.text, _gone(tree, path) if got is MISSING else _shown(got))


def said(error: BusError) -> str:
    """A failure in one line, with the field and the place of the expression that failed."""
    where = error.where
    if where is None:
        return str(error)
    path = f"{where.path}: " if where.path else ""
    return f"{path}{error} ({where.file}:{where.line}:{where.column}  {where.expression})"


def _took_nothing(failed: Failed) -> bool:
    return not failed.rule and isinstance(failed.error, Held)


def _answer(response: Any) -> Answer:
    """The target's answer; a bare number is an HTTP status and nothing with it."""
    if type(response) is int:
        ok, passing = 200 <= response < 300, response >= 500 or response in _PASSING
        return Answer(ok=ok, code=str(response), retry=passing and not ok)
    return with_reason(Answer(ok=True, response=response))


def _wanted(node: MapNode | ListNode) -> Iterator[tuple[str, tuple[ScalarNode, Node]]]:
    """The routes that must deliver: a mapping with what each must make, or a list of names."""
    if isinstance(node, MapNode):
        yield from ((key.text, (key, value)) for key, value in node.items)
    else:
        yield from ((item.text, (item, MapNode((), item.place))) for item in node.items if isinstance(item, ScalarNode))


def _leaves(node: Node, path: str = "") -> Iterator[tuple[str, ScalarNode]]:
    """Every expected value by its path; keys may be paths themselves."""
    if isinstance(node, ScalarNode):
        if path or node.text:
            yield path, node
    elif isinstance(node, MapNode):
        for key, value in node.items:
            joint = "." if path and not key.text.startswith("[") else ""
            yield from _leaves(value, f"{path}{joint}{key.text}")
    else:
        for position, item in enumerate(node.items):
            yield from _leaves(item, f"{path}[{position}]")


def _trimmed(rows: Any) -> Any:
    """Rows of fixed widths without what fills them up."""
    return [{name: value.strip() for name, value in row.items()} for row in rows]


def _same(expected: ScalarNode, got: Any) -> bool:
    """A number written bare compares by value, everything else by its text."""
    if got is MISSING or got is None or isinstance(got, dict | list):
        return False
    if isinstance(got, int | Decimal) and not isinstance(got, bool) and kind(expected) in ("int", "float"):
        return Decimal(expected.text) == got
    return text_of(plain(got), "") == expected.text


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return _JSON.encode(value).decode()[:200]
    return NOTHING if value is None else text_of(plain(value), "")


def _gone(tree: Any, path: str) -> str:
    """What there is where a path leads nowhere."""
    at, there = missing_at(tree, path)
    names = (", ".join(there[:MOST_THERE]) or NOTHING) + (", …" if len(there) > MOST_THERE else "")
    return f"{NOTHING}   {say('there-is', at=at, there=names) if at else say('there-is-here', there=names)}"


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

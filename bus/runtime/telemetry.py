"""The only place where counters move and log lines are written: one fact, one call here.

Labels have few values (routes, systems, event types that are declared, codes of the catalogue); document
numbers stand in log lines. Nothing here ever sees a body or a secret. Facts that happen for every event
are counted in batches and logged at debug only.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bus.errors import BusError
from bus.ports import Depth
from bus.runtime.reasons import Reason

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_ROUTE = ("route", "system")
LEVELS = ("debug", "info", "warning", "error", "off")
UNKNOWN = "unknown"  # the label of whoever is no system of routing.yaml: names from outside must not become labels


class Log:
    """Log lines: when, how bad, what happened, and its fields; as `key=value`, or as JSON.

    Args:
        level: the least that is written, one of LEVELS.
    """

    def __init__(self, stream: TextIO | None = None, *, as_json: bool = False, level: str = "info") -> None:
        self._stream, self._as_json = stream, as_json
        self._least = LEVELS.index(level) if stream is not None else len(LEVELS)

    def write(self, level: str, event: str, /, **fields: object) -> None:
        """Write one line; fields that are None or "" are left out."""
        if self._stream is None or LEVELS.index(level) < self._least:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        filled = {name: value for name, value in fields.items() if value is not None and value != ""}
        line: dict[str, object] = {"time": time, "level": level, "event": event, **filled}
        text = json.dumps(line, ensure_ascii=False, default=str) if self._as_json else _plain(line)
        self._stream.write(text + "\n")
        self._stream.flush()


def _plain(line: Mapping[str, object]) -> str:
    time, level, event, *rest = line.items()
    fields = "".join(f" {name}={_value(value)}" for name, value in rest)
    return f"{time[1]} {level[1]!s:<7} {event[1]}{fields}"


def _value(value: object) -> str:
    """A value without blanks as it is, else quoted; always one line."""
    text = str(value)
    return text if text.isprintable() and not set(text) & set(' "=') else json.dumps(text, ensure_ascii=False)


def _reason(error: BusError | None) -> dict[str, object]:
    """Code, sentence, remedy and place of an error; none of them holds a body or a secret."""
    if error is None:
        return {}
    where = error.where
    place = f"{where.file}:{where.line}:{where.column} {where.path}".rstrip() if where is not None else None
    return {"code": error.code, "reason": str(error), "hint": error.hint, "where": place}


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, labels: Iterable[str] = ()) -> Counter:
            return Counter(name, text, tuple(labels), registry=registry)

        def seconds(name: str, text: str) -> Histogram:
            return Histogram(name, text, _ROUTE, buckets=_SECONDS, registry=registry)

        def gauge(name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
            return Gauge(name, text, tuple(labels), registry=registry)

        self.accepted = counter("bus_events_accepted_total", "Events stored, by the system that sent them.", ["system"])
        self.documents = counter("bus_documents_total", "Documents read, by system and outcome.", ["system", "outcome"])
        self.doubtful = counter(
            "bus_documents_doubtful_total", "Documents with a list that a path of their rule did not find.", ["system"]
        )
        self.routed = counter("bus_events_routed_total", "Deliveries made of events.", _ROUTE)
        self.unrouted = counter("bus_events_unrouted_total", "Events no live route took, by type.", ["type"])
        self.invalid = counter("bus_events_invalid_total", "Messages that are no valid event.", ["code"])
        self.duplicate = counter("bus_events_duplicate_total", "Events that came again unchanged.", ["system"])
        self.conflict = counter(
            "bus_events_conflict_total", "Events whose identity came again with another body.", ["system"]
        )
        self.shadowed = counter("bus_events_shadowed_total", "Deliveries computed by shadow routes.", _ROUTE)
        self.delivered = counter("bus_deliveries_done_total", "Deliveries the target took.", _ROUTE)
        self.retried = counter("bus_deliveries_retried_total", "Failed tries that will be repeated.", _ROUTE)
        self.parked = counter("bus_deliveries_parked_total", "Deliveries that wait for a person or a code.", _ROUTE)
        self.dead = counter("bus_deliveries_dead_total", "Deliveries given up or refused for good.", _ROUTE)
        self.held_back = counter(
            "bus_deliveries_held_back_total", "Deliveries that wait behind a letter with their key.", _ROUTE
        )
        self.released = counter("bus_letters_released_total", "Parked letters that went on by themselves.", ["system"])
        self.poison = counter("bus_messages_poison_total", "Messages that killed the process repeatedly.", ["queue"])
        self.processing = seconds("bus_delivery_processing_seconds", "Time one try of a delivery took.")
        self.critical = seconds("bus_delivery_critical_seconds", "Time from accepting the event to its delivery.")
        self.depth = gauge("bus_queue_messages", "Messages waiting or in hand.", ["queue"])
        self.oldest = gauge("bus_queue_oldest_seconds", "Age of the oldest message.", ["queue"])
        self.up = gauge("bus_adapter_up", "1 while the system answers.", ["system", "side"])
        self.broker_up = gauge("bus_broker_up", "1 while the broker stores messages.")
        self.reloads = counter("bus_reloads_total", "Changed configurations, by outcome: used, refused.", ["outcome"])
        self.reload_failed = gauge("bus_reload_failed", "1 while the files are not in use, because they were refused.")
        self.configuration = gauge("bus_configuration_info", "1 for the version in use.", ["version"])


class Telemetry:
    """What the parts of the bus call when something happened.

    Args:
        systems: the names that may become labels.
        log: where lines go; nowhere by default.
    """

    def __init__(self, systems: Collection[str] = (), log: Log | None = None) -> None:
        self.metrics = Metrics()
        self._systems, self._log = frozenset(systems), log or Log()
        self._queues: frozenset[str] = frozenset()
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric, labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child

    def _forget(self, metric: Any, *labels: str) -> None:
        if self._children.pop((metric, labels), None) is not None:
            metric.remove(*labels)

    def _label(self, system: str) -> str:
        return system if system in self._systems else UNKNOWN

    # ------------------------------------------------------------------------------- documents, events

    def document_read(
        self, system: str, outcome: str, *, name: str, events: int, error: BusError | None
    ) -> None:
        """A document was taken: `accepted`, `partly`, `parked`, `dead`, or `refused` and left where it was."""
        label = self._label(system)
        self._child(self.metrics.documents, label, outcome).inc()
        if events:
            self._child(self.metrics.accepted, label).inc(events)
        level = "debug" if error is None else "warning"
        self._log.write(level, f"document_{outcome}", system=system, name=name, events=events, **_reason(error))

    def document_doubtful(self, system: str, rule: str, error: BusError, *, name: str) -> None:
        """A list that an event needs came out empty: a path of the rule leads nowhere in this document."""
        self._child(self.metrics.doubtful, self._label(system)).inc()
        self._log.write("warning", "document_doubtful", system=system, rule=rule, name=name, **_reason(error))

    def routed(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Deliveries of a batch of events, by route and system."""
        for labels, count in counts.items():
            self._child(self.metrics.routed, *labels).inc(count)

    def shadowed(self, route: str, system: str, *, event_id: str, subject: str, error: BusError | None) -> None:
        """A shadow route computed its delivery."""
        self._child(self.metrics.shadowed, route, system).inc()
        self._log.write(
            "info", "shadow_computed", route=route, system=system, id=event_id, subject=subject, **_reason(error)
        )

    def unrouted(self, type_: str, count: int) -> None:
        """Events no live route took."""
        self._child(self.metrics.unrouted, type_).inc(count)
        self._log.write("debug", "event_unrouted", type=type_, count=count)

    def duplicate(self, source: str, *, event_id: str) -> None:
        """The same event came again."""
        self._child(self.metrics.duplicate, self._label(source)).inc()
        self._log.write("debug", "event_duplicate", source=source, id=event_id)

    def conflict(self, source: str, error: BusError, *, event_id: str) -> None:
        """The same identity came with another body, which is parked."""
        self._child(self.metrics.conflict, self._label(source)).inc()
        self._log.write("warning", "event_conflict", source=source, id=event_id, **_reason(error))

    def invalid(self, error: BusError, *, message_id: str) -> None:
        """A message is no valid event."""
        self._child(self.metrics.invalid, error.code).inc()
        self._log.write("warning", "event_invalid", id=message_id, **_reason(error))

    def poison(self, queue: str, *, message_id: str, times: int) -> None:
        """A message killed the process again and again, and is kept as a letter."""
        self._child(self.metrics.poison, queue).inc()
        self._log.write("error", "message_poison", queue=queue, id=message_id, times=times)

    # ----------------------------------------------------------------------------------- deliveries

    def delivered(
        self, route: str, system: str, *, delivery_id: str, subject: str, processing_s: float, critical_s: float
    ) -> None:
        """The target took a delivery."""
        self._child(self.metrics.delivered, route, system).inc()
        self._child(self.metrics.processing, route, system).observe(processing_s)
        self._child(self.metrics.critical, route, system).observe(critical_s)
        self._log.write("debug", "delivery_done", route=route, system=system, id=delivery_id, subject=subject)

    def retried(
        self, route: str, system: str, *, delivery_id: str, subject: str, code: str, attempt: int, delay_s: float
    ) -> None:
        """A try failed and will be repeated."""
        self._child(self.metrics.retried, route, system).inc()
        self._log.write(
            "warning", "delivery_retried", route=route, system=system, id=delivery_id, subject=subject, answer=code,
            attempt=attempt, delay_s=delay_s,
        )

    def ended(
        self, route: str, system: str, state: str, error: BusError, *, message_id: str, subject: str, attempt: int = 0
    ) -> None:
        """A delivery was parked or is dead; with attempt 0 its document could not even be made."""
        metric = self.metrics.parked if state == "parked" else self.metrics.dead
        self._child(metric, route or UNKNOWN, system).inc()
        self._log.write(
            "warning", f"delivery_{state}", route=route, system=system, id=message_id, subject=subject,
            attempt=attempt or None, **_reason(error),
        )

    def held_back(self, route: str, system: str, *, delivery_id: str, subject: str) -> None:
        """A delivery of an ordered route waits behind a letter with its key."""
        self._child(self.metrics.held_back, route, system).inc()
        self._log.write("info", "delivery_held_back", route=route, system=system, id=delivery_id, subject=subject)

    def replied(self, route: str, system: str, type_: str, *, event_id: str, subject: str) -> None:
        """A reply event was made."""
        self._log.write("debug", "reply_made", route=route, system=system, type=type_, id=event_id, subject=subject)

    def reply_failed(self, route: str, system: str, error: BusError, *, event_id: str) -> None:
        """A reply event could not be made."""
        self._log.write("warning", "reply_failed", route=route, system=system, id=event_id, **_reason(error))

    def released(self, system: str, *, letter_id: str, subject: str) -> None:
        """A parked letter goes on, since its code appeared."""
        self._child(self.metrics.released, self._label(system)).inc()
        self._log.write("info", "letter_released", system=system, id=letter_id, subject=subject)

    # --------------------------------------------------------------------------------- surroundings

    def adapter(self, system: str, side: str, error: BusError | None) -> None:
        """A system cannot be reached, or can again."""
        self._child(self.metrics.up, system, side).set(0 if error else 1)
        word, level = ("down", "warning") if error is not None else ("up", "info")
        self._log.write(level, f"adapter_{word}", system=system, side=side, **_reason(error))

    def adapter_works(self, system: str, side: str) -> None:
        """A system answers; nobody needs a line for that."""
        self._child(self.metrics.up, system, side).set(1)

    def broker(self, error: BusError | None) -> None:
        """The broker does not store messages, or does again."""
        self.metrics.broker_up.set(0 if error else 1)
        word, level = ("in_trouble", "error") if error is not None else ("recovered", "info")
        self._log.write(level, f"broker_{word}", **_reason(error))

    def in_use(self, version: str, systems: Collection[str]) -> None:
        """This version of the configuration is in use, with these systems."""
        for system in self._systems.difference(systems):
            for side in ("source", "sink"):
                self._forget(self.metrics.up, system, side)
        self._systems = frozenset(systems)
        self.metrics.configuration.clear()
        self.metrics.configuration.labels(version).set(1)

    def reloaded(self, version: str, before: str) -> None:
        """The files have changed and are in use."""
        self._child(self.metrics.reloads, "used").inc()
        self.metrics.reload_failed.set(0)
        self._log.write("info", "configuration_reloaded", version=version, before=before)

    def reload_unchanged(self, version: str) -> None:
        """The files were read again and hold what is in use."""
        self.metrics.reload_failed.set(0)
        self._log.write("info", "configuration_unchanged", version=version)

    def reload_refused(self, version: str, reason: Reason) -> None:
        """The files have changed and cannot be used; `version` stays in use."""
        self._child(self.metrics.reloads, "refused").inc()
        self.metrics.reload_failed.set(1)
        self._log.write(
            "error", "configuration_refused", version=version, code=reason.code, reason=str(reason), hint=reason.hint,
            errors=reason.errors or None,
        )

    def left_over(self, queue: str, messages: int) -> None:
        """A system is gone from the configuration, and its queue is not: queues are never deleted by the way."""
        self._log.write("warning", "queue_left_over", queue=queue, messages=messages)

    def status_unwritten(self, path: str, reason: str) -> None:
        """`bus status` will not see this process."""
        self._log.write("warning", "status_unwritten", path=path, reason=reason)

    def defect(self, where: str, error: BaseException) -> None:
        """Code of ours, or of a third party, raised what it should not; the work goes on."""
        self._log.write("error", "defect", where=where, kind=type(error).__name__, at=_innermost(error))

    def depths(self, depths: Mapping[str, Depth]) -> None:
        """What the queues hold now; one that is not named any more is forgotten."""
        for queue in self._queues.difference(depths):
            self._forget(self.metrics.depth, queue)
            self._forget(self.metrics.oldest, queue)
        self._queues = frozenset(depths)
        for queue, depth in depths.items():
            self._child(self.metrics.depth, queue).set(depth.messages)
            self._child(self.metrics.oldest, queue).set(depth.oldest_s)


def _innermost(error: BaseException) -> str:
    """File and line where an exception was raised: its text could hold anything, so it is not shown."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace is not None else ""



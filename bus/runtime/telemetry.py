"""The only place where counters move and log lines are written: one fact, one call here.

Labels have few values (routes, systems, event types that are declared); document numbers stand in log
lines. Nothing here ever sees a body or a secret. Facts that happen for every event are counted in
batches and logged at DEBUG only.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bus.errors import BusError

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_ROUTE = ("route", "system")


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, text: str, labels: Iterable[str] = ()) -> Counter:
            return Counter(name, text, tuple(labels), registry=registry)

        self.accepted = counter("bus_events_accepted_total", "Events stored, by the system that sent them.", ["system"])
        self.documents = counter("bus_documents_total", "Documents read, by system and outcome.", ["system", "outcome"])
        self.routed = counter("bus_events_routed_total", "Deliveries made of events.", _ROUTE)
        self.unrouted = counter("bus_events_unrouted_total", "Events no live route took, by type.", ["type"])
        self.invalid = counter("bus_events_invalid_total", "Messages that are no valid event.", ["code"])
        self.duplicate = counter("bus_events_duplicate_total", "Events that came again unchanged.", ["system"])
        self.conflict = counter("bus_events_conflict_total", "Events whose identity came again with another body.", ["system"])
        self.shadowed = counter("bus_events_shadowed_total", "Deliveries computed by shadow routes.", _ROUTE)
        self.delivered = counter("bus_deliveries_done_total", "Deliveries the target took.", _ROUTE)
        self.retried = counter("bus_deliveries_retried_total", "Failed tries that will be repeated.", _ROUTE)
        self.parked = counter("bus_deliveries_parked_total", "Deliveries that wait for a person or a code.", _ROUTE)
        self.dead = counter("bus_deliveries_dead_total", "Deliveries given up or refused for good.", _ROUTE)
        self.released = counter("bus_letters_released_total", "Parked letters that went on by themselves.", ["system"])
        self.processing = Histogram(
            "bus_delivery_processing_seconds", "Time one try of a delivery took.", _ROUTE, buckets=_SECONDS, registry=registry
        )
        self.critical = Histogram(
            "bus_delivery_critical_seconds", "Time from accepting the event to its delivery.", _ROUTE,
            buckets=_SECONDS, registry=registry,
        )
        self.depth = Gauge("bus_queue_messages", "Messages waiting or in hand.", ["queue"], registry=registry)
        self.oldest = Gauge("bus_queue_oldest_seconds", "Age of the oldest message.", ["queue"], registry=registry)
        self.up = Gauge("bus_adapter_up", "1 while the system answers.", ["system", "side"], registry=registry)
        self.broker_up = Gauge("bus_broker_up", "1 while the broker stores messages.", registry=registry)
        self.reloads = counter("bus_lookups_reloads_total", "Reloads of lookup tables, by outcome.", ["outcome"])


class Telemetry:
    """What the parts of the bus call when something happened."""

    def __init__(self, log: Any = None) -> None:
        self.metrics = Metrics()
        self.log = log if log is not None else structlog.get_logger()
        self._children: dict[tuple[Any, tuple[str, ...]], Any] = {}

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric, labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child

    def document_read(self, system: str, outcome: str, *, name: str, events: int, error: BusError | None) -> None:
        """A source's document was taken: `events`, `parked`, `dead` or `partly`."""
        self._child(self.metrics.documents, system, outcome).inc()
        if events:
            self._child(self.metrics.accepted, system).inc(events)
        if error is not None:
            self.log.warning("document_" + outcome, system=system, name=name, events=events, code=error.code)
        else:
            self.log.debug("document_accepted", system=system, name=name, events=events)

    def routed(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Deliveries of a batch of events, by route and system."""
        for labels, count in counts.items():
            self._child(self.metrics.routed, *labels).inc(count)

    def shadowed(self, route: str, system: str, *, id: str, subject: str, error: BusError | None) -> None:  # noqa: A002 - the log's field name
        """A shadow route computed its delivery."""
        self._child(self.metrics.shadowed, route, system).inc()
        self.log.info("shadow_computed", route=route, system=system, id=id, subject=subject, code=error.code if error else None)

    def unrouted(self, type_: str, count: int) -> None:
        """Events no live route took."""
        self._child(self.metrics.unrouted, type_).inc(count)

    def duplicate(self, source: str, *, id: str) -> None:  # noqa: A002 - the log's field name
        """The same event came again."""
        self._child(self.metrics.duplicate, source).inc()
        self.log.debug("event_duplicate", source=source, id=id)

    def conflict(self, source: str, *, id: str) -> None:  # noqa: A002 - the log's field name
        """The same identity came with another body."""
        self._child(self.metrics.conflict, source).inc()
        self.log.warning("event_conflict", source=source, id=id)

    def invalid(self, error: BusError, *, id: str) -> None:  # noqa: A002 - the log's field name
        """A message is no valid event."""
        self._child(self.metrics.invalid, error.code).inc()
        self.log.warning("event_invalid", id=id, code=error.code)

    def mapping_failed(self, route: str, system: str, error: BusError, state: str, *, id: str, subject: str) -> None:  # noqa: A002 - the log's field name
        """A route took an event and could not make its document."""
        metric = self.metrics.parked if state == "parked" else self.metrics.dead
        self._child(metric, route, system).inc()
        self.log.warning("delivery_" + state, route=route, system=system, id=id, subject=subject, code=error.code)

    def delivered(self, route: str, system: str, *, id: str, subject: str, processing_s: float, critical_s: float) -> None:  # noqa: A002 - the log's field name
        """The target took a delivery."""
        self._child(self.metrics.delivered, route, system).inc()
        self._child(self.metrics.processing, route, system).observe(processing_s)
        self._child(self.metrics.critical, route, system).observe(critical_s)
        self._child(self.metrics.up, system, "sink").set(1)
        self.log.debug("delivery_done", route=route, system=system, id=id, subject=subject)

    def retried(self, route: str, system: str, *, id: str, subject: str, code: str, attempt: int, delay_s: float) -> None:  # noqa: A002 - the log's field name
        """A try failed and will be repeated."""
        self._child(self.metrics.retried, route, system).inc()
        self.log.warning(
            "delivery_retried", route=route, system=system, id=id, subject=subject, code=code, attempt=attempt, delay_s=delay_s
        )

    def ended(self, route: str, system: str, state: str, *, id: str, subject: str, code: str, attempt: int) -> None:  # noqa: A002 - the log's field name
        """A delivery was parked or is dead."""
        metric = self.metrics.parked if state == "parked" else self.metrics.dead
        self._child(metric, route, system).inc()
        self.log.warning(
            "delivery_" + state, route=route, system=system, id=id, subject=subject, code=code, attempt=attempt
        )

    def replied(self, route: str, system: str, type_: str, *, id: str, subject: str) -> None:  # noqa: A002 - the log's field name
        """A reply event was made."""
        self.log.debug("reply_made", route=route, system=system, type=type_, id=id, subject=subject)

    def released(self, system: str, *, id: str, subject: str) -> None:  # noqa: A002 - the log's field name
        """A parked letter goes on, since its code appeared."""
        self._child(self.metrics.released, system).inc()
        self.log.info("letter_released", system=system, id=id, subject=subject)

    def adapter(self, system: str, side: str, error: BusError | None) -> None:
        """A system cannot be reached, or can again."""
        self._child(self.metrics.up, system, side).set(0 if error else 1)
        if error is not None:
            self.log.warning("adapter_down", system=system, side=side, code=error.code, reason=str(error))
        else:
            self.log.info("adapter_up", system=system, side=side)

    def broker(self, error: BusError | None) -> None:
        """The broker does not store messages, or does again."""
        self.metrics.broker_up.set(0 if error else 1)
        if error is not None:
            self.log.error("broker_in_trouble", code=error.code)
        else:
            self.log.info("broker_recovered")

    def lookups(self, outcome: str, *, files: int, findings: int) -> None:
        """Lookup tables were read again: `loaded`, or `refused` and the old ones go on."""
        self._child(self.metrics.reloads, outcome).inc()
        log: Callable[..., Any] = self.log.info if outcome == "loaded" else self.log.error
        log("lookups_" + outcome, files=files, findings=findings)

    def depths(self, depths: Mapping[str, tuple[int, float]]) -> None:
        """What the queues hold now."""
        for queue, (messages, oldest_s) in depths.items():
            self._child(self.metrics.depth, queue).set(messages)
            self._child(self.metrics.oldest, queue).set(oldest_s)


def configure_logging(stream: TextIO = sys.stderr, *, json: bool = False, level: int = logging.INFO) -> None:
    """Write log lines to `stream`: one event name and its fields a line."""
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if json
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )

"""`bus bench core`: what one event costs in the pure core, stage by stage, on one core.

The event is a purchase order of 1.16 KB with 5 lines; it meets two routes that take it, one JSON and
one XML, among routes that do not: 40 % of them on its own type with a condition that does not hold.
"""

import gc
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bus.event import Event
from bus.routing import Routing
from bus.runtime.bench.task import FEW, MANY, configuration, order
from bus.validate import compile_reader

REPEATS, ROUNDS = 15, 200


def _times(*runs: Callable[[], Any]) -> list[float]:
    """Microseconds of CPU of one call of each: medians of rounds taken in turn, so that all meet the same machine."""
    times: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run()
    for _ in range(REPEATS):
        for run, taken in zip(runs, times, strict=True):
            started = time.thread_time()
            for _ in range(ROUNDS):
                run()
            taken.append((time.thread_time() - started) / ROUNDS * 1e6)
    return [median(taken) for taken in times]


def bench_core() -> dict[str, Any]:
    """Measure; microseconds by stage, and in all by the number of routes."""
    body = order()
    gc.collect()
    gc.disable()
    stages = _stages(body)
    counts = (10, 100, 1000)
    totals = dict(zip(counts, _times(*(_whole(Routing(configuration(count)), body) for count in counts)), strict=True))
    few, many = _times(*(_whole(Routing(configuration(10, count)), body, count) for count in (FEW, MANY)))
    gc.enable()
    return {
        "body_bytes": len(body), "stages_us": stages, "total_us": {count: round(us, 2) for count, us in totals.items()},
        "ratio_1000_to_10": round(totals[1000] / totals[10], 3),
        "delivery_us": {FEW: round(few / FEW, 2), MANY: round(many / MANY, 2)},
    }


def _event() -> Event:
    return Event("purchase_order.created", "erp", "4500012345-v1", {})


def _whole(routing: Routing, body: bytes, subscribers: int = FEW) -> Callable[[], Any]:
    def run() -> None:
        event = routing.read(_event(), body)
        made = sum(len(match.documents) for match in routing.matches(event, body))
        assert made == subscribers, made  # noqa: S101 - what is measured must have happened

    return run


def _stages(body: bytes) -> dict[str, float]:
    routing = Routing(configuration(100))
    read = compile_reader(routing.config.events["purchase_order.created"])
    event = routing.read(_event(), body)
    json_target, xml_target = routing.targets["po-to-scm", "scm"], routing.targets["po-to-wms", "wms"]
    read_us, to_json, to_xml, everything = _times(
        lambda: read(body, "Asia/Shanghai"),
        lambda: json_target.documents(event, body), lambda: xml_target.documents(event, body),
        lambda: routing.matches(event, body),
    )
    return {
        "read": round(read_us, 2),
        "match": round(max(everything - to_json - to_xml, 0.0), 2), "json": round(to_json, 2), "xml": round(to_xml, 2),
    }

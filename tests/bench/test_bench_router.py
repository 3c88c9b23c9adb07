"""`bus bench router` as a person calls it: figures that can be read, and none where the work was not the same."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker, installed_rabbitmq, rabbitmq, virtual_host
from tests.cli.commands import bus

__all__ = ["bus", "installed_rabbitmq", "rabbitmq"]

TINY = ("bench", "router", "--events", "200", "--rounds", "1", "--processes", "1", "-o", "json")
CHEAT = f"{sys.executable} {Path(__file__).with_name('cheat.py')}"


@pytest.fixture(scope="module")
def given(rabbitmq: Broker) -> Iterator[str]:
    """A virtual host that every bench must leave as it found it, or the next one refuses it."""
    with virtual_host(rabbitmq, "bench") as url:
        yield url


def test_router_and_shovel_are_measured_side_by_side_on_a_node_of_their_own(bus: Any, installed_rabbitmq: None) -> None:
    ran = bus(*TINY, "--seconds", "0.01")  # shorter than the first event is under way; yet each has its rate
    assert ran.code == 0, ran.err
    figures = ran.json
    assert figures["events"] == 200
    assert list(figures["contestants"]) == ["shovel", "router"]
    for each in figures["contestants"].values():
        assert each["events_per_s"]["median"] > 0
        assert each["broker_cpu_us_per_event"]["median"] >= 0
        assert each["sustained_per_s"]["median"] > 0
        for rate in ("half", "busy", "calm"):
            assert 0 < each["latency_ms"][rate]["p50"]["median"] <= each["latency_ms"][rate]["p99"]["median"]
    router = figures["contestants"]["router"]
    assert 0 < router["start_s"]["median"] < 60
    assert router["peak_memory_mib"]["median"] > 10
    assert figures["direct_latency_ms"]["calm"]["p50"]["median"] > 0
    # Both rates are printed as whole numbers: what they were before lies within half of one either way.
    ours, theirs = router["events_per_s"]["median"], figures["contestants"]["shovel"]["events_per_s"]["median"]
    least, most = (ours - 0.5) / (theirs + 0.5), (ours + 0.5) / (theirs - 0.5)
    assert least - 0.01 <= figures["ratios"]["router/shovel"]["median"] <= most + 0.01


def test_nothing_is_compared_where_a_contestant_did_not_do_the_work(bus: Any, given: str) -> None:
    ran = bus(*TINY, "--seconds", "0", "--broker", given, "--against", f"cheat={CHEAT}")
    assert ran.code == 1
    assert ran.out == ""
    assert "cheat did not do the work" in ran.err


def test_very_many_routes_and_many_subscribers_are_measured_beside_the_few(bus: Any, given: str) -> None:
    ran = bus(*TINY, "--seconds", "0", "--broker", given, "--wide")
    assert ran.code == 0, ran.err
    figures = ran.json["contestants"]
    assert list(figures) == ["router", "router-1000-routes", "router-10-subscribers"]
    many = figures["router-10-subscribers"]
    assert many["cpu_us_per_delivery"]["median"] == pytest.approx(many["cpu_us_per_event"]["median"] / 10, abs=0.1)
    again = bus(*TINY, "--seconds", "0", "--broker", given)
    assert again.code == 0, again.err  # all ten queues are left empty


def test_a_program_that_ends_by_itself_is_named_with_what_it_said(bus: Any, given: str) -> None:
    ran = bus(*TINY, "--seconds", "0", "--broker", given, "--against", f'dud={sys.executable} -c "print(1234)"')
    assert ran.code == 3
    assert "dud ended by itself: 1234" in ran.err

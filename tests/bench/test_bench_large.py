"""`bus bench large`: figures for a large order, and the bars it is there for, as wide as a busy machine needs them."""

from typing import Any

from tests.brokers import installed_rabbitmq
from tests.cli.commands import bus

__all__ = ["bus", "installed_rabbitmq"]

# On a machine of one's own: 0.4 s, 10 times, 140 ms; with one statement for large and small, no thread, and memory
# that is kept, 17 times, and 350 ms of 0.6 s.
SECONDS, TIMES = 10, 12
TRIES = 3  # what others do beside it may take any one run its time, and a fault of ours takes it every time


def test_a_large_order_is_quick_and_light_and_in_nobodys_way(bus: Any, installed_rabbitmq: None) -> None:
    slow = []
    for _ in range(TRIES):
        ran = bus("bench", "large", "--rounds", "1", "-o", "json")
        assert ran.code == 0, ran.err
        figures = ran.json
        assert (figures["lines"], figures["rounds"]) == (20_000, 1)
        assert 4_900_000 < figures["body_bytes"] < 5_100_000
        if quick_and_light(figures["embedded"]) and quick_and_light(figures["rabbitmq"]):
            return
        slow.append(figures)
    raise AssertionError(slow)


def quick_and_light(figures: dict[str, Any]) -> bool:
    """Whether they are within the bars."""
    one: dict[str, float] = {what: each["median"] for what, each in figures.items()}
    # What the machine itself does to small ones, and a share of the time in which they have it for themselves.
    patience = one["small_before_ms"] + 100 + 350 * one["seconds"]
    return one["seconds"] < SECONDS and one["memory_times"] < TIMES and one["small_behind_ms"] < patience

"""Faults of every kind under load, around a real broker: nothing is lost, nothing doubled, order per key kept.

BUS_TEST_SEED sets which fault comes when, and whom it strikes.
"""

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.brokers import Broker, virtual_host
from tests.faults.faults import ROUND
from tests.faults.play import play

SEED = int(os.environ.get("BUS_TEST_SEED", "20261123"))


@pytest.mark.timeout(300)
def test_no_fault_in_flight_loses_or_doubles_or_disorders_an_event(
    rabbitmq: Broker, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    schedule = [fault for fault, times in ROUND.items() for _ in range(times)]
    random.Random(SEED).shuffle(schedule)
    with virtual_host(rabbitmq, "faults") as url:
        report = asyncio.run(play(rabbitmq, url, tmp_path, schedule, keys=500, versions=40, seed=SEED))
    figures(str(report))
    report.check()

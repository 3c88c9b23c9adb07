"""Hours of faults on a real broker, by `make soak`: what tests/faults/test_faults.py does, a hundred faults long.

BUS_SOAK_EVENTS and BUS_SOAK_FAULTS set how many (200,000 and 100), BUS_SOAK_KILLS how many nodes of the cluster
are killed (20, with a quarter of the events); BUS_TEST_SEED sets which fault comes when, and whom it strikes;
BUS_TEST_BROKERS=installed,4.3 the brokers. A failure names the folder with every fact and every log.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.brokers import Broker, Cluster, cluster, virtual_host  # noqa: F401 - a fixture
from tests.faults.faults import ROUND, kill_node
from tests.faults.play import Report, play

SEED = int(os.environ.get("BUS_TEST_SEED", "20261123"))
VERSIONS = 40
HEARTBEAT_S = 10  # on a busy machine processes stand still for longer than the two seconds of the short test
# Read while the tests are collected: they themselves see no BUS_ settings.
EVENTS = int(os.environ.get("BUS_SOAK_EVENTS", "200000"))
FAULTS = int(os.environ.get("BUS_SOAK_FAULTS", "100"))
KILLS = int(os.environ.get("BUS_SOAK_KILLS", "20"))

pytestmark = pytest.mark.soak


def schedule(faults: int, chance: random.Random) -> Sequence[str]:
    """So many faults, every kind as often as in its share of a round, and no kind left out for long."""
    kinds = [kind for kind, times in ROUND.items() for _ in range(times)]
    rounds = -(-faults // len(kinds))
    return [kind for _ in range(rounds) for kind in chance.sample(kinds, len(kinds))][:faults]


@contextlib.contextmanager
def history_in(folder: Path) -> Iterator[None]:
    """Name the folder of the history, whatever goes wrong."""
    try:
        yield
    except BaseException as broken:
        broken.add_note(f"every fact and every log: {folder}")
        raise


def test_a_hundred_faults_in_flight_lose_and_double_and_disorder_nothing(
    rabbitmq: Broker, tmp_path: Path, figures: Callable[[str], None]
) -> None:
    faults = schedule(FAULTS, random.Random(SEED))
    with history_in(tmp_path), virtual_host(rabbitmq, "soak") as url:
        report = asyncio.run(play(
            rabbitmq, url, tmp_path, faults, keys=EVENTS // VERSIONS, versions=VERSIONS, seed=SEED, heartbeat_s=HEARTBEAT_S
        ))
        _check(report, figures)


def test_nodes_of_a_cluster_killed_one_after_the_other_lose_and_double_and_disorder_nothing(
    cluster: Cluster, tmp_path: Path, figures: Callable[[str], None]  # noqa: F811 - pytest's way
) -> None:
    kills = {"node killed": partial(kill_node, cluster)}
    with history_in(tmp_path), virtual_host(cluster, "soak") as url:
        report = asyncio.run(play(
            cluster.nodes[0], url, tmp_path, ["node killed"] * KILLS,
            keys=EVENTS // 4 // VERSIONS, versions=VERSIONS, seed=SEED, faults=kills, heartbeat_s=HEARTBEAT_S,
        ))
        _check(report, figures)


def _check(report: Report, figures: Callable[[str], None]) -> None:
    figures(str(report))
    report.check()

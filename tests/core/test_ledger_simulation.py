"""Thousands of schedules of faults against the ledger: nothing lost, nothing acknowledged too early."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.ledger_broker import PROFILES, Profile
from tests.core.ledger_simulation import FAULTS, Simulation, hits_of

SEEDS = 2_000
STEPS = 300
HITS = 500
# Release and seed of every schedule that once broke a promise; a new one is put here with its correction.
REGRESSIONS: tuple[tuple[str, int], ...] = ()


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_nothing_is_lost_and_nothing_acknowledged_too_early_whatever_the_broker_does(
    profile: Profile, figures: Callable[[str], None]
) -> None:
    seeds = [*(seed for version, seed in REGRESSIONS if version == str(profile)), *range(SEEDS)]
    # In a process that is not measured for coverage, which would make it four times as slow.
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
        hits = elsewhere.submit(hits_of, profile, seeds, STEPS).result()
    figures("\n".join(
        [f"RabbitMQ {profile}: {SEEDS:,} schedules of {STEPS} steps; faults that met something in flight:"]
        + [f"{hits[fault]:>8,}  {fault}" for fault in FAULTS]
    ))
    assert {fault: hits[fault] for fault in FAULTS if hits[fault] < HITS} == {}


@settings(max_examples=60)
@given(st.sampled_from(PROFILES), st.integers(min_value=0, max_value=2**32))
def test_no_seed_breaks_a_promise(profile: Profile, seed: int) -> None:
    Simulation(profile, seed, events=20).run(150)

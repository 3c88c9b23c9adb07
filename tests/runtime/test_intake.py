"""A source that fails again and again, and is told to stop."""

import asyncio
from typing import Any

import pytest

from bus.errors import Unavailable
from bus.runtime.intake import run_source
from bus.runtime.telemetry import Telemetry


class Failing:
    """A source whose system is never there."""

    async def run(self, _accept: object) -> None:
        await asyncio.sleep(0)
        raise Unavailable("source-failed", system="erp", kind="OSError")


@pytest.mark.parametrize("steps", range(12))
def test_a_failing_source_ends_at_whichever_step_it_is_cancelled(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a bus that is told to stop would wait for it for ever."""
    monkeypatch.setattr("bus.runtime.intake.PAUSE_S", (0.01,))

    async def play() -> None:
        source: Any = Failing()
        run = asyncio.create_task(run_source("erp", source, _never, Telemetry(), lambda _: None))
        for _ in range(steps):
            await asyncio.sleep(0)
        assert not run.done()
        run.cancel()
        await asyncio.wait([run], timeout=0.2)
        assert run.cancelled()

    asyncio.run(play())


async def _never(_document: object) -> Any:
    raise AssertionError

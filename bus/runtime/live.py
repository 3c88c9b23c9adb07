"""What a terminal shows while the bus runs: rates, what waits, what fails, by system."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from bus.errors import BusError
from bus.ports import Depth
from bus.texts import say
from bus.topology import INVALID, dead, to

EVERY_S = 0.5
COLUMNS = ("system", "accepted", "delivered", "rate", "waiting", "retried", "dead", "state")
LEFT = ("system", "state")


class LiveView:
    """A table that is drawn anew twice a second; without a terminal nothing."""

    def __init__(self, app: Any, *, live: bool) -> None:
        self._app, self._live = app, live
        self._task: asyncio.Task[None] | None = None
        self._before: dict[str, float] = {}
        self._at = time.monotonic()

    async def __aenter__(self) -> Self:
        if self._live:
            self._task = asyncio.get_running_loop().create_task(self._draw())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:  # waited for, so that the terminal has its cursor back
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _draw(self) -> None:
        from rich.console import Console  # only a terminal needs it
        from rich.live import Live

        with Live(console=Console(stderr=True), auto_refresh=False) as view:
            while True:
                view.update(await self._table(), refresh=True)
                await asyncio.sleep(EVERY_S)

    async def _table(self) -> Any:
        from rich.markup import escape
        from rich.table import Table

        app = self._app
        depths: Mapping[str, Depth] = {}
        with contextlib.suppress(BusError):  # the broker is away: its line below says so
            depths = await app.transport.depth(app.topology.queues)
        counts, elapsed_s = self._counts(), max(time.monotonic() - self._at, 0.001)
        table = Table(title=say("live-title"), title_justify="left", box=None, pad_edge=False, caption_justify="left")
        for column in COLUMNS:
            table.add_column(say(f"live-{column}"), justify="left" if column in LEFT else "right")
        for name in app.config.systems:
            done = counts.get(f"delivered:{name}", 0)
            rate = (done - self._before.get(name, done)) / elapsed_s
            self._before[name] = done
            trouble = app.troubles.get(name)
            up = counts.get(f"up:{name}:sink", 1) and trouble is None
            state = say("live-ok") if up else f"[red]{escape(str(trouble or say('live-down')))}[/red]"
            table.add_row(
                name, f"{counts.get(f'accepted:{name}', 0):.0f}", f"{done:.0f}", f"{rate:.0f}/s",
                _held(depths, to(name)), f"{counts.get(f'retried:{name}', 0):.0f}", _held(depths, dead(name)), state,
            )
        others = [str(error) for what, error in app.troubles.items() if what not in app.config.systems]
        table.caption = "\n".join(f"[red]{escape(line)}[/red]" for line in others) or None
        self._at = time.monotonic()
        return table

    def _counts(self) -> dict[str, float]:
        """Totals by system out of the metrics, so that screen and Prometheus never differ."""
        metrics = self._app.telemetry.metrics
        counters = (("accepted", metrics.accepted), ("delivered", metrics.delivered), ("retried", metrics.retried))
        found: dict[str, float] = {}
        for word, metric in counters:
            for sample in (sample for family in metric.collect() for sample in family.samples):
                if sample.name.endswith("_total"):
                    key = f"{word}:{sample.labels['system']}"
                    found[key] = found.get(key, 0) + sample.value
        for sample in (sample for family in metrics.up.collect() for sample in family.samples):
            found[f"up:{sample.labels['system']}:{sample.labels['side']}"] = sample.value
        return found


async def totals(app: Any) -> Mapping[str, int]:
    """What this process did, and what the broker holds now; a broker that is away holds nothing one could tell."""
    metrics = app.telemetry.metrics
    depths: Mapping[str, Depth] = {}
    with contextlib.suppress(BusError):
        depths = await app.transport.depth(app.topology.queues)
    of_letters = {INVALID, *(dead(name) for name in app.config.systems)}
    return {
        "documents": _sum(metrics.documents), "events": _sum(metrics.accepted), "deliveries": _sum(metrics.delivered),
        "waiting": sum(depth.messages for queue, depth in depths.items() if queue not in of_letters),
        "letters": sum(depth.messages for queue, depth in depths.items() if queue in of_letters),
    }


def _sum(metric: Any) -> int:
    samples = (sample for family in metric.collect() for sample in family.samples)
    return int(sum(sample.value for sample in samples if sample.name.endswith("_total")))


def _held(depths: Mapping[str, Depth], queue: str) -> str:
    return str(depths[queue].messages) if queue in depths else "–"

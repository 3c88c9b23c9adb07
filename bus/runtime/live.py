"""What a terminal shows while the bus runs: rates, what waits, what fails, by system."""

import asyncio
import contextlib
import time
from types import TracebackType
from typing import Any

from bus.texts import say
from bus.topology import dead, to

EVERY_S = 0.5


class LiveView:
    """A table that is drawn anew twice a second; without a terminal nothing."""

    def __init__(self, app: Any, *, live: bool) -> None:
        self._app, self._live = app, live
        self._task: asyncio.Task[None] | None = None
        self._before: dict[str, float] = {}
        self._at = time.monotonic()

    def __enter__(self) -> "LiveView":
        if self._live:
            self._task = asyncio.get_running_loop().create_task(self._draw())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _draw(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.live import Live  # noqa: PLC0415

        with contextlib.suppress(asyncio.CancelledError), Live(console=Console(stderr=True), auto_refresh=False) as view:
            while True:
                view.update(await self._table(), refresh=True)
                await asyncio.sleep(EVERY_S)

    async def _table(self) -> Any:
        from rich.table import Table  # noqa: PLC0415

        depths = await self._app.transport.depth(self._app.topology.queues)
        counts = self._counts()
        elapsed = max(time.monotonic() - self._at, 0.001)
        table = Table(title=say("live-title"), title_justify="left", box=None, pad_edge=False)
        for column in ("system", "accepted", "delivered", "rate", "waiting", "retried", "dead", "state"):
            right = column not in ("system", "state")
            table.add_column(say(f"live-{column}"), justify="right" if right else "left")
        for name in self._app.config.systems:
            done = counts.get(f"delivered:{name}", 0)
            rate = (done - self._before.get(name, done)) / elapsed
            self._before[name] = done
            waiting = depths[to(name)].messages if to(name) in depths else 0
            letters = depths[dead(name)].messages if dead(name) in depths else 0
            trouble = self._app.troubles.get(name)
            state = f"[red]{trouble}[/red]" if trouble else say("live-ok") if counts.get(f"up:{name}", 1) else f"[red]{say('live-down')}[/red]"
            table.add_row(
                name, f"{counts.get(f'accepted:{name}', 0):.0f}", f"{done:.0f}", f"{rate:.0f}/s", str(waiting),
                f"{counts.get(f'retried:{name}', 0):.0f}", str(letters), state,
            )
        self._at = time.monotonic()
        return table

    def _counts(self) -> dict[str, float]:
        """Totals by system out of the metrics, so that screen and Prometheus never differ."""
        metrics = self._app.telemetry.metrics
        found: dict[str, float] = {}
        for word, metric in (("accepted", metrics.accepted), ("delivered", metrics.delivered), ("retried", metrics.retried), ("up", metrics.up)):
            for family in metric.collect():
                for sample in family.samples:
                    if sample.name.endswith(("_total", "_up")):
                        key = f"{word}:{sample.labels['system']}"
                        found[key] = found.get(key, 0) + sample.value
        return found

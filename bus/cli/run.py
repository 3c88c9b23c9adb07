"""`bus run`: the bus itself, until it is told to stop."""

import ctypes
import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from bus.cli.options import BrokerOption, RoutingOption
from bus.cli.output import note
from bus.texts import say

LISTEN = "127.0.0.1:8080"
READY = "router ready"
GC_EVERY = 50_000  # objects made and still there; a batch of events in flight is a thousand or two of each kind
# While a thread works on a large document, the event loop waits so long for its turn after every system call. With
# Python's own 5 ms small documents beside a large one took three times as long.
SWITCH_S = 0.001


# What is larger goes back to the system when it is done with. glibc would soon keep as much as the largest document
# took, in pieces: 13 times its size at the most instead of 10.
KEPT_BYTES = 1024 * 1024
_M_MMAP_THRESHOLD = -3  # malloc.h


def _settle_in() -> None:
    """Make the process fit for a long life, now that all is loaded."""
    # What is loaded stays to the end; of what comes and goes little is in cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_EVERY, 20, 100)
    sys.setswitchinterval(SWITCH_S)
    with suppress(AttributeError, OSError):  # another C library than glibc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES)


def run(
    routing: RoutingOption = None,
    broker: BrokerOption = "",
    only: Annotated[list[str] | None, typer.Option("--only", help=say("help-only"), show_default=False)] = None,
    listen: Annotated[str, typer.Option("--listen", help=say("help-listen"))] = LISTEN,
    listen_tls: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--listen-tls", help=say("help-listen-tls"), metavar="CERT KEY", show_default=False),
    ] = None,
    metrics: Annotated[str | None, typer.Option("--metrics", help=say("help-metrics"), show_default=False)] = None,
    until_idle: Annotated[bool, typer.Option("--until-idle", help=say("help-until-idle"))] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help=say("help-log-json"))] = False,
) -> int:
    """Run the bus."""
    import asyncio

    from bus.runtime.app import App, parts_of
    from bus.runtime.brokers import open_broker
    from bus.runtime.files import find, usable_configuration
    from bus.runtime.listener import serve_metrics
    from bus.runtime.live import LiveView, totals
    from bus.runtime.telemetry import Log, Telemetry

    path = find(routing)
    config, disk = usable_configuration(path)
    parts = parts_of(tuple(only or ()), config)
    live = sys.stderr.isatty() and not log_json
    level = "debug" if os.environ.get("BUS_LOG", "").lower() == "debug" else "info"
    telemetry = Telemetry(config.systems, Log(sys.stderr, as_json=log_json, level="off" if live else level))
    exposed = serve_metrics(metrics, telemetry.metrics.registry) if metrics else None

    async def main() -> None:
        app = App(path, config, disk, open_broker(broker, owner=True), telemetry, parts, listen)
        if listen_tls is not None:
            app.listener.secure(*listen_tls)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)

        def hung_up() -> None:
            """Somebody asks for a reload; or the terminal that showed the live view was closed."""
            if live and not sys.stderr.isatty():
                stopping.set()
            else:
                app.reloader.ask()

        if hasattr(signal, "SIGHUP"):  # not so on Windows
            loop.add_signal_handler(signal.SIGHUP, hung_up)
        try:
            if await _started(app, stopping):
                _settle_in()
                if parts.router:
                    note(READY)
                if app.listener.has_paths:
                    address = f"{app.listener.host}:{app.listener.port}"
                    note(say("listening-tls" if listen_tls else "listening", address=address))
                async with LiveView(app, live=live):
                    await app.run(stopping, until_idle=until_idle)
                if until_idle:
                    note(say("run-summary", **await totals(app)))
        finally:
            await app.stop()

    async def _started(app: App, stopping: asyncio.Event) -> bool:
        """Start, unless told to stop before that is done: a broker may take long to answer."""
        starting, told = asyncio.create_task(app.start()), asyncio.create_task(stopping.wait())
        await asyncio.wait((starting, told), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if starting.done():
            await starting
            return True
        starting.cancel()
        await asyncio.wait((starting,))
        return False

    try:
        asyncio.run(main())
    finally:
        if exposed is not None:
            exposed.shutdown()
            exposed.server_close()
    return 0

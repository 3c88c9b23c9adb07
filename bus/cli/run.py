"""`bus run`: the bus itself, until it is told to stop."""

import os
import signal
import sys
from typing import Annotated

import typer

from bus.cli.options import BrokerOption, RoutingOption
from bus.cli.output import note
from bus.texts import say

LISTEN = "127.0.0.1:8080"


def run(
    routing: RoutingOption = None,
    broker: BrokerOption = "",
    only: Annotated[list[str] | None, typer.Option("--only", help=say("help-only"), show_default=False)] = None,
    listen: Annotated[str, typer.Option("--listen", help=say("help-listen"))] = LISTEN,
    metrics: Annotated[str | None, typer.Option("--metrics", help=say("help-metrics"), show_default=False)] = None,
    until_idle: Annotated[bool, typer.Option("--until-idle", help=say("help-until-idle"))] = False,  # noqa: FBT002 - typer's shape
    log_json: Annotated[bool, typer.Option("--log-json", help=say("help-log-json"))] = False,  # noqa: FBT002 - typer's shape
) -> int:
    """Run the bus."""
    import asyncio  # noqa: PLC0415 - loaded only when something runs
    import logging  # noqa: PLC0415

    from bus.runtime.app import App, parts_of  # noqa: PLC0415
    from bus.runtime.brokers import open_broker  # noqa: PLC0415
    from bus.runtime.files import find, usable_configuration  # noqa: PLC0415
    from bus.runtime.listener import serve_metrics  # noqa: PLC0415
    from bus.runtime.live import LiveView  # noqa: PLC0415
    from bus.runtime.telemetry import Telemetry, configure_logging  # noqa: PLC0415

    path = find(routing)
    config, disk = usable_configuration(path)
    parts = parts_of(tuple(only or ()), config)
    live = sys.stderr.isatty() and not log_json
    level = logging.DEBUG if os.environ.get("BUS_LOG", "").lower() == "debug" else logging.INFO
    configure_logging(sys.stderr, json=log_json, level=logging.ERROR if live else level)
    telemetry = Telemetry()
    exposed = serve_metrics(metrics, telemetry.metrics.registry) if metrics else None

    async def main() -> None:
        transport = open_broker(broker, owner=True)
        app = App(path, config, disk, transport, telemetry, parts, listen)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        try:
            await app.start()
            if parts.router:
                note("router ready")
            if app.listener.has_paths:
                note(say("listening", address=f"{app.listener.host}:{app.listener.port}"))
            with LiveView(app, live=live):
                await app.run(stopping, until_idle=until_idle)
        finally:
            await app.stop()

    try:
        asyncio.run(main())
    finally:
        if exposed is not None:
            exposed.shutdown()
    return 0

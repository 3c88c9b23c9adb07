"""`bus bench`: what the parts of the bus cost, measured here and now."""

import typer

from bus.cli.options import Format, Output
from bus.texts import say

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


@app.command(help=say("help-bench-core"))
def core(output: Output = Format.text) -> int:
    """The pure core, stage by stage."""
    from bus.runtime.bench_core import bench_core  # noqa: PLC0415 - only this command needs it

    return bench_core(as_json=output is Format.json)


@app.command(help=say("help-bench-embedded"))
def embedded(events: int = typer.Option(20_000, "--events", help=say("help-bench-events")), output: Output = Format.text) -> int:
    """Accept, route and deliver on the embedded broker."""
    from bus.runtime.bench_embedded import bench_embedded  # noqa: PLC0415

    return bench_embedded(events, as_json=output is Format.json)

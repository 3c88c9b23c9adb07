"""`bus bench`: what the parts of the bus cost, measured here and now."""

import typer

from bus.cli.options import Format, Output
from bus.cli.output import show, show_json, table
from bus.texts import say

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


@app.command(help=say("help-bench-core"))
def core(output: Output = Format.text) -> int:
    """The pure core, stage by stage."""
    from bus.runtime.bench_core import bench_core

    figures = bench_core()
    if output is Format.json:
        show_json(figures)
        return 0
    rows = [(say(f"stage-{name}"), f"{us:.1f}") for name, us in figures["stages_us"].items()]
    rows += [(say("stage-total", routes=count), f"{us:.1f}") for count, us in figures["total_us"].items()]
    for line in table(rows, (say("bench-core-title", bytes=figures["body_bytes"]), "µs")):
        show(line)
    show(say("bench-routes-ratio", ratio=f"{figures['ratio_1000_to_10']:.2f}"))
    return 0


@app.command(help=say("help-bench-embedded"))
def embedded(
    events: int = typer.Option(20_000, "--events", help=say("help-bench-events")), output: Output = Format.text
) -> int:
    """Accept, route and deliver on the embedded broker."""
    from bus.runtime.bench_embedded import bench_embedded

    figures = bench_embedded(events)
    if output is Format.json:
        show_json(figures)
    else:
        show(say(
            "bench-embedded", events=events, seconds=figures["seconds"], rate=f"{figures['events_per_s']:,}",
            cpu=figures["cpu_us_per_event"], handed=figures["handed_over"],
        ))
    return 0 if figures["handed_over"] == 2 * events else 1

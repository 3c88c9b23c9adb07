"""`bus bench`: what the bus costs, measured here and now."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bus.cli.options import Format, Output
from bus.cli.output import note, show, show_json, table
from bus.errors import UsageError
from bus.texts import say

if TYPE_CHECKING:  # loaded by the commands, not for the list of commands
    from bus.runtime.bench.router import Other, Plan

app = typer.Typer(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})

Figures = dict[str, Any]
Events = Annotated[int, typer.Option("--events", min=1, help=say("help-bench-events"))]
Broker = Annotated[str, typer.Option("--broker", help=say("help-bench-broker"), show_default=False)]
Against = Annotated[
    list[str] | None,
    typer.Option("--against", help=say("help-bench-against"), metavar="NAME=COMMAND", show_default=False),
]
Bare = Annotated[
    list[str] | None,
    typer.Option("--against-bare", help=say("help-bench-bare"), metavar="NAME=COMMAND", show_default=False),
]
Rounds = Annotated[int, typer.Option("--rounds", min=1, help=say("help-bench-rounds"))]
Database = Annotated[str, typer.Option("--database", help=say("help-bench-database"), show_default=False)]
LATENCY_S = 3.0


@app.callback(invoke_without_command=True)
def everything(
    context: typer.Context,
    whole: Annotated[bool, typer.Option("--all", help=say("help-bench-all"))] = False,
    save: Annotated[Path, typer.Option("--save", help=say("help-bench-save"))] = Path("bench.json"),
    broker: Broker = "", database: Database = "", against: Against = None, bare: Bare = None,
    output: Output = Format.text,
) -> int:
    """All of it."""
    if context.invoked_subcommand is not None:
        return 0
    if not whole:
        show(context.get_help())
        return 0
    import msgspec

    from bus.runtime.bench.router import Plan

    plan = Plan(latency_s=LATENCY_S, others=_others(against, bare), wide=True)
    figures: Figures = {}
    for name, measure in (
        ("core", _core), ("embedded", lambda: _embedded(20_000)),
        ("router", lambda: _router(plan, broker)),
        ("http", lambda: _http(5_000, 5, database)),
        ("large", lambda: _large(5, broker)),
    ):
        figures[name] = measure()
        if output is Format.text:
            SHOWN[name](figures[name])
            show()
        save.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    if output is Format.json:
        show_json(figures)
    note(say("bench-saved", path=save))
    return 0


@app.command(help=say("help-bench-core"))
def core(output: Output = Format.text) -> int:
    """The pure core, stage by stage."""
    return _told("core", _core(), output)


@app.command(help=say("help-bench-embedded"))
def embedded(events: Events = 20_000, output: Output = Format.text) -> int:
    """Accept, route and deliver on the embedded broker."""
    return _told("embedded", _embedded(events), output)


@app.command(help=say("help-bench-router"))
def router(
    events: Events = 20_000,
    rounds: Rounds = 5,
    seconds: Annotated[float, typer.Option("--seconds", min=0, help=say("help-bench-seconds"))] = LATENCY_S,
    processes: Annotated[int, typer.Option("--processes", min=1, help=say("help-bench-processes"))] = 2,
    wide: Annotated[bool, typer.Option("--wide", help=say("help-bench-wide"))] = False,
    broker: Broker = "", against: Against = None, bare: Bare = None, output: Output = Format.text,
) -> int:
    """The router on RabbitMQ, in turn with others."""
    from bus.runtime.bench.router import Plan

    plan = Plan(events, rounds, seconds, processes, _others(against, bare), wide)
    return _told("router", _router(plan, broker), output)


@app.command(help=say("help-bench-http"))
def http(
    events: Events = 5_000, rounds: Rounds = 5, database: Database = "", output: Output = Format.text
) -> int:
    """HTTP in and out."""
    return _told("http", _http(events, rounds, database), output)


@app.command(help=say("help-bench-large"))
def large(rounds: Rounds = 5, broker: Broker = "", output: Output = Format.text) -> int:
    """A large document, and small ones behind it."""
    return _told("large", _large(rounds, broker), output)


def _told(name: str, figures: Figures, output: Format) -> int:
    if output is Format.json:
        show_json(figures)
    else:
        SHOWN[name](figures)
    return 0


# ----------------------------------------------------------------------------------------- measured


def _core() -> Figures:
    from bus.runtime.bench.core import bench_core

    return bench_core()


def _embedded(events: int) -> Figures:
    from bus.runtime.bench.embedded import bench_embedded

    return bench_embedded(events)


def _router(plan: "Plan", broker: str) -> Figures:
    from bus.runtime.bench.router import bench_router

    if broker:
        note(say("bench-no-shovel"))
    return bench_router(
        plan, broker, lambda name, round_: note(say("bench-turn", name=name, round=round_, rounds=plan.rounds))
    )


def _http(events: int, rounds: int, database: str) -> Figures:
    from bus.runtime.bench.http import bench_http

    return bench_http(
        events, rounds, database, lambda name, round_: note(say("bench-turn", name=name, round=round_, rounds=rounds))
    )


def _large(rounds: int, broker: str) -> Figures:
    from bus.runtime.bench.large import bench_large

    return bench_large(
        rounds, broker, lambda name, round_: note(say("bench-turn", name=name, round=round_, rounds=rounds))
    )


def _others(whole: Sequence[str] | None, bare: Sequence[str] | None) -> "list[Other]":
    from bus.runtime.bench.router import Other
    from bus.runtime.bench.task import Makes

    found = []
    for values, makes in ((whole, Makes.deliveries), (bare, Makes.documents)):
        for value in values or ():
            name, _, command = value.partition("=")
            if not name or not command.strip():
                raise UsageError("bench-against-form", value=value)
            found.append(Other(name, shlex.split(command), makes))
    return found


# -------------------------------------------------------------------------------------------- shown


def _show_core(figures: Figures) -> None:
    rows = [(say(f"stage-{name}"), f"{us:.1f}") for name, us in figures["stages_us"].items()]
    rows += [(say("stage-total", routes=count), f"{us:.1f}") for count, us in figures["total_us"].items()]
    for line in table(rows, (say("bench-core-title", bytes=figures["body_bytes"]), "µs")):
        show(line)
    show(say("bench-routes-ratio", ratio=f"{figures['ratio_1000_to_10']:.2f}"))
    (few, few_us), (many, many_us) = figures["delivery_us"].items()
    show(say("bench-delivery", few=few, few_us=f"{few_us:.1f}", many=many, many_us=f"{many_us:.1f}"))


def _show_embedded(figures: Figures) -> None:
    show(say(
        "bench-embedded", events=figures["events"], seconds=figures["seconds"], rate=f"{figures['events_per_s']:,}",
        cpu=figures["cpu_us_per_event"], handed=figures["handed_over"],
    ))


def _show_router(figures: Figures) -> None:
    show(say(
        "bench-router-title", events=f"{figures['events']:,}", bytes=figures["body_bytes"], rounds=figures["rounds"],
        cores=figures["machine"]["cores"], load=figures["machine"]["load_before"],
    ))
    head = ("who", "rate", "cpu", "broker-cpu", "memory", "start", "sustained", "half", "busy", "calm")
    rows = [
        (
            name, _spread(each["events_per_s"]), _median(each["cpu_us_per_event"]),
            _median(each["broker_cpu_us_per_event"]), _median(each["peak_memory_mib"]), _median(each["start_s"], 2),
            _median(each["sustained_per_s"], 0), *_latencies(each["latency_ms"]),
        )
        for name, each in figures["contestants"].items()
    ]
    if figures["direct_latency_ms"]:
        rows.append((say("bench-direct"), "", "", "", "", "", "", *_latencies(figures["direct_latency_ms"])))
    for line in table(rows, [say(f"bench-{column}") for column in head]):
        show(line)
    for name, ratio in figures["ratios"].items():
        show(f"{name.replace('/', ' ÷ ')}: {_spread(ratio, 2)}")
    show(say("bench-explained"))


def _show_http(figures: Figures) -> None:
    into, out = figures["in"], figures["sink"]
    show(say(
        "bench-http-in", database=figures["database"], rate=_spread(into["documents_per_s"]),
        cpu=_median(into["cpu_us"], 0), p50=_median(into["taken_p50_ms"]), p99=_median(into["taken_p99_ms"]),
    ))
    show(say(
        "bench-http-sink", answer=figures["answer_ms"], rate=_spread(out["deliveries_per_s"]),
        cpu=_median(out["cpu_us"], 0),
    ))


def _show_large(figures: Figures) -> None:
    for name in ("embedded", "rabbitmq"):
        one = figures[name]
        show(say(
            "bench-large", broker=name, mb=f"{figures['body_bytes'] / 1e6:.1f}", lines=f"{figures['lines']:,}",
            seconds=_spread(one["seconds"], 2), memory=_median(one["memory_times"]),
            before=_median(one["small_before_ms"], 0), behind=_spread(one["small_behind_ms"]),
        ))


def _latencies(measured: Figures) -> list[str]:
    return [
        f"{_median(one['p50'])} | {_median(one['p99'])}" if (one := measured.get(name)) else ""
        for name in ("half", "busy", "calm")
    ]


def _median(figure: Figures | None, digits: int = 1) -> str:
    return "" if figure is None else f"{figure['median']:,.{digits}f}"


def _spread(figure: Figures | None, digits: int = 0) -> str:
    if figure is None:
        return ""
    low, middle, high = (f"{figure[name]:,.{digits}f}" for name in ("min", "median", "max"))
    return f"{middle} ({low}–{high})"


SHOWN: dict[str, Callable[[Figures], None]] = {
    "core": _show_core, "embedded": _show_embedded, "router": _show_router, "http": _show_http, "large": _show_large,
}

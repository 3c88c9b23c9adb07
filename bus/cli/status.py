"""`bus status`: one screen about the bus that runs: versions, reloads, what waits, who is down."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bus.cli.options import BrokerOption, Format, Output, RoutingOption
from bus.cli.output import note, paint, show, show_json, table
from bus.errors import Unavailable
from bus.texts import say

if TYPE_CHECKING:  # loaded by the command, not for the list of commands
    from bus.ports import Depth
    from bus.runtime.overview import Overview
    from bus.runtime.reasons import Reason
    from bus.runtime.status import ProcessStatus

PROCESSES = ("process", "runs", "version", "in-use", "state")
SYSTEMS = ("system", "waiting", "oldest", "letters", "state")
QUEUES = ("queue", "waiting", "oldest")
FEW = 6  # names in one line
UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
COLORS = {"up": "green", "down": "red", "gone": "red", "absent": "dim"}


def status(routing: RoutingOption = None, broker: BrokerOption = "", output: Output = Format.text) -> int:
    """Say how the bus is."""
    import asyncio

    from bus.runtime.brokers import store_path
    from bus.runtime.files import find, folder_of
    from bus.runtime.overview import overview
    from bus.runtime.status import depths, processes

    path = find(routing)
    said, gone = processes(folder_of(path), time.time())
    queues = sorted({queue for one in (*said, *gone) for queue in one.queues}) or _queues_of(path)
    held: Mapping[str, Depth] = {}
    unreachable: Unavailable | None = None
    try:
        held = asyncio.run(depths(broker, queues))
    except Unavailable as error:
        unreachable = error
    seen = overview(said, gone, held, in_hand_too=store_path(broker) is not None)
    if output is Format.json:
        show_json({**_json(seen), "broker": str(unreachable) if unreachable is not None else None})
    else:
        _show(seen, answers=unreachable is None)
    if unreachable is not None:
        note(paint(say("error"), "red") + str(unreachable))
        if unreachable.hint:
            note("  " + unreachable.hint)
        return 3
    return 1 if seen.needs else 0


def _queues_of(path: Path) -> tuple[str, ...]:
    """What routing.yaml needs, when nobody runs it."""
    from bus.runtime.app import topology_of
    from bus.runtime.files import read_configuration

    return topology_of(read_configuration(path)[0]).queues


def _show(seen: "Overview", *, answers: bool) -> None:
    head = [say(f"column-{name}") for name in PROCESSES]
    rows = [_process(one, "up") for one in seen.processes] + [_process(one, "gone") for one in seen.gone]
    _table(head, rows)
    if answers:
        _table([say(f"column-{name}") for name in SYSTEMS], [
            (one.name, one.waiting, _age(one.oldest_s), one.letters, _state(one.state)) for one in seen.systems
        ])
        own = {name: depth for name, depth in seen.queues.items() if name.startswith("bus.") and depth.messages}
        _table([say(f"column-{name}") for name in QUEUES], [
            (name, depth.messages, _age(depth.oldest_s)) for name, depth in own.items()
        ])
    for need in seen.needs:
        show(f"{paint('✘', 'red')} {need.what}")
        if need.hint:
            show("  " + need.hint)
    if answers and not seen.needs:
        show(paint(say("status-well"), "green"))


def _table(head: list[str], rows: list[tuple[Any, ...]]) -> None:
    if rows:
        for line in table(rows, head):
            show(line)
        show()


def _process(one: "ProcessStatus", state: str) -> tuple[str, ...]:
    runs = ", ".join(one.parts[:FEW]) + (" …" if len(one.parts) > FEW else "")
    return one.name, runs, one.version, _time(one.since_s), _state(state)


def _state(state: str) -> str:
    return paint(say(f"state-{state}"), COLORS[state])


def _age(seconds: float) -> str:
    """`90` as `1m`; nothing, or unknown, as a dash."""
    return next((f"{int(seconds // size)}{unit}" for size, unit in UNITS if seconds >= size), "–")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(timespec="seconds")


def _json(seen: "Overview") -> dict[str, Any]:
    gone = {id(one) for one in seen.gone}
    return {
        "well": not seen.needs,
        "needs": [{"code": need.what.code, "message": str(need.what), "hint": need.hint} for need in seen.needs],
        "processes": [
            {
                "process": one.name, "state": "gone" if id(one) in gone else "up", "program": one.program,
                "runs": one.parts, "version": one.version, "since": _time(one.since_s), "heard": _time(one.at_s),
                "refused": {**_reason(one.refusal), "since": _time(one.refused_s)} if one.refusal is not None else None,
            }
            for one in (*seen.processes, *seen.gone)
        ],
        "systems": [
            {
                "system": one.name, "state": one.state, "reasons": [_reason(reason) for reason in one.reasons],
                "waiting": one.waiting, "oldest_s": one.oldest_s, "letters": one.letters,
            }
            for one in seen.systems
        ],
        "queues": [
            {"queue": name, "messages": depth.messages, "oldest_s": depth.oldest_s}
            for name, depth in sorted(seen.queues.items())
        ],
    }


def _reason(reason: "Reason") -> dict[str, Any]:
    return {"code": reason.code, "message": str(reason), "hint": reason.hint, "place": reason.place or None}

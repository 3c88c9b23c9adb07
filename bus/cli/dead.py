"""`bus dead`: what could not be delivered, why, and what to do with it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bus.cli.options import BrokerOption, Format, Output, RoutingOption
from bus.cli.output import note, paint, show, show_json, table
from bus.errors import UsageError
from bus.texts import say

if TYPE_CHECKING:  # loaded by the commands, not for the list of commands
    from bus.letters import Letter
    from bus.ports import Received
    from bus.runtime.deadletters import Chosen

COLUMNS = ("id", "state", "system", "route", "subject", "since", "tries", "behind", "code")
MOST_SHOWN = 50

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})

Ids = Annotated[list[str] | None, typer.Argument(help=say("help-letter-ids"), show_default=False)]
System = Annotated[str, typer.Option("--system", help=say("help-by-system"), show_default=False)]
Route = Annotated[str, typer.Option("--route", help=say("help-by-route"), show_default=False)]
Code = Annotated[str, typer.Option("--code", help=say("help-by-code"), show_default=False)]
State = Annotated[str, typer.Option("--state", help=say("help-by-state"), show_default=False)]
Subject = Annotated[str, typer.Option("--subject", help=say("help-by-subject"), show_default=False)]
All = Annotated[bool, typer.Option("--all", help=say("help-all"))]


def _work(
    routing: str | None, broker: str, act: Callable[[Any, tuple[str, ...]], Awaitable[int]], *, needs_run: bool = False
) -> int:
    """Open the broker beside whoever runs it, act, close; tell when nobody runs it, where that is needed."""
    import asyncio

    from bus.runtime.app import topology_of
    from bus.runtime.brokers import is_attended, open_broker
    from bus.runtime.files import find, read_configuration

    config, _ = read_configuration(find(routing))
    topology = topology_of(config)

    async def main() -> int:
        transport = open_broker(broker, owner=False)
        await transport.open(topology)
        try:
            code = await act(transport, tuple(config.systems))
            if needs_run and not await is_attended(broker, transport, topology.event_queues):
                note(say("nobody-runs"))
            return code
        finally:
            await transport.close()

    return asyncio.run(main())


def _is_of(letter: "Letter", group: Mapping[str, Any]) -> bool:
    return all(getattr(letter, name) == group[name] for name in ("state", "code", "message", "system", "route"))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(timespec="seconds")


@app.command("list", help=say("help-dead-list"))
def list_(
    system: System = "", route: Route = "", code: Code = "", state: State = "", subject: Subject = "",
    routing: RoutingOption = None, broker: BrokerOption = "", output: Output = Format.text,
) -> int:
    """Letters, grouped by cause."""
    from bus.runtime import deadletters
    from bus.runtime.behind import behind

    async def act(transport: Any, systems: tuple[str, ...]) -> int:
        which = deadletters.Chosen(system=system, route=route, code=code, state=state, subject=subject)
        letters = [letter for letter, _ in await deadletters.chosen(transport, systems, which)]
        waiting = await behind(transport, letters)
        groups = deadletters.groups(letters)
        if output is Format.json:
            show_json({
                "groups": [{**group, "first": _time(group["first"]), "last": _time(group["last"])} for group in groups],
                "letters": [
                    {
                        "id": letter.id, "state": letter.state, "code": letter.code, "message": letter.message,
                        "system": letter.system, "route": letter.route, "type": letter.type, "subject": letter.subject,
                        "since": _time(letter.since_s), "attempts": letter.attempts, "where": letter.where or None,
                        "behind": len(waiting.of(letter)),
                    }
                    for letter in letters
                ],
            })
            return 0
        if not letters:
            show(say("no-letters"))
            return 0
        for group in groups:
            word = paint(say(f"state-{group['state']}"), "yellow" if group["state"] == "parked" else "red")
            show(f"{group['count']:>6} × {word}  {group['system']}  {group['route'] or '–'}  {group['message']}")
            for where in sorted({letter.where for letter in letters if letter.where and _is_of(letter, group)}):
                show(f"{'':>9}{paint(where, 'dim')}")
        show()
        head = [say(f"column-{name}") for name in COLUMNS]
        rows = [
            (
                letter.id, say(f"state-{letter.state}"), letter.system, letter.route or "–", letter.subject,
                _time(letter.since_s), letter.attempts, len(waiting.of(letter)) or "–", letter.code,
            )
            for letter in letters[:MOST_SHOWN]
        ]
        for line in table(rows, head):
            show(line)
        if len(letters) > len(rows):
            show(say("more-letters", count=len(letters) - len(rows)))
        return 0

    return _work(routing, broker, act)


@app.command("show", help=say("help-dead-show"))
def show_(id_: Annotated[str, typer.Argument(metavar="ID", help=say("help-letter-id"))],
          routing: RoutingOption = None, broker: BrokerOption = "", output: Output = Format.text) -> int:
    """One letter with its original."""
    from bus.runtime import deadletters
    from bus.runtime.behind import behind

    async def act(transport: Any, systems: tuple[str, ...]) -> int:
        which = deadletters.Chosen(ids=frozenset([id_]))
        letter, received = _only(await deadletters.chosen(transport, systems, which), id_)
        waiting = (await behind(transport, [letter])).of(letter)
        body = received.message.body.decode("utf-8", "backslashreplace")
        facts = {
            "id": letter.id, "state": letter.state, "code": letter.code, "message": letter.message, "hint": letter.hint,
            "where": letter.where, "system": letter.system, "route": letter.route, "type": letter.type,
            "subject": letter.subject, "since": _time(letter.since_s), "attempts": letter.attempts,
            "answer": letter.answer,
        }
        if output is Format.json:
            rows = [{"id": one.id, "route": one.route, "subject": one.subject} for one in waiting]
            show_json({**facts, "behind": rows, "body": body})
            return 0
        for name, value in facts.items():
            if value not in ("", None):
                show(f"{name:>9}  {value}")
        show()
        show(body)
        if waiting:
            show()
            show(say("waits-behind", count=len(waiting)))
        for one in waiting[:MOST_SHOWN]:
            show(f"{'':>9}  {one.subject}  {one.route}  {one.id}")
        if len(waiting) > MOST_SHOWN:
            show(say("more-behind", count=len(waiting) - MOST_SHOWN))
        return 0

    return _work(routing, broker, act)


def _only(found: list[tuple["Letter", "Received"]], id_: str) -> tuple["Letter", "Received"]:
    """The one letter that is meant; of the same refused twice, the later."""
    if not found:
        raise UsageError("letter-unknown", id=id_)
    if len({letter.id for letter, _ in found}) > 1:
        raise UsageError("letter-ambiguous", id=id_, count=len(found))
    return found[-1]


@app.command(help=say("help-dead-replay"))
def replay(
    ids: Ids = None, system: System = "", route: Route = "", code: Code = "", state: State = "", subject: Subject = "",
    everything: All = False,
    routing: RoutingOption = None, broker: BrokerOption = "",
) -> int:
    """Try letters again."""
    from bus.runtime import deadletters

    which = _chosen(ids, system, route, code, state, subject, everything=everything)

    async def act(transport: Any, systems: tuple[str, ...]) -> int:
        taken = await deadletters.chosen(transport, systems, which)
        done = 0

        def progress(count: int) -> None:
            nonlocal done
            done += count
            if len(taken) > deadletters.BATCH:
                note(say("replay-progress", done=done, count=len(taken)))

        show(say("replayed", count=await deadletters.replay(transport, taken, progress)))
        return 0 if taken or not which.ids else 1

    return _work(routing, broker, act, needs_run=True)


@app.command(help=say("help-dead-drop"))
def drop(
    ids: Ids = None, system: System = "", route: Route = "", code: Code = "", state: State = "", subject: Subject = "",
    everything: All = False,
    routing: RoutingOption = None, broker: BrokerOption = "",
) -> int:
    """Forget letters for good."""
    from bus.runtime import deadletters

    which = _chosen(ids, system, route, code, state, subject, everything=everything)

    async def act(transport: Any, systems: tuple[str, ...]) -> int:
        taken = await deadletters.chosen(transport, systems, which)
        show(say("dropped", count=await deadletters.drop(transport, taken)))
        return 0 if taken or not which.ids else 1

    return _work(routing, broker, act)


@app.command(help=say("help-dead-edit"))
def edit(
    id_: Annotated[str, typer.Argument(metavar="ID", help=say("help-letter-id"))],
    file: Annotated[Path, typer.Argument(help=say("help-edit-file"))],
    routing: RoutingOption = None, broker: BrokerOption = "",
) -> int:
    """Put a mended body into a letter."""
    from bus.runtime import deadletters

    try:
        body = file.read_bytes()
    except OSError as error:
        raise UsageError("file-unreadable", path=str(file), reason=error.strerror or str(error)) from error

    async def act(transport: Any, systems: tuple[str, ...]) -> int:
        which = deadletters.Chosen(ids=frozenset([id_]))
        letter, received = _only(await deadletters.chosen(transport, systems, which), id_)
        await deadletters.edited(transport, received, body)
        show(say("edited", id=letter.id))
        return 0

    return _work(routing, broker, act)


def _chosen(
    ids: list[str] | None, system: str, route: str, code: str, state: str, subject: str, *, everything: bool
) -> "Chosen":
    from bus.runtime.deadletters import Chosen

    which = Chosen(frozenset(ids or ()), system, route, code, state, subject)
    if which == Chosen() and not everything:
        raise UsageError("letters-not-chosen")
    return which

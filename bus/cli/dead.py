"""`bus dead`: what could not be delivered, why, and what to do with it."""

import contextlib
import dataclasses
import gc
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from bus.cli.options import BrokerOption, Format, Output, RoutingOption
from bus.cli.output import Progress, as_json, note, padded, paint, show, show_json, table, width
from bus.cli.senders import check_system, unknown_name
from bus.errors import BusError, UsageError, why
from bus.nearest import nearest
from bus.texts import TEXTS, say

if TYPE_CHECKING:  # loaded by the commands, not for the list of commands
    from bus.config.model import Configuration
    from bus.letters import Letter
    from bus.ports import Message, Received
    from bus.runtime.behind import Behind
    from bus.runtime.deadletters import Chosen, Group
    from bus.runtime.spool import Spool

COLUMNS = ("id", "state", "system", "route", "subject", "since", "attempts", "behind", "code")
MOST_SHOWN = 50

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})

Ids = Annotated[list[str] | None, typer.Argument(help=say("help-letter-ids"), show_default=False)]
System = Annotated[str, typer.Option("--system", help=say("help-by-system"), show_default=False)]
Route = Annotated[str, typer.Option("--route", help=say("help-by-route"), show_default=False)]
Code = Annotated[str, typer.Option("--code", help=say("help-by-code"), show_default=False)]
State = Annotated[str, typer.Option("--state", help=say("help-by-state"), show_default=False)]
Subject = Annotated[str, typer.Option("--subject", help=say("help-by-subject"), show_default=False)]
All = Annotated[bool, typer.Option("--all", help=say("help-all"))]


def _work(routing: str | None, broker: str, act: Callable[[Any, "Configuration"], Awaitable[int]]) -> int:
    """Open the broker beside whoever runs it, act, close."""
    import asyncio

    from bus.runtime.app import topology_of
    from bus.runtime.brokers import check_store, open_broker
    from bus.runtime.files import find, read_configuration

    config, _ = read_configuration(find(routing))
    topology = topology_of(config)
    check_store(broker)

    async def main() -> int:
        transport = open_broker(broker, owner=False)
        await transport.open(topology)
        try:
            return await act(transport, config)
        finally:
            await transport.close()

    gc.disable()  # what comes is kept, or goes by itself: looking for rubbish among 100,000 letters costs a tenth
    try:
        return asyncio.run(main())
    finally:
        gc.enable()


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
    from bus.runtime.spool import Spool

    which = _chosen(None, system, route, code, state, subject, everything=True)

    async def act(transport: Any, config: "Configuration") -> int:
        count = 0
        groups = deadletters.Groups()
        letters: list[Letter] = []
        # What a machine is given of all of them, in place of the few that a person is shown.
        written = Spool() if output is Format.json else None
        ordered: dict[str, Letter] = {}  # one of each system that has some
        placed: dict[int, Letter] = {}  # those of them, by their number in the spool

        def see(letter: "Letter", _: "Received") -> None:
            nonlocal count
            count += 1
            groups.add(letter)
            if letter.place:
                ordered[letter.system] = letter
            if written is not None:
                number = written.add(deadletters.age(letter), as_json(_facts(letter)))
                if letter.place:
                    placed[number] = letter
                return
            letters.append(letter)
            if len(letters) > 10 * MOST_SHOWN:  # the oldest are enough
                letters.sort(key=deadletters.age)
                del letters[MOST_SHOWN:]

        with written or contextlib.nullcontext():
            others = await deadletters.sift(transport, config.systems, which, see)
            if not count and not others:
                await _check_chosen(transport, config, which)
            waiting = await behind(transport, ordered.values())
            if written is not None:
                behind_each = {number: len(waiting.of(letter)) for number, letter in placed.items()}
                _show_all(groups.all(), written, behind_each)
        letters.sort(key=deadletters.age)
        if letters:
            _show_list(groups.all(), letters[:MOST_SHOWN], count, waiting)
        elif output is Format.text and not others:
            show(say("no-letters" if which == deadletters.Chosen() else "no-letters-chosen"))
        _note(others=others)
        return 0

    return _work(routing, broker, act)


def _row(group: "Group") -> Mapping[str, Any]:
    return {
        "state": group.state, "code": group.code, "message": group.message, "system": group.system,
        "route": group.route, "count": group.count, "first": _time(group.first), "last": _time(group.last),
    }


def _facts(letter: "Letter") -> Mapping[str, Any]:
    return {
        "id": letter.id, "state": letter.state, "code": letter.code, "message": letter.message,
        "system": letter.system, "route": letter.route, "type": letter.type, "subject": letter.subject,
        "since": _time(letter.since_s), "attempts": letter.attempts, "where": letter.where or None,
    }


def _show_all(groups: Iterable["Group"], written: "Spool", behind: Mapping[int, int]) -> None:
    """Everything for a machine, and every letter on a line of its own: there may be very many."""
    show(f'{{\n"groups": {as_json([_row(group) for group in groups]).decode()},\n"letters": [')
    before = ""
    for number, facts in written.sorted():
        show(f'{before}{facts[:-1].decode()},"behind":{behind.get(number, 0)}}}', end="")
        before = ",\n"
    show("\n]\n}")


def _show_list(groups: Sequence["Group"], letters: Sequence["Letter"], count: int, waiting: "Behind") -> None:
    for group in groups[:MOST_SHOWN]:
        word = paint(say(f"state-{group.state}"), "yellow" if group.state == "parked" else "red")
        show(f"{group.count:>6} × {word}  {group.system}  {group.route or '–'}  {group.message}")
        for where in sorted(group.where):
            show(f"{'':>9}{paint(where, 'dim')}")
    if len(groups) > MOST_SHOWN:
        show(say("more-groups", count=len(groups) - MOST_SHOWN))
    show()
    head = [say(f"column-{name}") for name in COLUMNS]
    rows = [
        (
            letter.id, say(f"state-{letter.state}"), letter.system, letter.route or "–", letter.subject,
            _time(letter.since_s), letter.attempts, len(waiting.of(letter)) or "–", letter.code,
        )
        for letter in letters
    ]
    for line in table(rows, head):
        show(line)
    if count > len(rows):
        show(say("more-letters", count=count - len(rows)))


def _note(*, others: bool) -> None:
    """Say that not everything was seen, if so."""
    if others:
        note(say("letters-elsewhere"))


@app.command("show", help=say("help-dead-show"))
def show_(id_: Annotated[str, typer.Argument(metavar="ID", help=say("help-letter-id"))],
          routing: RoutingOption = None, broker: BrokerOption = "", output: Output = Format.text) -> int:
    """One letter with its original."""
    from bus.runtime.behind import behind

    async def act(transport: Any, config: "Configuration") -> int:
        letter, original = await _only(transport, config.systems, id_)
        waiting = (await behind(transport, [letter])).of(letter)
        body = original.body.decode("utf-8", "backslashreplace")
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
        facts["state"] = say(f"state-{letter.state}")
        told = [(say(f"column-{name}"), str(value)) for name, value in facts.items() if value not in ("", None)]
        widest = max(width(label) for label, _ in told)
        for label, value in told:
            show(f"{padded(label, widest)}  {value}")
        show()
        show(say("body-document" if letter.kind == "document" else "body-event"))
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


async def _only(transport: Any, systems: Iterable[str], id_: str) -> tuple["Letter", "Message"]:
    """The one letter that is meant, as it lies there; of the same refused twice, the later."""
    from bus.runtime import deadletters

    found: dict[tuple[str, str], tuple[Letter, Message]] = {}

    def see(letter: "Letter", received: "Received") -> None:
        if letter.id == id_ or (len(id_) >= deadletters.SHORTEST_ID and letter.id.startswith(id_)):
            found[letter.id, letter.system] = letter, received.message

    others = await deadletters.sift(transport, systems, deadletters.Chosen(), see)
    found = {key: letter for key, letter in found.items() if key[0] == id_} or found
    if not found:
        _note(others=others)
        raise _unknown([id_])
    if len(found) > 1:
        raise UsageError("letter-ambiguous", id=id_, count=len(found))
    return next(iter(found.values()))


async def _meant(transport: Any, systems: Iterable[str], which: "Chosen") -> tuple["Chosen", bool]:
    """The same letters by their whole ids, and whether all are there; what is not, or not any more, is told.

    Raises:
        UsageError: one of the ids stands for several letters.
    """
    from bus.runtime import deadletters

    if not which.ids:
        return which, True
    named = await deadletters.named(transport, systems, which.ids)
    for given, ids in named.items():
        if len(ids) > 1:
            raise UsageError("letter-ambiguous", id=given, count=len(ids))
    if nowhere := sorted(given for given, ids in named.items() if not ids):
        error = _unknown(nowhere[:MOST_SHOWN])
        note(f"{error}\n  {error.hint}")
    return dataclasses.replace(which, ids=frozenset().union(*named.values()) or which.ids), not nowhere


def _unknown(ids: Sequence[str]) -> UsageError:
    """No letter has one of these ids; some may only be too short."""
    from bus.runtime.deadletters import SHORTEST_ID

    if any(len(id_) < SHORTEST_ID for id_ in ids):
        return UsageError("letter-id-short", id=", ".join(ids), shortest=SHORTEST_ID)
    return UsageError("letter-unknown", id=", ".join(ids))


@app.command(help=say("help-dead-replay"))
def replay(
    ids: Ids = None, system: System = "", route: Route = "", code: Code = "", state: State = "", subject: Subject = "",
    everything: All = False,
    routing: RoutingOption = None, broker: BrokerOption = "",
) -> int:
    """Try letters again."""
    from bus.runtime import deadletters

    which = _chosen(ids, system, route, code, state, subject, everything=everything)

    return _settle(routing, broker, which, deadletters.replay, "replayed", needs_run=True)


@app.command(help=say("help-dead-drop"))
def drop(
    ids: Ids = None, system: System = "", route: Route = "", code: Code = "", state: State = "", subject: Subject = "",
    everything: All = False,
    routing: RoutingOption = None, broker: BrokerOption = "",
) -> int:
    """Forget letters for good."""
    from bus.runtime import deadletters

    which = _chosen(ids, system, route, code, state, subject, everything=everything)

    return _settle(routing, broker, which, deadletters.drop, "dropped")


def _settle(
    routing: str | None, broker: str, which: "Chosen", settle: Callable[..., Any], said: str, *, needs_run: bool = False
) -> int:
    """Do it with every letter that is meant, and say how many there were."""
    from bus.runtime.app import topology_of
    from bus.runtime.brokers import is_attended

    async def act(transport: Any, config: "Configuration") -> int:
        progress = Progress(lambda done, count: say("letters-progress", done=done, count=count))
        meant, is_whole = await _meant(transport, config.systems, which)
        try:
            settled = await settle(transport, config.systems, meant, progress)
        finally:
            progress.end()
        if not settled.letters and not settled.others:
            await _check_chosen(transport, config, which)
        show(say(said, count=settled.letters))
        _note(others=settled.others)
        if needs_run and settled.letters and not await is_attended(broker, transport, topology_of(config).event_queues):
            note(say("nobody-runs"))
        return 0 if is_whole else 1

    return _work(routing, broker, act)


@app.command(help=say("help-dead-edit"))
def edit(
    id_: Annotated[str, typer.Argument(metavar="ID", help=say("help-letter-id"))],
    file: Annotated[Path | None, typer.Argument(help=say("help-edit-file"), show_default=False)] = None,
    routing: RoutingOption = None, broker: BrokerOption = "",
) -> int:
    """Put a mended body into a letter."""
    from bus.runtime import deadletters

    given = None if file is None else _bytes_of(file)

    async def act(transport: Any, config: "Configuration") -> int:
        letter, message = await _only(transport, config.systems, id_)
        body = _in_editor(letter, message) if given is None else given
        if body is None:
            show(say("not-edited", id=letter.id))
            return 1
        _check_body(body, message.content_type)
        if not (await deadletters.edit(transport, config.systems, letter, body)).letters:
            raise _unknown([id_])  # somebody else was quicker
        show(say("edited", id=letter.id))
        return 0

    return _work(routing, broker, act)


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError("file-unreadable", path=str(file), reason=why(error)) from error


def _in_editor(letter: "Letter", message: "Message") -> bytes | None:
    """What a person made of the body in the editor that VISUAL or EDITOR names; None where it was left as it is."""
    import shlex
    import subprocess
    import tempfile

    try:
        message.body.decode()
    except UnicodeDecodeError as error:
        raise UsageError("edit-no-text", id=letter.id) from error
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="bus-") as folder:
        file = Path(folder) / ("body.json" if _is_json(message.content_type) else "body.txt")
        file.write_bytes(message.body)
        try:
            subprocess.run([*editor, str(file)], check=True)  # noqa: S603 - the person's own choice
        except OSError as error:
            raise UsageError("edit-no-editor", reason=f"{editor[0]}: {why(error)}") from error
        except subprocess.CalledProcessError as error:
            raise UsageError("edit-no-editor", reason=f"{editor[0]}: {error.returncode}") from error
        after = file.read_bytes()
    return after if after not in (message.body, message.body + b"\n") else None  # editors end the last line


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().endswith(("/json", "+json"))


def _check_body(body: bytes, content_type: str) -> None:
    """Refuse what is not in the letter's own format, where that can be told."""
    from bus.codecs.json_format import read_json_fast

    if _is_json(content_type):
        try:
            read_json_fast(body)
        except BusError as error:
            raise UsageError("edit-no-json", reason=str(error)) from error


def _chosen(
    ids: list[str] | None, system: str, route: str, code: str, state: str, subject: str, *, everything: bool
) -> "Chosen":
    from bus.letters import State
    from bus.runtime.deadletters import Chosen

    states = sorted(get_args(State))
    state = {TEXTS[f"state-{one}"].zh: one for one in states}.get(state, state)  # as the list shows it
    if state not in ("", *states):
        raise unknown_name("state-option", state, states, state=state, known=", ".join(states))
    which = Chosen(frozenset(ids or ()), system, route, code, state, subject)
    if which == Chosen() and not everything:
        raise UsageError("letters-not-chosen")
    return which


async def _check_chosen(transport: Any, config: "Configuration", which: "Chosen") -> None:
    """No letter fits: tell of what is only misspelt.

    Raises:
        UsageError: there is no such system, or no such route, neither in routing.yaml nor in any letter.
    """
    from bus.runtime import deadletters

    if which.system:
        check_system(which.system, config.systems)
    routes, codes = {route.name for route in config.routes}, set[str]()

    def see(letter: "Letter", _: "Received") -> None:
        routes.add(letter.route or "")
        codes.add(letter.code)

    if which.route or which.code:
        await deadletters.sift(transport, config.systems, deadletters.Chosen(), see)
    if which.route and which.route not in routes:
        raise unknown_name("route-option", which.route, sorted(routes), route=which.route)
    if which.code and which.code not in codes and (near := nearest(which.code, sorted(codes))):
        note(say("no-letter-of-code", code=which.code, near=near))

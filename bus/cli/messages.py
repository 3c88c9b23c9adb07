"""`bus publish`, `bus consume`, `bus schema`: what a publisher and a reader need at their desk."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bus.cli.options import BrokerOption, Format, Output, RoutingOption
from bus.cli.output import on_terminal, show, show_json, table
from bus.cli.senders import check_sender, check_system, unknown_name
from bus.errors import BusError, UsageError, why
from bus.texts import say


def publish(
    files: Annotated[list[Path], typer.Argument(help=say("help-publish-files"))],
    system: Annotated[str | None, typer.Option("--from", help=say("help-from"), show_default=False)] = None,
    routing: RoutingOption = None,
    broker: BrokerOption = "",
    output: Output = Format.text,
) -> int:
    """Hand documents to the bus as if their system had sent them."""
    import asyncio
    import time

    from bus.adapter import Accepted, Document
    from bus.event import digest
    from bus.explain import event_of
    from bus.inbound import Inbound
    from bus.runtime.app import topology_of
    from bus.runtime.brokers import open_broker
    from bus.runtime.files import find, usable_configuration
    from bus.runtime.intake import Intake
    from bus.runtime.telemetry import Telemetry
    from bus.wire import event_message

    config, _ = usable_configuration(find(routing))
    check_sender(system, config)
    bodies = []
    for file in files:
        try:
            bodies.append((file, sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()))
        except OSError as error:
            raise UsageError("file-unreadable", path=str(file), reason=why(error)) from error

    async def main() -> list[dict[str, Any]]:
        transport = open_broker(broker, owner=False)
        await transport.open(topology_of(config))
        results: list[dict[str, Any]] = []
        try:
            intake = Intake(transport, Inbound(config), Telemetry(), time.time)
            for file, body in bodies:
                if system is None:
                    new = event_of(body, datetime.now(UTC))
                    await transport.publish(event_message(new.event, new.body))
                    accepted = Accepted(((new.event.type, new.event.id),))
                else:
                    accepted = await intake.accept(Document(system, body, file.name, digest(body).hex()))
                results.append({
                    "file": str(file), "events": [{"type": type_, "id": id_} for type_, id_ in accepted.events],
                    "problem": _problem(accepted.problem),
                })
        finally:
            await transport.close()
        return results

    results = asyncio.run(main())
    if output is Format.json:
        show_json({"documents": results})
    else:
        for result in results:
            for event in result["events"]:
                show(f"{result['file']}  {event['type']}  {event['id']}")
            if result["problem"]:
                show(f"{result['file']}  {result['problem']['message']}")
                if result["problem"]["hint"]:
                    show(f"    {result['problem']['hint']}")
    return 1 if any(result["problem"] for result in results) else 0


def _problem(error: BusError | None) -> dict[str, str] | None:
    return {"code": error.code, "message": str(error), "hint": error.hint} if error is not None else None


def consume(
    system: Annotated[str, typer.Argument(help=say("help-consume-system"))],
    limit: Annotated[int, typer.Option("--limit", "-n", help=say("help-limit"), min=1)] = 1_000_000,
    peek: Annotated[bool, typer.Option("--peek", help=say("help-peek"))] = False,
    routing: RoutingOption = None,
    broker: BrokerOption = "",
    output: Output = Format.text,
) -> int:
    """Hand over what waits in `to.<system>`."""
    import asyncio
    import base64

    from bus.runtime.app import topology_of
    from bus.runtime.brokers import check_store, open_broker
    from bus.runtime.deadletters import pull_all
    from bus.runtime.files import find, read_configuration
    from bus.topology import to
    from bus.wire import EVENT, EVENT_LENGTH, split_event

    not_a_readers = (EVENT, EVENT_LENGTH)  # headers the bus keeps for itself on deliveries it makes
    config, _ = read_configuration(find(routing))
    check_system(system, config.systems)
    check_store(broker)

    async def main() -> list[dict[str, Any]]:
        transport = open_broker(broker, owner=False)
        await transport.open(topology_of(config))
        handed: list[dict[str, Any]] = []
        try:
            taken = await pull_all(transport, to(system), limit)
            for received in taken:
                message = received.message
                body, _ = split_event(message)
                try:
                    shown: Any = body.decode(message.content_encoding)
                except (UnicodeDecodeError, LookupError):
                    shown = {"base64": base64.b64encode(body).decode()}
                handed.append({
                    "id": message.id, "content_type": message.content_type,
                    "content_encoding": message.content_encoding, "body": shown,
                    "headers": {name: value for name, value in message.headers.items() if name not in not_a_readers},
                })
                if output is Format.text:
                    show(shown if isinstance(shown, str) else shown["base64"])
            sys.stdout.flush()
            for received in taken:  # only now: what was not written is not gone
                received.release() if peek else received.become()
            await transport.drain()
        finally:
            await transport.close()
        return handed

    handed = asyncio.run(main())
    if output is Format.json:
        show_json({"messages": handed})
    return 0


def schema(
    type_: Annotated[
        str | None, typer.Argument(metavar="[TYPE]", help=say("help-schema-type"), show_default=False)
    ] = None,
    routing: RoutingOption = None,
    output: Output = Format.text,
) -> int:
    """List event types, or show the fields of one."""
    from bus.cli.fields import declaration
    from bus.event_types import json_schema, shipped
    from bus.runtime.files import find, read_configuration

    try:
        events = read_configuration(find(routing))[0].events
    except UsageError:
        if routing is not None:
            raise
        events = shipped()
    if type_ is not None:
        if type_ not in events:
            raise unknown_name("event-option", type_, events, type=type_)
        if output is Format.json or not on_terminal():
            show_json(json_schema(events[type_]))
            return 0
        show(f"{type_}:" + (f"  # {said}" if (said := (events[type_].description.splitlines() or [""])[0]) else ""))
        for line in declaration(events[type_]):
            show(line)
        return 0
    if output is Format.json:
        types = [{"type": name, "description": known.description} for name, known in sorted(events.items())]
        show_json({"types": types})
        return 0
    rows = [(name, (known.description.splitlines() or [""])[0]) for name, known in sorted(events.items())]
    for line in table(rows, (say("column-type"), say("column-description"))):
        show(line)
    return 0

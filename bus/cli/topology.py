"""`bus topology`: what the broker lacks of what routing.yaml asks for, and making it so."""

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bus.cli.options import BrokerOption, Format, Output, RoutingOption
from bus.cli.output import note, paint, show, show_json, table
from bus.texts import say

if TYPE_CHECKING:  # loaded by the commands, not for the list of commands
    from bus.plan import Change, Wanted

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})

HASH_SUFFIX = "_HASH"
# How an action is marked, and in which colour.
MARKS = {
    "create": ("+", "green"), "bind": ("+", "green"), "grant": ("+", "green"), "move": ("→", "green"),
    "unbind": ("-", "yellow"), "revoke": ("-", "yellow"), "remake": ("±", "yellow"),
    "orphan": ("?", "yellow"), "differs": ("✘", "red"),
}


def _want(routing: str | None) -> "Wanted":
    from bus.runtime.files import find, usable_configuration
    from bus.runtime.topology import wanted_by

    config, _ = usable_configuration(find(routing))
    return wanted_by(config)


@app.command(help=say("help-topology-plan"))
def plan(routing: RoutingOption = None, broker: BrokerOption = "", output: Output = Format.text) -> int:
    """What the broker lacks."""
    import asyncio

    from bus.runtime.topology import site

    want = _want(routing)
    changes = asyncio.run(site(broker, want).plan())
    _show(changes, output, say("topology-same"))
    return 1 if changes else 0


@app.command(help=say("help-topology-apply"))
def apply(routing: RoutingOption = None, broker: BrokerOption = "", output: Output = Format.text) -> int:
    """Make it so."""
    import asyncio

    from bus.runtime.topology import site

    want = _want(routing)
    changes = asyncio.run(site(broker, want).apply())
    _show(changes, output, say("topology-nothing-done"))
    if any(change.kind == "permission" for change in changes):
        note(say("topology-permissions"))
    return 1 if any(change.action == "differs" for change in changes) else 0


def _show(changes: Iterable["Change"], output: Format, none: str) -> None:
    listed = list(changes)
    if output is Format.json:
        show_json({"changes": [
            {"action": change.action, "kind": change.kind, "name": change.name, "detail": change.detail}
            for change in listed
        ]})
        return
    for change in listed:
        mark, color = MARKS[change.action]
        words = f"{say(f'action-{change.action}')} {say(f'kind-{change.kind}')}"
        show(f"{paint(mark, color)} {words}  {paint(change.name, 'bold')}  {change.detail}")
    show(say("topology-summary", count=len(listed)) if listed else none)


@app.command(help=say("help-topology-export"))
def export(routing: RoutingOption = None, broker: BrokerOption = "", output: Output = Format.json) -> int:
    """Everything as definitions.json."""
    from bus.definitions import definitions, password_hash, variable

    del output  # a file for rabbitmqctl has one form
    want = _want(routing)
    hashes = {}
    for user in want.users:
        name = variable(user.name)
        if given := os.environ.get(name):
            hashes[user.name] = password_hash(given, os.urandom(4))
        elif given := os.environ.get(name + HASH_SUFFIX):
            hashes[user.name] = given
        else:
            note(say("topology-no-password", user=user.name, variable=name))
    show_json(definitions(want, _virtual_host(broker), hashes))
    return 0


def _virtual_host(broker: str) -> str:
    from bus.runtime.brokers import store_path

    if store_path(broker) is not None:
        return "/"
    from bus.runtime.rabbitmq.url import addresses

    return addresses(broker)[0].virtual_host


@app.command(help=say("help-topology-prune"))
def prune(
    systems: Annotated[list[str] | None, typer.Argument(help=say("help-prune-systems"), show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("help-yes"))] = False,
    routing: RoutingOption = None, broker: BrokerOption = "", output: Output = Format.text,
) -> int:
    """Delete what nobody needs any more."""
    import asyncio

    from bus.runtime.topology import queues_of, site

    want = _want(routing)
    place = site(broker, want)
    held = asyncio.run(place.left_over(queues_of(systems or (), want)))
    if not held:
        _show_pruned({}, (), output)
        return 0
    if output is Format.text:
        for line in table(sorted(held.items()), (say("column-queue"), say("column-messages"))):
            show(line)
    if not yes and not _agreed(len(held), sum(held.values())):
        if output is Format.json:
            _show_pruned(held, (), output)
        return 1
    gone = asyncio.run(place.prune(tuple(held)))
    _show_pruned(held, gone, output)
    return 0 if len(gone) == len(held) else 1


def _agreed(queues: int, messages: int) -> bool:
    if not sys.stdin.isatty():
        note(say("prune-needs-yes"))
        return False
    return typer.confirm(say("prune-question", queues=queues, messages=messages), err=True)


def _show_pruned(held: Any, gone: tuple[str, ...], output: Format) -> None:
    if output is Format.json:
        show_json({"queues": [
            {"name": name, "messages": messages, "deleted": name in gone} for name, messages in sorted(held.items())
        ]})
        return
    if not held:
        show(say("prune-nothing"))
        return
    show(say("pruned", count=len(gone)))
    for name in sorted(set(held) - set(gone)):
        note(say("prune-kept", queue=name, messages=held[name]))

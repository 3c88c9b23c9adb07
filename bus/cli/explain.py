"""`bus explain FILE`: what would happen to this document, and why."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bus.cli.findings import findings_json
from bus.cli.options import Format, Output, RoutingOption
from bus.cli.output import paint, show, show_json
from bus.errors import BusError, UsageError
from bus.nearest import nearest
from bus.texts import say

if TYPE_CHECKING:  # the configuration is loaded by the command, not for the list of commands
    from bus.config.model import Configuration


def explain(
    file: Annotated[Path, typer.Argument(help=say("help-explain-file"))],
    system: Annotated[str | None, typer.Option("--from", help=say("help-from"), show_default=False)] = None,
    routing: RoutingOption = None,
    output: Output = Format.text,
) -> int:
    """Say what would happen to a document."""
    from bus import explain as explaining  # noqa: PLC0415 - loaded only when needed
    from bus.runtime.files import find, usable_configuration  # noqa: PLC0415

    config, _ = usable_configuration(find(routing))
    if system is not None and system not in config.systems:
        near = nearest(system, config.systems)
        raise UsageError("system-option", system=system, known=", ".join(config.systems), **({"near": near} if near else {}))
    try:
        body = file.read_bytes()
    except OSError as error:
        raise UsageError("file-unreadable", path=str(file), reason=error.strerror or str(error)) from error
    explanation = explaining.explain(config, body, system, datetime.now(UTC))
    if output is Format.json:
        show_json(_json(explanation, config))
        return 0
    _show(explanation, config, system)
    return 0


def _json(explanation: Any, config: "Configuration") -> dict[str, Any]:
    from bus.explain import document_json, failure_json  # noqa: PLC0415 - only with -o json

    def deliveries(considered: Any) -> list[dict[str, Any]]:
        route = considered.route
        made = []
        for match in considered.matches:
            shared = {"system": match.system, "format": route.format or "cloudevents"}
            for document in match.documents:
                made.append({**shared, "id": document.id, "document": document_json(route.format, document), "failure": None})
            if match.failure is not None:
                made.append({**shared, "id": None, "document": None, "failure": failure_json(match.failure)})
        return made

    return {
        "events": [
            {
                "type": explained.event.type, "id": explained.event.id, "subject": explained.event.subject,
                "data": explained.event.data, "failure": failure_json(explained.failure),
                "routes": [
                    {
                        "route": considered.route.name, "line": considered.route.place.line, "matched": considered.matched,
                        "reason": _reason(considered), "deliveries": deliveries(considered),
                    }
                    for considered in explained.routes
                ],
            }
            for explained in explanation.events
        ],
        "rejected": [
            {"rule": failed.rule or None, "line": failed.line or None, "failure": failure_json(failed.error)}
            for failed in explanation.rejected
        ],
        "findings": findings_json(config.findings),
    }


def _reason(considered: Any) -> str:
    if considered.reason:
        return say(considered.reason)
    if not considered.atoms:
        return say("reason-always")
    return "   ".join(_atom(atom) for atom in considered.atoms)


def _atom(atom: Any) -> str:
    if atom.failure is not None:
        return f"{atom.text} {say('cannot-compute', reason=str(atom.failure))}"
    if atom.missing:
        return f"{atom.text} {'✔' if atom.holds else '✘'} {say('is-missing', path=atom.missing)}"
    return f"{atom.text} {'✔' if atom.holds else '✘'}"


def _show(explanation: Any, config: "Configuration", system: str | None) -> None:
    count = 0
    for explained in explanation.events:
        event = explained.event
        show(say("explain-event", type=event.type, subject=event.subject, source=event.source))
        if explained.failure is not None:
            _show_failure(explained.failure, "  ")
        for considered in explained.routes:
            mark = paint("✔", "green") if considered.matched else paint("✘", "dim")
            place = say("at-line", line=considered.route.place.line)
            show(f"{mark} {considered.route.name}   {place}   {_reason(considered)}")
            for match in considered.matches:
                count += _show_match(match, config)
        if not any(considered.matched for considered in explained.routes) and explained.failure is None:
            show("  " + say("no-route-takes-it"))
    for failed in explanation.rejected:
        show(f"{paint('✘', 'red')} {failed.rule or say('whole-document', system=system or '')}")
        _show_failure(failed.error, "    ")
    show(paint(say("explain-summary", count=count), "bold"))


def _show_match(match: Any, config: "Configuration") -> int:
    sink = config.systems[match.system].sink
    adapter = sink.adapter.name if sink is not None else "queue"
    if match.failure is not None:
        show(f"    → {match.system}   {paint(say('would-fail'), 'red')}")
        _show_failure(match.failure, "        ")
        return 0
    for document in match.documents:
        format_ = match.route.format or "CloudEvents"
        size = f"{len(document.body) / 1024:.1f} KB"
        name = f"   {document.name}" if document.name else ""
        shadow = f"   ({say('reason-shadow')})" if match.route.mode == "shadow" else ""
        show(f"    → {match.system}   {adapter}   {format_.upper() if match.route.format else format_}, {size}{name}{shadow}")
        try:
            text = document.body.decode(document.encoding)
        except (UnicodeDecodeError, LookupError):
            text = ""
        for line in text[:4000].splitlines()[:40]:
            show(paint(f"        {line}", "dim"))
    return len(match.documents)


def _show_failure(error: BusError, indent: str) -> None:
    where = error.where
    at = f"{where.file}:{where.line}:{where.column}  " if where else ""
    show(f"{indent}{paint(at + str(error), 'red')}")
    if where:
        show(f"{indent}{where.path + ': ' if where.path else ''}{where.expression}")
    if error.hint:
        show(f"{indent}{error.hint}")

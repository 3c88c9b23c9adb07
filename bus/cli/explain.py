"""`bus explain FILE`: what would happen to this document, and why."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from bus.cli.findings import findings_json
from bus.cli.options import Format, Output, RoutingOption
from bus.cli.output import padded, paint, show, show_json, width
from bus.errors import BusError, UsageError
from bus.nearest import nearest
from bus.texts import say

if TYPE_CHECKING:  # the configuration is loaded by the command, not for the list of commands
    from bus.config.model import Configuration
    from bus.explain import Atom, Considered, Explained, Explanation
    from bus.routing import Document, Match

_MOST_LINES, _MOST_CHARACTERS = 40, 4000  # of a document on the screen


def explain(
    file: Annotated[Path, typer.Argument(help=say("help-explain-file"))],
    system: Annotated[str | None, typer.Option("--from", help=say("help-from"), show_default=False)] = None,
    routing: RoutingOption = None,
    output: Output = Format.text,
) -> int:
    """Say what would happen to a document."""
    from bus import explain as explaining
    from bus.errors import DocumentError
    from bus.inbound import Failed
    from bus.runtime.files import find, usable_configuration

    config, _ = usable_configuration(find(routing))
    if system is not None and system not in config.systems:
        near = nearest(system, config.systems)
        fields = {"system": system, "known": ", ".join(config.systems), **({"near": near} if near else {})}
        raise UsageError("system-option", **fields)
    try:
        body = file.read_bytes()
    except OSError as error:
        raise UsageError("file-unreadable", path=str(file), reason=error.strerror or str(error)) from error
    readable = True
    try:
        explanation = explaining.explain(config, body, system, datetime.now(UTC))
    except DocumentError as error:
        explanation, readable = explaining.Explanation((), (Failed("", 0, error),)), False
    if output is Format.json:
        show_json(_json(explanation, config))
    else:
        _show(explanation, config, system)
    return 0 if readable else 1


def _json(explanation: "Explanation", config: "Configuration") -> dict[str, Any]:
    from bus.explain import failure_json

    return {
        "events": [_event_json(explained) for explained in explanation.events],
        "rejected": [
            {"rule": failed.rule or None, "line": failed.line or None, "failure": failure_json(failed.error)}
            for failed in explanation.rejected
        ],
        "findings": findings_json(config.findings),
    }


def _event_json(explained: "Explained") -> dict[str, Any]:
    from bus.explain import failure_json

    event = explained.event
    return {
        "type": event.type, "id": event.id, "subject": event.subject, "data": event.data,
        **({"failure": failure_json(explained.failure)} if explained.failure is not None else {}),
        "routes": [
            {
                "route": considered.route.name, "line": considered.route.place.line, "matched": considered.matched,
                "reason": _reason(considered), "deliveries": _deliveries_json(considered),
            }
            for considered in explained.routes
        ],
    }


def _deliveries_json(considered: "Considered") -> list[dict[str, Any]]:
    from bus.explain import document_json, failure_json

    format_ = considered.route.format
    made = []
    for match in considered.matches:
        shared = {"system": match.system, "format": format_ or "cloudevents"}
        made += [
            {**shared, "id": document.id, "document": document_json(format_, document), "failure": None}
            for document in match.documents
        ]
        if match.failure is not None:
            made.append({**shared, "id": None, "document": None, "failure": failure_json(match.failure)})
    return made


def _reason(considered: "Considered") -> str:
    if considered.reason:
        return say(considered.reason)
    if not considered.atoms:
        return say("reason-always")
    return "   ".join(_atom(atom) for atom in considered.atoms)


def _atom(atom: "Atom") -> str:
    if atom.failure is not None:
        return f"{atom.text}   {say('cannot-compute', reason=str(atom.failure))}"
    if atom.missing and not atom.holds:
        return f"{atom.text}   {say('is-missing', path=atom.missing)}"
    return f"{atom.text} {'✔' if atom.holds else '✘'}"


def _show(explanation: "Explanation", config: "Configuration", system: str | None) -> None:
    count = 0
    for explained in explanation.events:
        event = explained.event
        show(say("explain-event", type=event.type, subject=event.subject, source=event.source))
        if explained.failure is not None:
            _show_failure(explained.failure, "  ")
        columns = max((width(considered.route.name) for considered in explained.routes), default=0)
        for considered in explained.routes:
            mark = paint("✔", "green") if considered.matched else paint("✘", "dim")
            place = say("at-line", line=considered.route.place.line)
            show(f"{mark} {padded(considered.route.name, columns)}   {place}   {_reason(considered)}")
            for match in considered.matches:
                _show_match(match, config)
                count += len(match.documents) if considered.route.mode == "live" else 0
        if not any(considered.matched for considered in explained.routes) and explained.failure is None:
            show("  " + say("no-route-takes-it"))
    for failed in explanation.rejected:
        show(f"{paint('✘', 'red')} {failed.rule or say('whole-document', system=system or '–')}")
        _show_failure(failed.error, "    ")
    show(paint(say("explain-summary-one" if count == 1 else "explain-summary", count=count), "bold"))


def _show_match(match: "Match", config: "Configuration") -> None:
    if match.failure is not None:
        show(f"    → {match.system}   {paint(say('would-fail'), 'red')}")
        _show_failure(match.failure, "        ")
        return
    for document in match.documents:
        format_ = match.route.format.upper() or "CloudEvents"
        target = _target(match.system, document, config)
        show(f"    → {match.system}   {target}   {format_}, {_size(len(document.body))}")
        for line in document.body.decode(document.encoding)[:_MOST_CHARACTERS].splitlines()[:_MOST_LINES]:
            show(paint(f"        {line}", "dim"))


def _size(body_bytes: int) -> str:
    return f"{body_bytes} B" if body_bytes < 1000 else f"{body_bytes / 1024:.1f} KB"


def _target(system: str, document: "Document", config: "Configuration") -> str:
    """How the delivery would travel: `POST https://wms.local/api`. No password, and no token, is in it."""
    end = config.systems[system].sink
    if end is None or end.adapter.sink is None:
        return f"to.{system}"
    url, folder = getattr(end.options, "url", ""), getattr(end.options, "folder", "")
    if hasattr(end.options, "method"):
        path = "/" + document.path.lstrip("/") if document.path else ""
        return f"{end.options.method} {_public(str(url), config)}{path}"
    return f"{folder}/{document.name or document.id}" if folder else end.adapter.name


def _public(url: str, config: "Configuration") -> str:
    """A URL as everybody may see it; of one that came from the environment only the host."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    path = "/…" if any(secret in url for secret in config.secrets if len(secret) > 3) and parts.path else parts.path
    return f"{parts.scheme}://{host}{path}"


def _show_failure(error: BusError, indent: str) -> None:
    where = error.where
    at = f"{where.file}:{where.line}:{where.column}  " if where else ""
    show(f"{indent}{paint(at + str(error), 'red')}")
    if where:
        show(f"{indent}{where.path + ': ' if where.path else ''}{where.expression}")
    if error.hint:
        show(f"{indent}{error.hint}")

"""`bus explain FILE`: what would happen to this document, and why."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bus.cli.brief import fields_of, indented
from bus.cli.findings import findings_json, show_findings
from bus.cli.options import Format, Output, RoutingOption
from bus.cli.output import on_terminal, padded, paint, show, show_json, width
from bus.cli.senders import check_sender
from bus.errors import BusError, UsageError, why
from bus.texts import say

if TYPE_CHECKING:  # the configuration is loaded by the command, not for the list of commands
    from bus.conditions import Atom
    from bus.config.model import Configuration
    from bus.explain import Considered, Explained, Explanation
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
    check_sender(system, config)
    try:
        body = file.read_bytes()
    except OSError as error:
        raise UsageError("file-unreadable", path=str(file), reason=why(error)) from error
    try:
        explanation = explaining.explain(config, body, system, datetime.now(UTC))
    except DocumentError as error:
        explanation = explaining.Explanation((), (Failed("", 0, error),))
    if output is Format.json:
        show_json(_json(explanation, config))
    else:
        _show(explanation, config, system)
    return 1 if explanation.fails else 0


def _json(explanation: "Explanation", config: "Configuration") -> dict[str, Any]:
    from bus.explain import failure_json

    return {
        "events": [_event_json(explained) for explained in explanation.events],
        "rejected": [
            {"rule": failed.rule or None, "line": failed.line or None, "failure": failure_json(failed.error)}
            for failed in explanation.rejected
        ],
        "rules": [
            {
                "rule": tried.rule.name, "line": tried.rule.place.line, "matched": tried.matched,
                "reason": _condition(tried.atoms),
            }
            for tried in explanation.rules
        ],
        "findings": findings_json((*config.findings, *explanation.doubts)),
    }


def _event_json(explained: "Explained") -> dict[str, Any]:
    from bus.explain import failure_json

    event = explained.event
    return {
        "type": event.type, "id": event.id, "subject": event.subject, "rule": explained.rule or None,
        "data": event.data,
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
    if considered.reason and not any(atom.failure for atom in considered.atoms):
        return say(considered.reason)
    return _condition(considered.atoms)


def _condition(atoms: "Iterable[Atom]") -> str:
    return "   ".join(map(_atom, atoms)) or say("reason-always")


def _atom(atom: "Atom") -> str:
    if atom.failure is not None:
        return f"{atom.text}   {say('cannot-compute', reason=str(atom.failure))}"
    if atom.missing and not atom.holds:
        code, fields = "is-missing", {"path": atom.missing}
        if atom.near:
            code, fields = "is-missing-near", {**fields, "near": atom.near}
        return f"{atom.text}   {say(code, **fields)}"
    return f"{atom.text} {'✔' if atom.holds else '✘'}"


def _show(explanation: "Explanation", config: "Configuration", system: str | None) -> None:
    count = 0
    for explained in explanation.events:
        event = explained.event
        show(say("explain-event", type=event.type, subject=event.subject, source=event.source) + _made_by(explained))
        if explained.rule:
            for line in fields_of(event.data):
                show(paint(f"    {line}", "dim"))
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
        at = say("at-line", line=failed.line) if failed.line else ""
        whole = say("whole-document", system=system) if system else say("whole-document-of-nobody")
        show(f"{paint('✘', 'red')} {failed.rule or whole}   {at}".rstrip())
        if failed.error.code == "no-rule":
            _show_untaken(explanation, system or "–")
        else:
            _show_failure(failed.error, "    ")
    show_findings(explanation.doubts)
    show(paint(say("explain-summary-one" if count == 1 else "explain-summary", count=count), "bold"))


def _made_by(explained: "Explained") -> str:
    return "  " + say("made-by-rule", rule=explained.rule) if explained.rule else ""


def _show_untaken(explanation: "Explanation", system: str) -> None:
    """Every rule of the system, and which part of its condition was false."""
    show("    " + paint(say("no-rule", system=system), "red"))
    for tried in explanation.rules:
        place = say("at-line", line=tried.rule.place.line)
        show(f"    {paint('✘', 'dim')} {tried.rule.name}   {place}   {_condition(tried.atoms)}")
    show("    " + say("mend-a-rule" if explanation.rules else "write-a-rule", system=system))


def _show_match(match: "Match", config: "Configuration") -> None:
    if match.failure is not None:
        show(f"    → {match.system}   {paint(say('would-fail'), 'red')}")
        _show_failure(match.failure, "        ")
        return
    for document in match.documents:
        format_ = match.route.format.upper() or "CloudEvents"
        target = _target(match.system, document, config)
        show(f"    → {match.system}   {target}   {format_}, {_size(len(document.body))}")
        text = document.body.decode(document.encoding)
        if match.route.format == "xml" and on_terminal():
            text = indented(text)
        for line in text[:_MOST_CHARACTERS].splitlines()[:_MOST_LINES]:
            show(paint(f"        {line}", "dim"))


def _size(body_bytes: int) -> str:
    return f"{body_bytes} B" if body_bytes < 1000 else f"{body_bytes / 1024:.1f} KB"


def _target(system: str, document: "Document", config: "Configuration") -> str:
    """How the delivery would travel: `POST https://wms.local/api`. No password, and no token, is in it."""
    from bus.refusals import target_of

    end = config.systems[system].sink
    if end is None or end.adapter.sink is None:
        return f"to.{system}"
    folder = getattr(end.options, "folder", "")
    return f"{folder}/{document.name or document.id}" if folder else target_of(end, config, document.path)


def _show_failure(error: BusError, indent: str) -> None:
    where = error.where
    at = f"{where.file}:{where.line}:{where.column}  " if where else ""
    show(f"{indent}{paint(at + str(error), 'red')}")
    if where:
        show(f"{indent}{where.path + ': ' if where.path else ''}{where.expression}")
    if error.hint:
        show(f"{indent}{error.hint}")

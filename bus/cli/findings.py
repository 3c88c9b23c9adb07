"""Findings as a person reads them: place, sentence, the line with a mark under the place, the remedy."""

import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from bus.cli.output import paint, width
from bus.places import Finding
from bus.texts import say


def _lines(file: str) -> tuple[str, ...]:
    try:
        return tuple(Path(file).read_text("utf-8-sig", errors="replace").splitlines())
    except OSError:
        return ()


def show_findings(findings: Iterable[Any], stream: TextIO | None = None) -> None:
    """Write each finding with its line."""
    stream = stream or sys.stdout
    lines = lru_cache(maxsize=64)(_lines)  # each file once, as it is now
    for finding in findings:
        for line in finding_lines(finding, lines(finding.place.file), stream):
            stream.write(line + "\n")


def finding_lines(finding: Finding, lines: Sequence[str], stream: TextIO) -> list[str]:
    """One finding: `file:line:column  error  sentence`, the line, and the mark with the remedy."""
    place = finding.place
    color = "red" if finding.severity == "error" else "yellow"
    severity = paint(say(f"severity-{finding.severity}"), color, stream)
    made = [f"{place}  {severity}  {finding.message}"]
    if not 0 < place.line <= len(lines):
        return [*made, *([f"          {finding.hint}"] if finding.hint else [])]
    text = lines[place.line - 1].replace("\t", " ")
    number = f"{place.line:>5} | "
    before = width(text[: place.column - 1])
    marked = max(width(text[place.column - 1 : place.column - 1 + place.width]), 1)
    mark = paint("^" * marked, color, stream)
    made.append(paint(number, "dim", stream) + text)
    made.append(paint("      | ", "dim", stream) + " " * before + mark + (f" {finding.hint}" if finding.hint else ""))
    return made


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings for a machine."""
    return [
        {
            "file": finding.place.file, "line": finding.place.line, "column": finding.place.column,
            "severity": finding.severity, "code": finding.code, "message": finding.message, "hint": finding.hint,
        }
        for finding in findings
    ]

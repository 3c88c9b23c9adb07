"""`bus lint` and `bus test`: everything that is wrong with routing.yaml, and its own tests."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bus.cli.findings import findings_json, show_findings
from bus.cli.options import Format, Output
from bus.cli.output import paint, show, show_json
from bus.errors import UsageError
from bus.texts import say

if TYPE_CHECKING:  # the configuration is loaded by the command, not for the list of commands
    from bus.config.model import Configuration
    from bus.suite import SuiteResult

RoutingArgument = Annotated[str | None, typer.Argument(help=say("help-routing"), show_default=False)]


def lint(routing: RoutingArgument = None, output: Output = Format.text) -> int:
    """Say everything that is wrong with routing.yaml."""
    from bus.runtime.files import find, read_configuration  # noqa: PLC0415 - loaded only when needed

    started = time.perf_counter()
    config, _ = read_configuration(find(routing))
    errors = len(config.errors)
    if output is Format.json:
        show_json({"findings": findings_json(config.findings), "routes": len(config.routes)})
        return 1 if errors else 0
    show_findings(config.findings)
    seconds = time.perf_counter() - started
    color = "red" if errors else "yellow" if config.findings else "green"
    show(paint(_summary(config, seconds), color))
    return 1 if errors else 0


def _counted(word: str, number: int) -> str:
    """`1 route`, `2 routes`: the word's sentence for one, or the one for several."""
    return say(f"count-{word}" if number != 1 else f"count-{word}-one", count=number)

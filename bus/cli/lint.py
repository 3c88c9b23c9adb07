"""`bus lint` and `bus test`: everything that is wrong with routing.yaml, and its own tests."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bus.cli.findings import findings_json, show_findings
from bus.cli.options import Format, Output
from bus.cli.output import paint, show, show_json
from bus.errors import UsageError
from bus.runtime.files import find, folder_of, read_configuration, usable_configuration
from bus.texts import say

RoutingArgument = Annotated[str | None, typer.Argument(help=say("help-routing"), show_default=False)]


def lint(routing: RoutingArgument = None, output: Output = Format.text) -> int:
    """Say everything that is wrong with routing.yaml."""
    started = time.perf_counter()
    config, _ = read_configuration(find(routing))
    errors = len(config.errors)
    if output is Format.json:
        show_json({"findings": findings_json(config.findings), "routes": len(config.routes)})
        return 1 if errors else 0
    show_findings(config.findings)
    warnings = len(config.findings) - errors
    seconds = time.perf_counter() - started
    counts = ", ".join(
        say(code, count=count) for code, count in (("count-errors", errors), ("count-warnings", warnings)) if count
    ) or say("no-findings")
    summary = say("lint-summary", files=len(config.files), routes=len(config.routes), counts=counts, seconds=f"{seconds:.2f}")
    show(paint(summary, "red" if errors else "yellow" if warnings else "green"))
    return 1 if errors else 0


class _Beside:
    """Files that tests name, relative to the folder of routing.yaml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()


def test(
    routing: RoutingArgument = None,
    tests: Annotated[str | None, typer.Option("--tests", help=say("help-tests"), show_default=False)] = None,
    cover: Annotated[bool, typer.Option("--cover", help=say("help-cover"))] = False,  # noqa: FBT002 - typer's shape
    output: Output = Format.text,
) -> int:
    """Run the tests beside routing.yaml."""
    from bus.suite import run_suite  # noqa: PLC0415 - only this command needs it

    path = find(routing)
    config, _ = usable_configuration(path)
    folder = folder_of(path)
    file = Path(tests) if tests else folder / "routing_test.yaml"
    if not file.exists():
        raise UsageError("tests-not-found", path=str(file))
    shown = str(file if tests else file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
    suite = run_suite(file.read_text("utf-8-sig"), shown, config, _Beside(folder), datetime.now(UTC))
    failed = [result for result in suite.results if result.differences]
    live = [route.name for route in config.routes if route.mode == "live"]
    uncovered = [name for name in live if name not in suite.reached]
    if output is Format.json:
        show_json({
            "passed": len(suite.results) - len(failed), "failed": len(failed),
            "tests": [
                {
                    "name": result.name, "outcome": result.outcome,
                    "differences": [
                        {"path": d.path, "expected": d.expected, "got": d.got} for d in result.differences
                    ],
                }
                for result in suite.results
            ],
            "findings": findings_json(suite.findings),
            **({"uncovered": uncovered} if cover else {}),
        })
        return 1 if failed or suite.findings else 0
    show_findings(suite.findings)
    for result in suite.results:
        mark = paint("✘", "red") if result.differences else paint("✔", "green")
        show(f"{mark} {result.name}")
        for difference in result.differences:
            show(f"    {difference.path}  ({shown}:{result.line})")
            show(f"      {say('expected')} {difference.expected}")
            show(f"      {say('got')} {difference.got}")
    if cover:
        show(say("cover-summary", reached=len(live) - len(uncovered), routes=len(live)))
        for name in uncovered:
            show(f"    {name}")
    show(paint(say("test-summary", passed=len(suite.results) - len(failed), failed=len(failed)), "red" if failed else "green"))
    return 1 if failed or suite.findings else 0

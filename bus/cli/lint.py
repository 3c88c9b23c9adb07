"""`bus lint` and `bus test`: everything that is wrong with routing.yaml, and its own tests."""

# ruff: noqa: PT028 - `test` is a command, not a test

import gc
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bus.cli.findings import findings_json, show_findings
from bus.cli.options import Format, Output, RoutingOption
from bus.cli.output import paint, show, show_json
from bus.errors import UsageError, why
from bus.texts import say

if TYPE_CHECKING:  # the configuration is loaded by the command, not for the list of commands
    from bus.config.model import Configuration
    from bus.suite import SuiteResult

RoutingArgument = Annotated[str | None, typer.Argument(help=say("help-routing"), show_default=False)]


def lint(routing: RoutingArgument = None, named: RoutingOption = None, output: Output = Format.text) -> int:
    """Say everything that is wrong with routing.yaml."""
    gc.disable()  # what is read stays to the end, so that looking for rubbish in it costs a quarter and finds none
    from bus.runtime.files import find, read_configuration

    started = time.perf_counter()
    config, _ = read_configuration(find(routing or named))
    gc.enable()
    errors = len(config.errors)
    if output is Format.json:
        show_json({"findings": findings_json(config.findings), "routes": len(config.routes)})
        return 1 if errors else 0
    show_findings(config.findings)
    seconds = time.perf_counter() - started
    color = "red" if errors else "yellow" if config.findings else "green"
    show(paint(_summary(config, seconds), color))
    return 1 if errors else 0


# What is counted → its sentence for one, and for several.
_COUNTS = {
    "errors": ("count-error", "count-errors"), "warnings": ("count-warning", "count-warnings"),
    "files": ("count-file", "count-files"), "routes": ("count-route", "count-routes"),
}


def _counted(what: str, number: int) -> str:
    return say(_COUNTS[what][number != 1], count=number)


def _summary(config: "Configuration", seconds: float) -> str:
    errors = len(config.errors)
    warnings = len(config.findings) - errors
    counts = {what: _counted(what, number) for what, number in (("errors", errors), ("warnings", warnings)) if number}
    shown = say("count-both", **counts) if len(counts) > 1 else next(iter(counts.values()), say("no-findings"))
    files, routes = _counted("files", len(config.files)), _counted("routes", len(config.routes))
    return say("lint-summary", files=files, routes=routes, counts=shown, seconds=f"{seconds:.2f}")


class _Beside:
    """Files that tests name, relative to the folder of routing.yaml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()


def test(
    routing: RoutingArgument = None,
    named: RoutingOption = None,
    tests: Annotated[str | None, typer.Option("--tests", help=say("help-tests"), show_default=False)] = None,
    cover: Annotated[bool, typer.Option("--cover", help=say("help-cover"))] = False,
    output: Output = Format.text,
) -> int:
    """Run the tests beside routing.yaml."""
    from bus.runtime.files import find, folder_of, usable_configuration
    from bus.suite import run_suite

    path = find(routing or named)
    config, _ = usable_configuration(path)
    folder = folder_of(path)
    file = Path(tests) if tests else folder / "routing_test.yaml"
    shown = str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
    suite = run_suite(_text(file, shown), shown, config, _Beside(folder), datetime.now(UTC))
    live = [route.name for route in config.routes if route.mode == "live"]
    uncovered = [name for name in live if name not in suite.reached] if cover else None
    if output is Format.json:
        show_json(_suite_json(suite, uncovered))
    else:
        _show_suite(suite, shown)
        if uncovered is not None:
            reached = len(live) - len(uncovered)
            show(say("cover-summary" if uncovered else "cover-whole", reached=reached, routes=len(live)))
            for name in uncovered:
                show(f"    {name}")
        failed = bool(suite.failed or suite.errors)
        show(paint(say("test-summary", passed=suite.passed, failed=suite.failed), "red" if failed else "green"))
    return 1 if suite.failed or suite.errors else 0


def _text(file: Path, shown: str) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError("tests-not-found", path=shown) from error
    except OSError as error:
        raise UsageError("file-unreadable", path=shown, reason=why(error)) from error
    except UnicodeDecodeError as error:
        raise UsageError("routing-not-utf8", path=shown, byte=error.start) from error


def _suite_json(suite: "SuiteResult", uncovered: list[str] | None) -> dict[str, object]:
    return {
        "passed": suite.passed,
        "failed": suite.failed,
        "tests": [
            {
                "name": result.name,
                "outcome": result.outcome,
                "differences": [{"path": d.path, "expected": d.expected, "got": d.got} for d in result.differences],
            }
            for result in suite.results
        ],
        **({"findings": findings_json(suite.findings)} if suite.findings else {}),
        **({"uncovered": uncovered} if uncovered is not None else {}),
    }


def _show_suite(suite: "SuiteResult", file: str) -> None:
    show_findings(suite.findings)
    for result in suite.results:
        mark = paint("✘", "red") if result.outcome == "failed" else paint("✔", "green")
        show(f"{mark} {result.name}")
        for difference in result.differences:
            show(f"    {difference.path}  ({file}:{result.line})")
            show(f"      {say('expected')} {difference.expected}")
            show(f"      {say('got')} {difference.got}")

"""`bus doctor`: one screen of what is wrong between here and the broker, and what to do."""

from typing import TYPE_CHECKING

from bus.cli.options import BrokerOption, Format, Output, RoutingOption
from bus.cli.output import padded, paint, show, show_json
from bus.texts import say

if TYPE_CHECKING:  # loaded by the command, not for the list of commands
    from bus.runtime.doctor import Check

MARKS = {True: ("✔", "green"), False: ("✘", "red"), None: ("–", "yellow")}
NAME_WIDTH = 16


def doctor(routing: RoutingOption = None, broker: BrokerOption = "", output: Output = Format.text) -> int:
    """Look at everything."""
    import asyncio

    from bus.runtime.doctor import Check, examine

    async def look() -> list[Check]:
        checks = []
        async for check in examine(routing, broker):
            checks.append(check)
            if output is Format.text:
                _show(check)
        return checks

    checks = asyncio.run(look())
    wrong = [check for check in checks if check.ok is False]
    if output is Format.json:
        show_json({"checks": [
            {"check": c.name, "ok": c.ok, "code": c.code, "message": c.message, "remedy": c.remedy} for c in checks
        ]})
    else:
        summary = say("doctor-summary", count=len(wrong)) if wrong else say("doctor-well")
        show(paint(summary, "red" if wrong else "green"))
    return 3 if any(check.unreachable for check in wrong) else 1 if wrong else 0


def _show(check: "Check") -> None:
    mark, color = MARKS[check.ok]
    show(f"{paint(mark, color)} {padded(check.name, NAME_WIDTH)}  {check.message}")
    if check.remedy:
        show(" " * (NAME_WIDTH + 4) + check.remedy)

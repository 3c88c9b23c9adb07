"""Options that several commands share, in one place so that they read the same everywhere."""

from enum import StrEnum
from typing import Annotated

import typer

from bus.texts import say


class Format(StrEnum):
    """How a result is written."""

    text = "text"
    json = "json"


Output = Annotated[Format, typer.Option("--output", "-o", help=say("help-output"))]
RoutingOption = Annotated[str | None, typer.Option("--routing", help=say("help-routing"), show_default=False)]
BrokerOption = Annotated[
    str, typer.Option("--broker", envvar="BUS_BROKER", help=say("help-broker"), show_default=False, show_envvar=False)
]

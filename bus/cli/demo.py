"""`bus demo`: a purchase order's whole story, for real, in a folder to look into afterwards."""

from pathlib import Path
from typing import Annotated

import typer

from bus.cli.options import BrokerOption
from bus.texts import say


def demo(
    broker: BrokerOption = "",
    folder: Annotated[Path, typer.Option("--folder", help=say("help-demo-folder"))] = Path("demo"),
) -> int:
    """Play the story."""
    from bus.demo.story import play

    return play(folder, broker)

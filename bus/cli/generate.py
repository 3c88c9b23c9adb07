"""`python -m bus.cli.generate` writes the files of the checkout that are made of tables in the code.

A test finds one that is not up to date.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from bus.cli.codes import codes_page
from bus.config.schema import routing_schema
from bus.runtime.files import adapters

ROOT = Path(__file__).parents[2]


def generated() -> Mapping[str, str]:
    """Return each generated file's text by its path from the root."""
    schema = json.dumps(routing_schema(adapters()), ensure_ascii=False, indent=1)
    return {
        "bus/config/routing.schema.json": schema + "\n",
        "docs/codes.md": codes_page("en"),
        "docs/codes.zh-CN.md": codes_page("zh"),
    }


if __name__ == "__main__":
    for name, text in generated().items():
        (ROOT / name).write_text(text, "utf-8")

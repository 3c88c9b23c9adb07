"""routing.yaml with marks: `⟦…⟧` around what must be found says file, line, column and width at once."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from bus.config.load import load
from bus.config.model import Configuration
from bus.places import Finding
from bus.runtime.files import adapters

SYSTEMS = """\
version: 1
systems:
  erp:
    source: {adapter: database, url: "${ERP_DB}", table: bus_outbox}
    sink: {adapter: database, url: "${ERP_DB}"}
  wms:
    source: {adapter: http, path: /in/wms, format: xml, secret: "${WMS_SECRET}"}
    sink: {adapter: http, url: "https://wms.example.com/api"}
  oa:
    source: {adapter: file, folder: in/oa}
    sink: {adapter: file, folder: out/oa, encoding: gb18030}
  scm:
    sink: {adapter: queue}
"""
LOOKUPS = """\
lookups:
  item: lookups/item.csv
  warehouse: lookups/warehouse.csv
  uom: {file: lookups/uom.csv, key: [item, uom]}
"""
FILES = {
    "lookups/item.csv": "bus,erp,wms,oa,scm\nA-100,000104711,SKU-6204,轴承,A100\n",
    "lookups/warehouse.csv": "bus,erp,wms,oa,scm\nWH01,1010,SH-A,上海,W1\nWH02,1020,SH-B,苏州,W2\n",
    "lookups/uom.csv": "item,uom,bus,erp,wms,scm\nA-100,BOX,12,12,10,12\n",
}
ENVIRONMENT = {"ERP_DB": "sqlite:///erp.db", "WMS_SECRET": "whsec_MfKQ9r8GKYqrTwjU"}
_MARK = re.compile("⟦(.*?)⟧")


class Disk:
    """The files beside routing.yaml."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = files

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        body = self.files[path]
        return body.encode() if isinstance(body, str) else body


class Seen(NamedTuple):
    """What a finding says, in a form a test can spell."""

    file: str
    line: int
    column: int
    width: int
    severity: str
    code: str
    hint: str


def indented(text: str, by: int) -> str:
    """Put blanks before each line that holds something."""
    return "".join(" " * by + line if line.strip() else line for line in text.splitlines(keepends=True))


def route(body: str, on: str = "purchase_order.released", to: str = "wms") -> str:
    """A route with this body in a whole routing.yaml."""
    head = f"routes:\n  po-to-wms:\n    on: {on}\n    to: {to}\n"
    return SYSTEMS + LOOKUPS + head + indented(body, 4) + "\n"


def when(condition: str) -> str:
    """A route with this condition."""
    return route(f"when: {condition}\njson: data")


def xml(value: str, key: str = "planQty") -> str:
    """A route that writes one element."""
    return route(f"xml:\n  request:\n    {key}: {value}")


def inbound(mapping: str, head: str = "") -> str:
    """An inbound rule with this map, and a route that takes its event."""
    rule = f"inbound:\n  wms-receipt:\n    from: wms\n{indented(head, 4)}    event: goods_receipt.confirmed\n    id: document.no\n    map:\n"
    taker = "routes:\n  receipt-to-erp:\n    on: goods_receipt.confirmed\n    to: erp\n"
    return SYSTEMS + LOOKUPS + rule + indented(mapping, 6) + "\n" + taker


def system(body: str) -> str:
    """A system called mes with this body, beside the others."""
    return SYSTEMS + "  mes:\n" + indented(body, 4) + "\n"


def sink(options: str) -> str:
    """An HTTP sink with these options."""
    return system(f'sink:\n  adapter: http\n  url: "https://mes.example.com/api"\n{indented(options, 2)}')


def unmarked(text: str, file: str = "routing.yaml") -> tuple[str, list[tuple[str, int, int, int]]]:
    """The text without its marks, and the places they mark: file, line, column, width."""
    places = []
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        while match := _MARK.search(line):
            places.append((file, number, match.start() + 1, len(match[1])))
            line = line[: match.start()] + match[1] + line[match.end() :]  # noqa: PLW2901 - mark by mark
        lines.append(line)
    return "\n".join(lines), places


def lint(
    texts: str | Mapping[str, str], files: Mapping[str, str | bytes] | None = None,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> Configuration:
    """Read a configuration from memory."""
    texts = {"routing.yaml": texts} if isinstance(texts, str) else texts
    return load(texts, Disk({**FILES, **(files or {})}), environment, adapters())


def seen(finding: Finding) -> Seen:
    """What a test compares."""
    place = finding.place
    return Seen(place.file, place.line, place.column, place.width, finding.severity, finding.code, finding.hint)


def assert_found(text: str, *expected: tuple[str, str], severity: str = "error", **given: Any) -> tuple[Finding, ...]:
    """Assert that exactly the marked places are found, in their order, with these codes and remedies."""
    plain, places = unmarked(text)
    assert len(places) == len(expected), "one mark for each mistake"
    wanted = [Seen(*place, severity, code, hint) for place, (code, hint) in zip(places, expected, strict=True)]
    findings = lint(plain, **given).findings
    found = [seen(finding) for finding in findings]
    assert found == wanted, "\n".join(map(str, ["found:", *found, "expected:", *wanted]))
    return findings


class Mistake(NamedTuple):
    """One line of a table of mistakes: the YAML with its mark, the code, the remedy."""

    name: str
    text: str
    code: str
    hint: str


def table(*mistakes: tuple[str, str, str, str]) -> pytest.MarkDecorator:
    """Parametrise a test by mistakes."""
    return pytest.mark.parametrize("mistake", [pytest.param(Mistake(*m), id=m[0]) for m in mistakes])

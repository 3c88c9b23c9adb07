"""A gate's documents, and rules that make events of them."""

from datetime import UTC, datetime
from typing import Any

from bus.errors import BusError
from bus.inbound import Inbound, NewEvent, Outcome

from tests.configuring import usable

NOW = datetime(2025, 1, 19, 8, 30, tzinfo=UTC)
TABLES = {
    "item.csv": "bus,wms,name\nI-1,W1,Bolt\nI-2,W2,Nut\nI-3,,Nail\n",
    "uom.csv": "item,uom,bus,wms\nI-1,BOX,12,10\n",
}
SYSTEMS = """
    version: 1
    systems:
      wms:
        zone: Europe/Berlin
        source: {adapter: http, path: /in, format: json}
        sink: {adapter: http, url: "http://127.0.0.1:1/in"}
      erp: {source: {adapter: queue}}
      oa: {sink: {adapter: file, folder: out, name: "'x.csv'"}}
    lookups:
      item: item.csv
      uom: {file: uom.csv, key: [item, uom]}
    events:
      gate.passed:
        no: text
        count?: integer
        weight?: decimal
        on?: date
        at?: datetime
        ok?: boolean
        lines?: [{item: text, qty: decimal}]
        seals?: [text]
      gate.closed:
        no: text
    routes: {}
    inbound:
"""


def inbound(rules: str) -> Inbound:
    text = SYSTEMS + "\n".join(f"      {line}" for line in rules.strip("\n").splitlines())
    return Inbound(usable(text.replace("    routes: {}\n", ""), TABLES))


def outcome(rules: str, document: Any, system: str = "wms") -> Outcome:
    return inbound(rules).events(system, document, NOW)


def made(rules: str, document: Any) -> list[NewEvent]:
    result = outcome(rules, document)
    assert not result.failures, [str(failed.error) for failed in result.failures]
    return list(result.events)


def failed(rules: str, document: Any) -> BusError:
    result = outcome(rules, document)
    assert len(result.failures) == 1
    return result.failures[0].error


GATE = """
gate:
  from: wms
  event: gate.passed
  id: document.no
  map: {no: document.no}
"""

WIDE = """
gate:
  from: wms
  event: gate.passed
  id: document.no
  map:
    no: document.no
    count?: document.count
    weight?: document.weight
    on?: document.on
    at?: document.at
    ok?: document.ok
    lines?: document.lines
"""

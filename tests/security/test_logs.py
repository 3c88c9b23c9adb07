"""Logs hold ids, codes, and of a value at fault its beginning; never a document: a canary goes every way of failing."""

import json
from pathlib import Path

import pytest

from tests.topology.commands import bus

CANARY = "canary"
LONG = "n" * 200 + CANARY  # where it is at fault itself, a message shows how it begins
ROUTING = """version: 1
systems:
  erp: {source: {adapter: queue}}
  drop: {source: {adapter: file, folder: in, settle: 0s, poll: 100ms, format: json}}
  wms: {sink: {adapter: http, url: "http://127.0.0.1:9/", retry: [10ms]}}
  oa: {sink: {adapter: file, folder: out}}
  fin: {sink: {adapter: database, url: "sqlite:///fin.db", retry: [10ms]}}
lookups: {item: item.csv}
events: {note.written: {note: text, amount?: decimal}}
inbound:
  note: {from: drop, when: document.kind == "note", event: note.written, id: document.no, map: {note: document.note, amount?: decimal(document.amount)}}
routes:
  down: {on: note.written, to: wms, json: data}
  refused: {on: note.written, to: oa, name: event.subject + "/x", json: data}
  unmapped: {on: note.written, to: oa, json: {code: 'lookup("item", event.subject)'}}
  failing: {on: note.written, to: oa, json: {number: decimal(data.note)}}
  no-table: {on: note.written, to: fin, rows: {canaries: {note: data.note}}}
"""
DOCUMENTS = {
    "good.json": {"kind": "note", "no": "N-1", "note": LONG},
    "no-rule.json": {"kind": CANARY, "no": "N-2"},
    "bad-number.json": {"kind": "note", "no": "N-3", "note": CANARY, "amount": LONG},
    "missing.json": {"kind": "note", "note": CANARY},
    "number-for-text.json": {"kind": "note", "no": "N-4", "note": {"text": CANARY}},
}


@pytest.mark.parametrize("level", ["info", "debug"])
def test_no_log_line_holds_what_a_document_says(level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUS_LOG", level)
    Path("routing.yaml").write_text(ROUTING)
    Path("item.csv").write_text("bus,oa\nA,B\n")
    Path("in").mkdir()
    for name, document in DOCUMENTS.items():
        Path("in", name).write_text(json.dumps(document))
    Path("in", "broken.json").write_text('{"kind": "canary"')
    Path("in", "bytes.json").write_bytes(b'{"kind": "canary\xff"}')
    event = {"specversion": "1.0", "type": "note.written", "source": "erp", "id": "E-1", "data": {"note": [CANARY], "more": CANARY}}
    Path("event.json").write_text(json.dumps(event))
    assert bus("publish", "event.json").code == 0
    said = bus("run", "--until-idle", "--log-json")
    assert said.code == 0
    lines = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    assert {line["code"] for line in lines if "code" in line} >= {"unmapped-code", "no-rule"}
    assert CANARY not in said.out + said.err.replace("canaries", "")
    letters = bus("dead", "list", "-o", "json").json["letters"]
    assert len({letter["code"] for letter in letters}) >= 7
    # Whoever may look at letters may look at documents.
    assert any(CANARY in bus("dead", "show", letter["id"]).out for letter in letters)

"""What looks like a mistake and is none: nothing is found."""

from pathlib import Path

import pytest

from bus.runtime.files import read_configuration

from tests.core.linting import ENVIRONMENT, LOOKUPS, SYSTEMS, inbound, lint, route, sink, system, when, xml

ROOT = Path(__file__).parents[2]
RECEIPT = """\
receipt_no: document.no
po_no: document.po
lines:
  for: line in document.lines
  item_code: lookup("item", line.code)
  qty: decimal(line.qty)"""

CLEAN: dict[str, str] = {
    "a text that holds =": when('data.remark == "a = b"'),
    "a text that holds && and ||": when('data.remark == "A && B || C"'),
    "a text that holds AND": when('contains(data.remark, "AND")'),
    "a text that holds ! and ?": when('data.remark != "really!?"'),
    "full-width signs within a text": when('data.remark == "（急）：“明天”，可？"'),
    "full-width signs in a comment": route("json: data   # （急）：“明天”，别忘了！"),
    "full-width signs in a template's text": xml('f"{data.po_no}（新）"'),
    "full-width signs in a description": route("description: 采购订单（急）：发往仓库，“WH01”\njson: data"),
    "a Chinese key and a Chinese let": route("let: {总数: count(data.lines)}\njson: {总数: 总数}"),
    "a key called on": route("json: {on: data.po_no}"),
    "keys called NO, yes and null": route("json: {NO: data.po_no, yes: data.po_no, null: data.po_no}"),
    "a key of digits": route("json: {0012: data.po_no, 1e3: data.po_no}"),
    "a key with a time in it": route("json: {12:30: data.po_no}"),
    "a field called for": route('json: {"=for": data.po_no, "=if": data.po_no, "=let": data.po_no}'),
    "an element called for": route('xml:\n  order:\n    "=for": data.po_no'),
    "0012 quoted twice": xml("\"'0012'\""),
    "12:30 and NO quoted twice": route("json: {at: \"'12:30'\", flag: \"'NO'\", kind: \"'1e3'\"}"),
    "plain numbers": route("json: {a: 0, b: 30, c: 12.50, d: -1, e: 0.5}"),
    "true, false and null": route("json: {a: true, b: false, c?: null}"),
    "12:30 as an option's value": system('sink: {adapter: file, folder: "out/12:30"}'),
    "NO and 0012 as options' values": system("source: {adapter: database, url: \"sqlite:///m.db\", table: NO, statuses: {new: 0012, done: on}}"),
    "a URL with a port": sink("success: response.code == \"0\"").replace("mes.example.com/api", "mes.example.com:8443/api"),
    "a variable with a default": system('sink: {adapter: http, url: "${MES_URL:-http://127.0.0.1:8090/api}"}'),
    "a variable with an empty default": system('source: {adapter: http, path: /in/mes, secret: "${MES_SECRET:-}"}'),
    "a number from the environment": sink("concurrency: ${WORKERS:-4}\ntimeout: ${TIMEOUT:-5s}\nretry: [\"${FIRST:-5s}\", 30s]"),
    "a secret from the environment": sink('headers: {Authorization: "Bearer ${WMS_SECRET}"}'),
    "a header that is no secret": sink("headers: {Content-Language: zh-CN}"),
    "one retry alone": sink("retry: 5s"),
    "every duration": sink("retry: [500ms, 5s, 30m, 1h, 2d]"),
    "expressions in success and failures": sink(
        'success: response.flag == "success" and response.code != "1"\n'
        'failures:\n  - {when: \'response.code in ["S003", "S004"]\', do: done}\n  - {when: response.status == 409, do: done}'),
    "a loop's name again in a loop beside it": route(
        "json:\n  a:\n    for: line in data.lines\n    sku: line.item_code\n  b:\n    for: line in data.lines\n    qty: line.qty"),
    "a loop's name again in another route": route("json: {n: sum(line.qty for line in data.lines)}")
    + "  b:\n    on: purchase_order.released\n    to: scm\n    json:\n      lines:\n        for: line in data.lines\n        qty: line.qty\n",
    "a counter called n": route("json:\n  lines:\n    for: n, line in data.lines\n    no: n\n    y: n * 10"),
    "a let called like a function": route("let: {count: count(data.lines)}\njson: {count: count}"),
    "a loop within a loop": route(
        'json:\n  items:\n    for: g in group(data.lines, "item_code")\n    item: g.item_code\n    total: sum(l.qty for l in g.rows)'),
    "fields that are words of Python": inbound("receipt_no: document.from\npo_no: document.class\n" + RECEIPT.split("\n", 2)[2]),
    "a field in brackets": inbound('receipt_no: document["入库单号（新）"]\npo_no: document["po-no"]\n' + RECEIPT.split("\n", 2)[2]),
    "a difference with blanks": route("json:\n  n: data.lines[0].qty - count(data.lines)"),
    "route names that begin alike": SYSTEMS + "routes:\n  po-to-wms: {on: purchase_order.released, to: wms}\n"
    "  po-to-wms-2: {on: purchase_order.released, to: wms}\n  po: {on: purchase_order.released, to: wms}\n",
    "two formats in two routes": route("json: data") + "  b: {on: purchase_order.released, to: oa, text: data.po_no}\n",
    "an optional field with ?": route("json: {remark?: data.remark}"),
    "an optional field with default": route('json:\n  remark: default(data.remark, "-")'),
    "an optional field behind has()": route("when: has(data.remark)\njson: {remark: data.remark}"),
    "an optional field behind a comparison": route('when: data.warehouse in ["WH01"]\njson: {wh: data.warehouse}'),
    "an optional field behind if": route("json:\n  note:\n    if: data.remark != null\n    text: data.remark"),
    "an optional field in a choice": route('json: {note: data.remark if has(data.remark) else "-"}'),
    "!= in a condition": when('data.warehouse != "WH01"'),
    "== null and == None": when("data.remark == null or data.due_date == None"),
    "a comparison in a row": when("0 < data.lines[0].qty <= 100"),
    "a comparison with = within a text of a call": when('match(data.po_no, "^a=b$")'),
    "by= and to= and default=": xml('lookup("item", data.po_no, by="bus", to="wms", default="-")'),
    "a lookup of several codes": xml('lookup("uom", [data.po_no, data.po_no])'),
    "true and True": when("true and True and not False"),
    "a table written out": xml("'{\"WH01\": \"A\", \"WH02\": \"B\"}[default(data.warehouse, \"WH01\")]'", "wh?"),
    "quotes of both kinds": xml("""'"it''s " + data.po_no'"""),
    "a blank and # within quotes": xml("'data.po_no + \" #1\"'"),
    "a colon and a blank within quotes": xml("'data.po_no + \": \" + data.po_no'"),
    "a slice": xml("'data.po_no[0:3]'"),
    "several lines": route("when: >-\n  data.warehouse == \"WH01\"\n  and has(data.remark)\njson: data"),
    "an expression in a block": route("text: |\n  data.po_no + \";\"\n  + data.po_no"),
    "comments everywhere": route("# the warehouse\njson:   # as JSON\n  po: data.po_no   # number\n  # the end"),
    "a whole document from an expression": route("xml: data.lines[0]"),
    "declared prefixes": route("xml:\n  p:order:\n    \"@xmlns:p\": \"'urn:x'\"\n    \"@xml:lang\": \"'zh'\"\n    p:no: data.po_no"),
    "the text of an element with attributes": route('xml:\n  order:\n    qty:\n      "@unit": "\'EA\'"\n      "#text": count(data.lines)'),
    "a JSON key with @": route('json: {"@context": "\'https://schema.org\'"}'),
    "fixed columns of every kind": route('fixed:\n  for: line in data.lines\n  item: {value: line.item_code, width: 10}\n'
                                         '  qty: {value: line.qty, width: 8, align: right, fill: "0"}'),
    "options of CSV": route('csv: {a: data.po_no}\noptions: {header: false, delimiter: ";", quote: "\'", formulas: keep}'),
    "rows of two tables": route("rows:\n  head: {po_no: data.po_no}\n  line:\n    for: line in data.lines\n    qty: line.qty", to="erp"),
    "an event of one's own": SYSTEMS + "events:\n  gate_pass.issued:\n    pass_no: text\n    vehicle?: text\n"
    "    lines: [{item_code: text, qty: decimal, due?: date}]\nroutes:\n  a: {on: gate_pass.issued, to: wms, json: {no: data.pass_no, first: 'data.lines[0].qty'}}\n",
    "a field of one's own in a shipped event": SYSTEMS + "events:\n  purchase_order.released:\n    cost_center?: text\n    lines: [{bin?: text}]\n"
    "routes:\n  a: {on: purchase_order.released, to: wms, json: {cc?: data.cost_center, bin?: 'data.lines[0].bin'}}\n",
    "a pattern of event types": route("json: {po: data.po_no}", on="purchase_order.*"),
    "a text that is a number or a date in a map": inbound(RECEIPT.replace("decimal(line.qty)", "line.qty")),
    "an event nobody takes that is switched off by nobody": inbound(RECEIPT) + "  b: {on: goods_receipt.confirmed, to: oa, mode: shadow}\n",
    "a BOM and Windows line ends": "\ufeff" + route("json: data").replace("\n", "\r\n"),
    "sections with nothing in them": SYSTEMS + LOOKUPS + "events:\ninbound:\nroutes:\n",
}


@pytest.mark.parametrize("name", CLEAN)
def test_what_only_looks_like_a_mistake_is_left_alone(name: str) -> None:
    findings = lint(CLEAN[name]).findings
    assert findings == (), "\n".join(f"{f.place} {f.code} {f.message}" for f in findings)


def test_the_shipped_configuration_is_clean() -> None:
    config, _ = read_configuration(ROOT / "routing.yaml", {})
    assert config.findings == ()


def test_a_lookup_saved_by_excel_is_read_as_it_is() -> None:
    files: dict[str, str | bytes] = {
        "lookups/item.csv": "\ufeffbus;wms\r\nA-100;0012\r\n".encode(),
        "lookups/gbk.csv": "bus,wms\r\n轴承,SKU\r\n".encode("gbk"),
    }
    text = (SYSTEMS + "lookups:\n  item: lookups/item.csv\n  names: {file: lookups/gbk.csv, encoding: gbk}\n"
            "routes:\n  a: {on: purchase_order.released, to: wms, json: {i: 'lookup(\"item\", data.po_no)', n: 'lookup(\"names\", data.po_no)'}}\n")
    assert lint(text, files, ENVIRONMENT).findings == ()

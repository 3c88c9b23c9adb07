"""The tests beside routing.yaml: what passes, and every difference told with path, expected and got."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from bus.suite import Difference, SuiteResult, run_suite

from tests.core.linting import LOOKUPS, SYSTEMS, Disk, indented, lint, seen, unmarked

NOW = datetime(2026, 12, 8, 9, 30, tzinfo=UTC)
ROUTES = """\
inbound:
  wms-receipt:
    from: wms
    when: document.receipt.status == "FULL"
    event: goods_receipt.confirmed
    id: document.receipt.no
    subject: document.receipt.po
    map:
      receipt_no: document.receipt.no
      po_no: document.receipt.po
      final: document.receipt.status == "FULL"
      lines:
        for: line in document.receipt.line
        item_code: lookup("item", line.item)
        qty: decimal(line.qty)
routes:
  po-to-wms:
    on: purchase_order.released
    when: data.warehouse in ["WH01", "WH02"]
    to: wms
    xml:
      request:
        code: data.po_no
        line:
          for: line in data.lines
          item: lookup("item", line.item_code)
          qty: round(line.qty, 0)
  po-to-scm:
    on: purchase_order.released
    to: scm
    json:
      order: data.po_no
      remark?: data.remark
      lines:
        for: line in data.lines
        qty: line.qty
        urgent: line.qty > 100
  po-per-line:
    on: purchase_order.released
    for: line in data.lines
    if: line.qty > 100
    to: oa
    fixed:
      item: {value: line.item_code, width: 8}
      qty: {value: line.qty, width: 6, align: right}
  po-shadow: {on: purchase_order.released, to: scm, mode: shadow}
  receipt-to-erp:
    on: goods_receipt.confirmed
    to: erp
    rows:
      receipt: {no: data.receipt_no}
      receipt_line:
        for: line in data.lines
        qty: line.qty
"""
SINK = """\
    sink:
      adapter: http
      url: "https://wms.example.com/api"
      success: response.flag == "success"
      failures:
        - {when: response.code == "S003", do: done}
        - {when: response.code == "S001", do: retry}
        - {when: response.code == "B017", do: park}
        - {when: decimal(response.code) > 9000, do: park}
"""
ERP = '    sink: {adapter: http, url: "https://wms.example.com/api"}\n'
CONFIG = lint(SYSTEMS.replace(ERP, SINK) + LOOKUPS + ROUTES)
EVENT = """\
event:
  type: purchase_order.released
  source: erp
  data: {po_no: PO-1, warehouse: WH01, lines: [{item_code: A-100, qty: 12.50}]}
"""
RECEIVED = (
    "from: wms\ndocument: receipt.xml\n"
    "events: [{type: goods_receipt.confirmed, subject: PO-1, id: R1, source: wms, 'data.lines[0].qty': \"12.5\"}]\n"
)
INLINE = """\
from: wms
document: |
  <receipt><no>R1</no><po>P</po>
  <status>FULL</status><line><item>SKU-6204</item><qty>1</qty></line></receipt>
"""
FILES: Mapping[str, str] = {
    "po.json": '{"specversion": "1.0", "type": "purchase_order.released", "source": "erp", "id": "PO-1-v1", '
    '"data": {"po_no": "PO-1", "lines": [{"item_code": "A-100", "qty": 12.5}]}}',
    "receipt.xml": "<receipt><no>R1</no><po>PO-1</po><status>FULL</status><line><item>SKU-6204</item><qty>12.5</qty></line></receipt>",
    "open.xml": "<receipt><no>R1</no><po>PO-1</po><status>OPEN</status></receipt>",
    "broken.xml": "<receipt><no>R1",
}


def run(*tests: str) -> SuiteResult:
    """Run tests written as the mapping below a `-`."""
    text = "tests:\n" + "".join("  - name: a test\n" + indented(test, 4) + "\n" for test in tests)
    return run_suite(text, "routing_test.yaml", CONFIG, Disk(FILES), NOW)


def differences(test: str) -> list[tuple[str, str, str]]:
    """Run one test and return its differences."""
    suite = run(test)
    (result,) = suite.results
    assert suite.findings == []
    return [(d.path, d.expected, d.got) for d in result.differences]


def test_the_configuration_of_these_tests_has_no_errors() -> None:
    assert CONFIG.errors == ()


@pytest.mark.parametrize(
    "test",
    [
        "event: po.json\ndeliveries: {po-to-scm: {order: PO-1}}",
        EVENT + "deliveries: {po-to-wms: {request.code: PO-1}, po-to-scm: {order: PO-1}}",
        EVENT + "deliveries:\n  po-to-wms:\n    request:\n      code: PO-1\n      line:\n        - {item: SKU-6204, qty: \"13\"}\n  po-to-scm:\n    lines: [{qty: 12.5}]",
        EVENT + 'deliveries: {po-to-wms: {"request.line[0].qty": 13}, po-to-scm: {"lines[0].qty": 12.50, "lines[0].urgent": false, remark: null}}'
        .replace("13}", '"13"}'),
        EVENT + "deliveries: [po-to-wms, po-to-scm]",
        "event: po.json\ndeliveries:\n  po-to-scm:",
        RECEIVED + "deliveries: {receipt-to-erp: {'receipt_line[0].qty': 12.5, 'receipt[0].no': R1}}",
        "from: wms\ndocument: receipt.xml\nevents: {type: goods_receipt.confirmed, data.final: true, data: {po_no: PO-1, lines: [{item_code: A-100}]}}",
        INLINE + "deliveries: {receipt-to-erp: {}}",
        "from: wms\ndocument: <receipt><status>OPEN</status></receipt>\nevents: []\ndeliveries: {}",
        "from: wms\ndocument: open.xml\nevents: []",
        EVENT.replace("12.50", "120") + "deliveries: {po-to-wms: {}, po-to-scm: {}, po-per-line: {'rows[0].item': A-100, 'rows[0].qty': \"120\"}}",
        EVENT.replace("{item_code: A-100, qty: 12.50}", "{item_code: A-100, qty: 200}, {item_code: A-100, qty: 300}")
        + "deliveries: {po-to-wms: {}, po-to-scm: {}, po-per-line: [{'rows[0].qty': \"200\"}, {'rows[0].qty': \"300\"}]}",
    ],
)
def test_what_is_as_expected_passes(test: str) -> None:
    suite = run(test)
    assert suite.findings == []
    assert suite.results[0].differences == ()
    assert (suite.passed, suite.failed, suite.results[0].outcome) == (1, 0, "passed")


@pytest.mark.parametrize(
    ("test", "path", "expected", "got"),
    [
        (EVENT + "deliveries: {po-to-wms: {request.code: PO-2}, po-to-scm: {}}", "deliveries.po-to-wms.request.code", "PO-2", "PO-1"),
        (EVENT + "deliveries: {po-to-wms: {request.kode: PO-1}, po-to-scm: {}}", "deliveries.po-to-wms.request.kode", "PO-1", "–"),
        (EVENT + "deliveries: {po-to-wms: {'request.line[1].qty': \"1\"}, po-to-scm: {}}", "deliveries.po-to-wms.request.line[1].qty", "1", "–"),
        (EVENT + "deliveries: {po-to-wms: {}, po-to-scm: {order: null}}", "deliveries.po-to-scm.order", "null", "PO-1"),
        (EVENT + "deliveries: {po-to-wms: {}, po-to-scm: {lines: none}}", "deliveries.po-to-scm.lines", "none", '[{"qty":12.50,"urgent":false}]'),
        (EVENT + "deliveries: {po-to-wms: {}, po-to-scm: {'lines[0].qty': \"12.5\"}}", "deliveries.po-to-scm.lines[0].qty", "12.5", "12.50"),
        (EVENT + "deliveries: {po-to-wms: {}, po-to-scm: {'lines[0].urgent': \"yes\"}}", "deliveries.po-to-scm.lines[0].urgent", "yes", "false"),
        (EVENT + "deliveries: {po-to-scm: {}}", "deliveries.po-to-wms", "–", "delivers"),
        (EVENT + "deliveries: {}", "deliveries.po-to-wms", "–", "delivers"),
        ("event: po.json\ndeliveries: {po-to-wms: {}, po-to-scm: {}}", "deliveries.po-to-wms", "delivers", "–"),
        ("event: po.json\ndeliveries: {po-shadow: {}, po-to-scm: {}}", "deliveries.po-shadow", "delivers", "–"),
        (EVENT.replace("12.50", "120") + "deliveries: {po-to-wms: {}, po-to-scm: {}, po-per-line: []}", "deliveries.po-per-line", "0", "1"),
        ("event: missing.json", "event", "missing.json", "No such file or directory"),
        ("from: wms\ndocument: missing.xml", "document", "missing.xml", "No such file or directory"),
        ("from: wms\ndocument: receipt.xml\nevents: [{type: goods_receipt.rejected}]", "events[0].type", "goods_receipt.rejected", "goods_receipt.confirmed"),
        ("from: wms\ndocument: receipt.xml\nevents: []", "events", "0", "1: goods_receipt.confirmed"),
        ("from: wms\ndocument: receipt.xml\nevents: [{data.po_no: PO-2}]", "events[0].data.po_no", "PO-2", "PO-1"),
        ("from: wms\ndocument: receipt.xml\nevents: [{'data..po_no': PO-2}]", "events[0].data..po_no", "PO-2",
         "'data..po_no' is no path: column 5 does not fit"),
    ],
)
def test_a_difference_is_told_with_path_expected_and_got(test: str, path: str, expected: str, got: str) -> None:
    found = differences(test)
    assert (path, expected) in [one[:2] for one in found]
    assert got in next(one[2] for one in found if one[0] == path)


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        ("{flag: success}", "done"), ("{flag: failure, code: S003}", "done"), ("{flag: failure, code: S001}", "retry"),
        ("{flag: failure, code: B017}", "park"), ("{flag: failure, code: \"9001\"}", "park"), ("{flag: failure, code: \"17\"}", "dead"),
        ("503", "retry"), ("429", "retry"), ("404", "dead"), ("{code: unclear}", "park"),
    ],
)
def test_a_response_is_judged_as_the_sink_would(response: str, outcome: str) -> None:
    deliveries = f"deliveries: {{po-to-wms: {{outcome: {outcome}, request.code: PO-1}}, po-to-scm: {{}}}}"
    assert differences(f"{EVENT}response: {response}\n{deliveries}") == []
    other = "dead" if outcome == "done" else "done"
    ((path, expected, got),) = differences(f"{EVENT}response: {response}\n{deliveries.replace(outcome, other)}")
    assert (path, expected, got.split()[0]) == ("deliveries.po-to-wms.outcome", other, outcome)


def test_without_a_response_a_delivery_is_done() -> None:
    assert differences(EVENT + "deliveries: {po-to-wms: {outcome: done}, po-to-scm: {outcome: done}}") == []


def test_an_unmapped_code_parks_the_delivery_and_says_where() -> None:
    new = EVENT.replace("A-100", "NEW")
    assert differences(new + "deliveries: {po-to-wms: {outcome: park}, po-to-scm: {}}") == []
    ((path, expected, got),) = differences(new + "deliveries: {po-to-wms: {}, po-to-scm: {}}")
    assert (path, expected) == ("deliveries.po-to-wms", "done")
    assert "request.line[0].item: unmapped code" in got
    assert "routing.yaml:" in got
    assert 'lookup("item", line.item_code)' in got


def test_a_mapping_that_fails_is_a_dead_letter() -> None:
    empty = EVENT.replace("po_no: PO-1", 'po_no: ""')
    assert differences(empty + "deliveries: {po-to-wms: {outcome: dead}, po-to-scm: {outcome: dead}}") == []


@pytest.mark.parametrize(
    ("test", "path", "word"),
    [
        ("from: wms\ndocument: broken.xml", "document", "XML"),
        ("from: wms\ndocument: open.xml", "document", "rule"),
        ("document: receipt.xml", "document", "document"),
        ("event: receipt.xml", "event", "document"),
        ("event: [purchase_order.released]", "event", "document"),
        ("event: {type: purchase_order.relesed, data: {}}", "event", "purchase_order.relesed"),
        ("event: {type: purchase_order.released, data: {po_no: 5}}", "event", "po_no"),
        ("from: wms\ndocument: <receipt><status>FULL</status></receipt>\nevents: []", "inbound.wms-receipt", "no no below receipt"),
    ],
)
def test_what_cannot_be_read_or_used_is_a_difference_and_no_traceback(test: str, path: str, word: str) -> None:
    found = differences(test)
    assert path in [one[0] for one in found]
    assert word in " ".join(one[2] for one in found)


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("tests:\n  - {⟦nam⟧: a, event: po.json}", "unknown-key", "did you mean name?"),
        ("tests:\n  - {name: a, from: ⟦wmss⟧, document: receipt.xml}", "system-unknown", "did you mean wms?"),
        ("tests:\n  - {name: a, event: po.json, deliveries: {⟦po-to-smc⟧: {}}}", "route-unknown", "did you mean po-to-scm?"),
        ("tests:\n  - {name: a, event: po.json, deliveries: {po-to-scm: {outcome: ⟦parked⟧}}}", "unknown-choice", "did you mean park?"),
        ("tests:\n  - {name: a, event: po.json, deliveries: ⟦po-to-scm⟧}", "mapping-needed", "write there: po-to-wms: {…}"),
        ("⟦test⟧:\n  - {name: a, event: po.json}", "unknown-key", "did you mean tests?"),
        ("⟦tests⟧: {name: a}", "tests-missing", "write tests: and a list below it"),
    ],
)
def test_a_mistake_in_the_tests_themselves_is_found_at_its_place(text: str, code: str, hint: str) -> None:
    plain, (place,) = unmarked(text, "routing_test.yaml")
    suite = run_suite(plain, "routing_test.yaml", CONFIG, Disk(FILES), NOW)
    (finding,) = suite.findings
    assert seen(finding)[4:] == ("error", code, hint)
    assert code == "tests-missing" or seen(finding)[:4] == place


def test_a_test_without_a_document_or_with_nothing_says_so() -> None:
    suite = run("deliveries: {}")
    assert [finding.code for finding in suite.findings] == ["key-missing"]
    assert suite.results[0].differences == (Difference("event", "event / document", "–"),)
    suite = run_suite("tests: [just a text]", "routing_test.yaml", CONFIG, Disk(FILES), NOW)
    assert [finding.code for finding in suite.findings] == ["mapping-needed"]
    assert suite.results == []


def test_the_routes_that_a_test_reaches_are_named_whether_it_looks_at_them_or_not() -> None:
    assert run(EVENT, "from: wms\ndocument: receipt.xml").reached == {"po-to-wms", "po-to-scm", "receipt-to-erp"}


def test_a_result_names_its_line() -> None:
    assert [result.line for result in run("event: po.json", "event: po.json").results] == [2, 4]


PARKED = "<receipt><no>R-7</no><po>P</po><status>FULL</status><line><item>NEW</item><qty>1</qty></line></receipt>"


@pytest.mark.parametrize(
    ("test", "got"),
    [
        (f"from: wms\ndocument: '{PARKED}'\noutcome: park", ""),
        (f"from: wms\ndocument: '{PARKED}'\noutcome: dead", "unmapped code 'NEW'"),
        (f"from: wms\ndocument: '{PARKED.replace('<no>R-7</no>', '')}'\noutcome: dead", ""),
        ("from: wms\ndocument: '<receipt><no>1</receipt>'\noutcome: dead", ""),
        ("from: wms\ndocument: '<receipt><status>OPEN</status></receipt>'\noutcome: park\nevents: []", ""),
        ("from: wms\ndocument: receipt.xml\noutcome: done", ""),
        ("from: wms\ndocument: receipt.xml\noutcome: park", "done"),
        ("event: {type: purchase_order.released, data: {po_no: 5}}\noutcome: dead", ""),
    ],
)
def test_a_test_says_what_becomes_of_the_document_itself(test: str, got: str) -> None:
    suite = run(test)
    assert suite.findings == []
    assert [(one.path, got in one.got) for one in suite.results[0].differences] == ([("outcome", True)] if got else [])


def test_a_test_with_a_key_nobody_knows_has_not_passed() -> None:
    suite = run("event: po.json\ndelivery: {po-to-scm: {}}")
    assert [finding.code for finding in suite.errors] == ["unknown-key"]
    assert (suite.passed, suite.failed, suite.results[0].outcome) == (0, 1, "failed")


def test_a_test_that_expects_nothing_is_told_and_passes() -> None:
    suite = run("event: po.json")
    assert [(finding.severity, finding.code) for finding in suite.findings] == [("warning", "test-expects-nothing")]
    assert (suite.passed, suite.errors) == (1, [])


def test_a_path_that_leads_nowhere_is_told_what_is_there() -> None:
    found = differences('event: po.json\ndeliveries: {po-to-scm: {ordr: PO-1, "lines[7].qty": "1", order.no: "1"}}')
    assert [one[2] for one in found if one[0].startswith("deliveries.po-to-scm")] == [
        "–   there is: order, lines", "–   lines has: [0]", "–   order has: –",
    ]


def test_a_list_emptied_by_a_misspelt_path_is_a_warning_once_for_all_tests() -> None:
    routes = ROUTES.replace("in document.receipt.line", "in document.receipt.lien")
    config = lint(SYSTEMS.replace(ERP, SINK) + LOOKUPS + routes)
    tests = "".join(f"  - {{name: {n}, from: wms, document: receipt.xml, outcome: done}}\n" for n in "ab")
    suite = run_suite(f"tests:\n{tests}", "routing_test.yaml", config, Disk(FILES), NOW)
    assert [(finding.severity, finding.code) for finding in suite.findings] == [("warning", "rounds-misspelt")]
    assert suite.passed == 2

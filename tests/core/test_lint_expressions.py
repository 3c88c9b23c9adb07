"""What the architect types wrong within expressions is found at its column, with what to write instead."""

from tests.core.linting import Mistake, assert_found, inbound, lint, route, sink, table, when, xml

WIDE = "switch the keyboard to English and write "
QUOTE = "put the whole expression in single quotes: "
TWICE = "a text is quoted twice, YAML takes one pair: \"'{}'\""
LINES = "json:\n  lines:\n    for: line in data.lines\n    qty: "

FIELDS = table(
    ("in a condition", when('⟦data.warehose⟧ in ["WH01", "WH02"]'), "unknown-field", "did you mean data.warehouse?"),
    ("below a field", when('⟦data.supplier.cod⟧ == "X"'), "unknown-field", "did you mean data.supplier.code?"),
    ("of a line", route(LINES + "⟦line.qyt⟧"), "unknown-field", "did you mean line.qty?"),
    ("in a loop", route("csv:\n  for: line in ⟦data.line⟧\n  物料: line.item_code"), "unknown-field", "did you mean data.lines?"),
    ("in a let", route("let:\n  total: sum(line.qty for line in ⟦data.lins⟧)\njson: {total: total}"), "unknown-field",
     "did you mean data.lines?"),
    ("in an if", route("json:\n  lines:\n    for: line in data.lines\n    if: ⟦line.uon⟧ == \"EA\"\n    sku: line.item_code"), "unknown-field",
     "did you mean line.uom?"),
    ("inside a template", xml('f"{⟦data.po_n⟧}-1"'), "unknown-field", "did you mean data.po_no?"),
    ("in rows", route("rows:\n  bus_order: {po_no: ⟦data.pono⟧}", to="erp"), "unknown-field", "did you mean data.po_no?"),
    ("in fixed columns", route("fixed:\n  po: {value: ⟦data.pono⟧, width: 20}"), "unknown-field", "did you mean data.po_no?"),
    ("in a file's name", route("name: '⟦data.pono⟧ + \".csv\"'\ncsv: {po: data.po_no}", to="oa"), "unknown-field", "did you mean data.po_no?"),
    ("in a header", route("headers: {X-Order: ⟦data.pono⟧}\njson: data"), "unknown-field", "did you mean data.po_no?"),
    ("in a reply", route("json: data\nthen:\n  event: inbound_order.accepted\n  map: {po_no: ⟦data.pono⟧}")
     + "  accepted-to-erp: {on: inbound_order.accepted, to: erp}\n", "unknown-field", "did you mean data.po_no?"),
    ("that a group is made by", route('csv:\n  for: g in group(data.lines, ⟦"item_cod"⟧)\n  物料: g.item_code'), "unknown-field",
     "did you mean item_code?"),
    ("of another event", when('⟦data.receipt_no⟧ == "R1"'), "unknown-field",
     "it is a field of goods_receipt.accepted, goods_receipt.confirmed, goods_receipt.posted, …; one of your own is declared under events:"),
    ("nobody has", when('⟦data.colour⟧ == "red"'), "unknown-field",
     "`bus schema purchase_order.released` lists the fields; one of your own is declared under events:"),
    ("of the event itself", when('⟦event.tpye⟧ == "x"'), "unknown-field", "did you mean event.type?"),
    ("of data behind the event", when('⟦event.data⟧.po_no == "x"'), "unknown-field", "did you mean data?"),
    ("of a list", when("⟦data.lines.qty⟧ > 5"), "list-has-no-field", "write any(line.qty > 5 for line in data.lines)"),
    ("of a text", when('⟦data.po_no.number⟧ == "1"'), "value-has-no-field", "leave .number out"),
    ("with a hyphen", inbound("receipt_no: ⟦document.receipt-no⟧\npo_no: document.po\nlines:\n  for: line in document.lines\n"
                              "  item_code: line.code\n  qty: line.qty"), "field-quoted", 'write document["receipt-no"]'),
    ("with Chinese brackets", inbound("receipt_no: ⟦document.单号（新）⟧\npo_no: document.po\nlines:\n  for: line in document.lines\n"
                                      "  item_code: line.code\n  qty: line.qty"), "field-quoted", 'write document["单号（新）"]'),
)

NAMES = table(
    ("a bare code", when("data.warehouse == ⟦WH01⟧"), "name-unknown", 'a text is written in quotes: "WH01"'),
    ("a bare word as a leaf", xml("⟦CGRK⟧", "entryOrderType"), "name-unknown", TWICE.format("CGRK")),
    ("a bare Chinese word", xml("⟦采购入库⟧", "entryOrderType"), "name-unknown", TWICE.format("采购入库")),
    ("a bare word in a success", sink("success: response.flag == ⟦ok⟧"), "name-unknown", 'a text is written in quotes: "ok"'),
    ("a field without data", when('⟦warehouse⟧ == "WH01"'), "name-is-field", "did you mean data.warehouse?"),
    ("a field without its loop", route("json:\n  lines:\n    for: line in data.lines\n    数量: ⟦qty⟧"), "name-is-field",
     "did you mean line.qty?"),
    ("a name mistyped", when('⟦dta⟧.warehouse == "WH01"'), "name-unknown-near", 'did you mean data? a text is written in quotes: "dta.warehouse"'),
    ("document in a route", xml("⟦document⟧.po_no"), "name-unknown", "document is known in inbound: only; here write data"),
    ("data in a rule", inbound("receipt_no: ⟦data⟧.no\npo_no: document.po\nlines:\n  for: line in document.lines\n"
                               "  item_code: line.code\n  qty: line.qty"), "name-unknown", "data is known in routes: only; here write document"),
    ("response before the delivery", xml("⟦response⟧.key"), "name-unknown", "response is known in success, failures, then and otherwise only"),
    ("failure before the delivery", xml("⟦failure⟧.code"), "name-unknown", "failure is known in otherwise, success and failures only"),
    ("a let in when", route("when: ⟦total⟧ > 5\nlet: {total: count(data.lines)}\njson: {total: total}"), "name-unknown",
     "let is computed after when: write its expression here"),
    ("a loop's name outside", route("json:\n  first: ⟦line⟧.qty\n  lines:\n    for: line in data.lines\n    qty: line.qty"), "name-unknown",
     "line is known below its for: only"),
    ("a loop that covers a let", route("let: {line: data.po_no}\njson:\n  lines:\n    for: ⟦line⟧ in data.lines\n    qty: line.qty"), "name-covered",
     "choose another name"),
    ("a loop that covers data", route("json:\n  lines:\n    for: ⟦data⟧ in data.lines\n    qty: data.qty"), "name-covered", "choose another name"),
    ("a loop within one of its name", route(LINES + "sum(line.qty for ⟦line⟧ in data.lines)"), "name-covered", "choose another name"),
    ("a let that covers a let", route("let:\n  po: data.po_no\njson:\n  let: {⟦po⟧: data.po_no}\n  no: po"), "name-covered", "choose another name"),
)

SIGNS = table(
    ("=", when('data.warehouse ⟦=⟧ "WH01"'), "wrong-sign", "write =="),
    ("= in failures", sink('failures: [{when: response.code ⟦=⟧ "S003", do: done}]'), "wrong-sign", "write =="),
    ("= inside a template", xml('f"{\'A\' if data.version ⟦=⟧ 1 else \'B\'}"'), "wrong-sign", "write =="),
    ("&&", when('data.warehouse == "WH01" ⟦&&⟧ has(data.remark)'), "wrong-sign", "write and"),
    ("||", when('data.warehouse == "WH01" ⟦||⟧ has(data.remark)'), "wrong-sign", "write or"),
    ("<>", when('data.warehouse ⟦<>⟧ "WH01"'), "wrong-sign", "write !="),
    ("AND", when('data.warehouse == "WH01" ⟦AND⟧ has(data.remark)'), "wrong-word", "write and, in small letters"),
    ("Or", when('data.warehouse == "WH01" ⟦Or⟧ has(data.remark)'), "wrong-word", "write or, in small letters"),
    ("NOT", when("⟦NOT⟧ has(data.remark)"), "wrong-word", "write not, in small letters"),
    ("!x", when("⟦!⟧has(data.remark)"), "wrong-sign", "write not"),
    ("!x within", when('data.warehouse == "WH01" and ⟦!⟧has(data.remark)'), "wrong-sign", "write not"),
    ("a ? b : c", xml("data.warehouse == 'WH01' ⟦?⟧ 'A' : 'B'"), "wrong-sign", "write x if condition else y"),
    ("a ? b : c in quotes", xml("'data.warehouse == \"WH01\" ⟦?⟧ \"A\" : \"B\"'"), "wrong-sign", "write x if condition else y"),
    ("& between texts", xml('data.po_no ⟦&⟧ "-1"'), "wrong-sign", "write +"),
    ("between", when("data.lines[0].qty ⟦between⟧ 1 and 5"), "foreign-word", "write a <= x <= b"),
    ("like", when('data.po_no ⟦like⟧ "PO%"'), "foreign-word", 'write match(x, "pattern")'),
    ("words of Chinese", when('data.lines[0].qty ⟦大于⟧ 5'), "foreign-word", "write >"),
    ("is null", when("⟦data.remark is null⟧"), "is-not-equals", "write == null or != null; for empty texts too: not has(x)"),
    ("two values side by side", xml('data.po_no ⟦"-1"⟧'), "operator-missing", "texts join with +, conditions with and, or"),
    ("a bracket that stays open", when('⟦(⟧data.warehouse == "WH01" or has(data.remark)'), "bracket-open", "add the closing bracket"),
    ("a bracket too many", when('data.warehouse == "WH01"⟦)⟧'), "bracket-extra", "leave it out or open it before"),
    ("a quote that stays open", when('data.warehouse == ⟦"WH01⟧'), "text-not-closed", 'close it with "'),
    ("the end is missing", when('data.warehouse ⟦==⟧').replace("⟦==⟧", "=⟦=⟧"), "expression-unfinished", "a value is missing at the end"),
    ("full-width brackets", xml("round⟦（⟧data.lines[0].qty， 0）"), "full-width", WIDE + "( , )"),
    ("full-width comma", xml("round(data.lines[0].qty⟦，⟧ 0)"), "full-width", WIDE + ","),
    ("full-width quotes", when("data.warehouse == ⟦“WH01”⟧"), "full-width", WIDE + '"WH01"'),
    ("full-width single quotes", when("data.warehouse == ⟦‘WH01’⟧"), "full-width", WIDE + "'WH01'"),
    ("full-width equals", when('data.warehouse ⟦＝＝⟧ "WH01"'), "full-width", WIDE + "=="),
    ("full-width colon", xml("'data.po_no[0⟦：⟧3]'"), "full-width", WIDE + ":"),
    ("full-width sign in a template", xml('f"{round(data.lines[0].qty⟦，⟧ 0)}"'), "full-width", WIDE + ","),
    ("full-width blank", when('data.warehouse⟦\u3000⟧== "WH01"'), "full-width", WIDE + " "),
)

YAML = table(
    ("begins with a quote", xml('⟦"PO" + data.po_no⟧'), "quote-expression", QUOTE + "planQty: '\"PO\" + data.po_no'"),
    ("begins with [", xml('⟦["a", "b"][0]⟧'), "quote-expression", QUOTE + "planQty: '[\"a\", \"b\"][0]'"),
    ("begins with {", xml('⟦{"A": "x"}[data.po_no]⟧'), "quote-expression", QUOTE + "planQty: '{\"A\": \"x\"}[data.po_no]'"),
    ("holds a colon and a blank", xml('⟦data.po_no + ": " + data.po_no⟧'), "quote-expression",
     QUOTE + "planQty: 'data.po_no + \": \" + data.po_no'"),
    ("holds a blank and #", xml('⟦data.po_no + " #1"⟧'), "quote-expression", QUOTE + "planQty: 'data.po_no + \" #1\"'"),
    ("a comma inside { }", route("json: {po: data.po_no, qty: ⟦round(data.lines[0].qty, 0)⟧}"), "quote-expression",
     QUOTE + "json: {po: data.po_no, qty: 'round(data.lines[0].qty, 0)'}"),
    ("no blank after the colon", route("json:\n  po:⟦data.po_no⟧"), "yaml-colon-blank",
     "write a blank after the colon: po: data.po_no; when in doubt put the whole expression in single quotes"),
    ("a full-width colon", route("json:\n  po⟦：⟧data.po_no"), "yaml-full-width", "switch the keyboard to English and write ': '"),
    ("a tab", route("json:\n⟦\t⟧po: data.po_no"), "yaml-tab", "use blanks, two for each level; most editors can be told to"),
    ("a wrong indent", route("json:\n  po: data.po_no\n   ⟦no:⟧ data.po_no"), "yaml-indent",
     "begin it at column 7, or in the column of the line above that it belongs to"),
    ("a duplicate key", route("json:\n  po: data.po_no\n  ⟦po⟧: data.po_no"), "yaml-duplicate-key", "keep one of the two"),
    ("an alias", route("json:\n  po: ⟦*po⟧"), "yaml-alias", "write the value itself; a text that begins with * is put in quotes"),
    ("an anchor", route("json: ⟦&x⟧\n  po: data.po_no"), "yaml-anchor", "leave it out; a text that begins with & is put in quotes"),
)

LEAVES = table(
    ("0012", xml("⟦0012⟧"), "leaf-unclear", "a text is quoted twice: \"'0012'\""),
    ("12:30", xml("⟦12:30⟧"), "leaf-unclear", "a text is quoted twice: \"'12:30'\""),
    ("1e3", xml("⟦1e3⟧"), "leaf-unclear", "a text is quoted twice: \"'1e3'\""),
    ("NO", xml("⟦NO⟧"), "leaf-unclear", "a text is quoted twice: \"'NO'\"; for yes or no write false"),
    ("on", route("json: {state: ⟦on⟧}"), "leaf-unclear", "a text is quoted twice: \"'on'\"; for yes or no write true"),
    ("0012 in a list", route("json:\n  codes: [⟦0012⟧, \"'x'\"]"), "leaf-unclear", "a text is quoted twice: \"'0012'\""),
    ("0012 in rows", route("rows:\n  bus_order: {kind: ⟦0012⟧}", to="erp"), "leaf-unclear", "a text is quoted twice: \"'0012'\""),
    ("12:30 in a map", inbound("receipt_no: ⟦12:30⟧\npo_no: document.po\nlines: {for: l in document.l, item_code: l.code, qty: l.qty}"),
     "leaf-unclear", "a text is quoted twice: \"'12:30'\""),
    ("0012 in a let", route("let: {kind: ⟦0012⟧}\njson: {kind: kind}"), "leaf-unclear", "a text is quoted twice: \"'0012'\""),
    ("a date", xml("⟦2026-01-31⟧"), "leaf-unclear", "a text is quoted twice: \"'2026-01-31'\""),
    ("1,000", xml("⟦1,000⟧"), "leaf-unclear", "write 1000; a text is quoted twice: \"'1,000'\""),
    ("50%", xml("⟦50%⟧"), "leaf-unclear", "write 0.5; a text is quoted twice: \"'50%'\""),
    ("nothing", xml("").replace("planQty", "⟦planQty⟧"), "expression-missing", "write an expression after the colon and a blank, or null"),
    ("an empty text", xml("⟦''⟧"), "text-quoted-once", "write \"''\""),
    ("a list as a condition", when("⟦[data.warehouse]⟧"), "expression-needed", "write one expression after the colon"),
    ("for with for", route("json:\n  lines:\n    for: ⟦for line in data.lines⟧\n    qty: line.qty"), "for-shape", "write line in data.lines"),
    ("for without in", route("json:\n  lines:\n    for: ⟦data.lines⟧\n    qty: line.qty"), "for-shape",
     "write line in data.lines, or n, line in data.lines"),
    ("a let that is no word", route("let: {⟦to-tal⟧: count(data.lines)}\njson: data"), "let-name", "use letters, digits and _, e.g. total"),
)


@FIELDS
def test_an_unknown_field_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@NAMES
def test_an_unknown_or_covering_name_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@SIGNS
def test_a_sign_or_word_of_another_language_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@YAML
def test_an_expression_that_yaml_reads_otherwise_is_found_where_it_was_typed(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@LEAVES
def test_a_value_that_is_unclear_or_missing_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


def test_an_unknown_event_type_leaves_its_fields_alone() -> None:
    text = when('data.anything.at_all == "x"').replace("purchase_order.released", "⟦purchase_order.relesed⟧")
    assert_found(text, ("event-unknown", "did you mean purchase_order.released?"))


def test_the_message_of_a_field_is_that_of_the_manual() -> None:
    (finding,) = lint(when('data.warehose in ["WH01", "WH02"]')).findings
    assert finding.message == "unknown field data.warehose (purchase_order.released)"

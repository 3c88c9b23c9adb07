"""What the architect types wrong in types, functions, lookups, formats, options and secrets."""

from bus.config.load import load
from bus.runtime.files import adapters

from tests.core.linting import (
    ENVIRONMENT,
    FILES,
    SYSTEMS,
    Mistake,
    assert_found,
    inbound,
    lint,
    route,
    seen,
    sink,
    system,
    table,
    unmarked,
    when,
    xml,
)

ITEM = FILES["lookups/item.csv"]
RECEIPT = "receipt_no: document.no\npo_no: document.po\nlines:\n  for: line in document.lines\n  item_code: {}\n  qty: decimal(line.qty)"
SOURCE = "source:\n  adapter: file\n  folder: in/mes\n"

TYPES = table(
    ("a number against a text", when('data.lines[0].qty > ⟦"5"⟧'), "compare-types", "write 5"),
    ("a text against a number", when("data.warehouse == ⟦1010⟧"), "compare-types", 'write "1010"'),
    ("a text in a list of numbers", when('data.warehouse in ["WH01", ⟦1020⟧]'), "compare-types", 'write "1020"'),
    ("a date against a text", when('data.due_date > ⟦"2026-01-01"⟧'), "compare-date-text", 'write parse_date("2026-01-01")'),
    ("a list against a text", when('data.lines == ⟦"A-100"⟧'), "compare-list", "say count(…), or x in list"),
    ("a text as a condition", when("⟦data.warehouse⟧"), "condition-needed", 'compare it, e.g. == "…", or say has(…)'),
    ("a text behind not", when("not ⟦data.warehouse⟧"), "condition-needed", 'compare it, e.g. == "…", or say has(…)'),
    ("null has no order", when("data.version > ⟦null⟧"), "null-ordered", "use == null or != null"),
    ("a number joined to a text", xml("data.po_no + ⟦1⟧"), "join-kinds", 'write "1"'),
    ("a quantity joined to a text", xml('data.po_no + ⟦data.lines[0].qty⟧'), "join-kinds", "write text(data.lines[0].qty)"),
    ("computing with a text", xml("⟦data.po_no⟧ * 2"), "compute-with", "say decimal(…)"),
    ("the sum of texts", xml("sum(⟦line.item_code⟧ for line in data.lines)"), "aggregate-of", "write sum(decimal(…) for …)"),
    ("a loop over a text", route("json:\n  lines:\n    for: c in ⟦data.po_no⟧\n    c: c"), "loop-needs-list", "name a list, e.g. data.lines"),
    ("a list in a template", xml('f"{⟦data.lines⟧}"'), "text-of-list", 'say join(list, ", ")'),
    ("a number as a file's name", route("name: ⟦count(data.lines)⟧\njson: data", to="oa"), "text-needed", "say text(…)"),
)

FUNCTIONS = table(
    ("mistyped", xml("⟦rond⟧(data.lines[0].qty, 0)"), "function-unknown", "did you mean round?"),
    ("in capitals", xml("⟦ROUND⟧(data.lines[0].qty, 0)"), "function-unknown", "did you mean round?"),
    ("of Excel", xml("⟦LEFT⟧(data.po_no, 3)"), "function-foreign", "here that is s[0:n]"),
    ("IF of Excel", xml('⟦IF⟧(data.po_no == "1", "a", "b")'), "function-foreign", "here that is x if condition else y"),
    ("if of Excel in small letters", xml('⟦if⟧(data.po_no == "1", "a", "b")'), "function-foreign", "here that is x if condition else y"),
    ("AND of Excel", when('⟦AND⟧(data.po_no == "1", has(data.remark))'), "function-foreign", "here that is a and b"),
    ("of Python", when("⟦len⟧(data.lines) > 3"), "function-foreign", "here that is count(x)"),
    ("a method", xml("data.po_no.⟦upper⟧()"), "method-call", "write upper(data.po_no)"),
    ("too few arguments", xml("⟦pad(data.po_no)⟧"), "argument-count", "write pad(s, width, [fill])"),
    ("too many arguments", xml("⟦upper(data.po_no, 3)⟧"), "argument-count", "write upper(s)"),
    ("a date and its pattern by turns", xml('date("yyyy-MM-dd", ⟦event.time⟧)'), "argument-type",
     'the date comes first: date(event.time, "yyyy-MM-dd")'),
    ("a pattern that is a date", xml('date("2026-02-28", ⟦event.time⟧)'), "argument-type",
     'say date(…, "yyyy-MM-dd HH:mm:ss")'),
    ("an argument of the wrong type", xml("upper(⟦data.lines[0].qty⟧)"), "argument-type", "say text(…)"),
    ("an argument nobody knows", xml('lookup("item", data.po_no, defalt=⟦"X"⟧)'), "argument-unknown",
     "write lookup(table, code, by=, to=, default=); to compare, write =="),
    ("a comparison with = in it", when('has(remark = ⟦"x"⟧)'), "argument-unknown", "write has(x); to compare, write =="),
    ("a pattern with %", xml('date(parse_date("2026-01-31"), ⟦"%Y-%m-%d"⟧)'), "date-pattern-percent", 'write "yyyy-MM-dd"'),
    ("a pattern with minutes for months", xml('date(parse_date("2026-01-31"), ⟦"yyyy-mm-dd"⟧)'), "date-pattern-letters", 'write "yyyy-MM-dd"'),
    ("a bad regular expression", when('match(data.po_no, ⟦"^PO-("⟧)'), "pattern-bracket", "close every bracket; a bracket itself is written [(]"),
)

LOOKUPS = table(
    ("mistyped", xml('lookup(⟦"itm"⟧, data.po_no)'), "lookup-unknown", "did you mean item?"),
    ("without quotes", xml("lookup(⟦item⟧, data.po_no)"), "lookup-name-computed", 'write lookup("item", data.po_no)'),
    ("a column mistyped", xml('lookup("item", data.po_no, to=⟦"wsm"⟧)'), "lookup-column", "did you mean wms?"),
    ("a system that has no column", route('json:\n  unit: lookup(⟦"uom"⟧, [data.po_no, data.po_no])', to="oa"), "lookup-column",
     "add it to the file; there are: item, uom, bus, erp, wms, scm"),
    ("one code for two", xml('lookup("uom", ⟦data.po_no⟧)'), "lookup-key-count", 'write lookup("uom", [item, uom])'),
    ("a number for a code", xml('lookup("item", ⟦count(data.lines)⟧)'), "lookup-code-type", "say text(…)"),
    ("in an inbound rule", inbound(RECEIPT.format('lookup(⟦"items"⟧, line.code)')), "lookup-unknown", "did you mean item?"),
    ("its file is missing", xml('lookup("item", data.po_no)').replace("lookups/item.csv", "⟦lookups/itm.csv⟧"), "lookup-file-missing",
     "paths begin at the folder of routing.yaml: lookups/itm.csv"),
    ("its encoding", SYSTEMS + "lookups:\n  item: {file: lookups/item.csv, encoding: ⟦gb18300⟧}", "encoding-unknown", "did you mean gb18030?"),
)

FORMATS = table(
    ("two of them", route("xml:\n  order: data.po_no\n⟦json⟧: data"), "two-formats", "leave one out, or write two routes"),
    ("none that the adapter takes", route("⟦xml⟧:\n  order: data.po_no", to="erp"), "format-not-taken", "write one of: rows"),
    ("rows to HTTP", route("⟦rows⟧:\n  bus_order: {po_no: data.po_no}"), "format-not-taken", "write one of: json, xml, csv, fixed, text"),
    ("XML with two roots", route("xml:\n  order: data.po_no\n  ⟦lines⟧: data.po_no"), "xml-roots", "put them below one element"),
    ("XML whose root repeats", route("xml:\n  ⟦line⟧:\n    for: line in data.lines\n    sku: line.item_code"), "xml-root-repeats",
     "put the loop one level deeper"),
    ("a name XML cannot have", route("xml:\n  order:\n    ⟦采购 单⟧: data.po_no"), "xml-name-unfit", "begin with a letter; no blanks"),
    ("a prefix nobody declared", route("xml:\n  ⟦ns:order⟧: data.po_no"), "xml-prefix", "add \"@xmlns:ns\": \"'…'\" to it or above it"),
    ("an attribute of several values", route('xml:\n  order:\n    "⟦@no⟧": {a: data.po_no}').replace('"⟦@no⟧"', '⟦"@no"⟧'),
     "attribute-not-single", "write an expression after the colon"),
    ("a CSV column of several values", route("csv:\n  ⟦lines⟧: {a: data.po_no}"), "column-not-single", "loop over the lines with for:"),
    ("a fixed column without a width", route("fixed:\n  ⟦po⟧: {value: data.po_no}"), "key-missing", "add width: …"),
    ("a fixed column without its layout", route("fixed:\n  po: ⟦data.po_no⟧"), "column-layout", "write {value: data.po_no, width: 10}"),
    ("a width that is none", route("fixed:\n  po: {value: data.po_no, width: ⟦ten⟧}"), "width-unclear", "write the bytes it takes, e.g. 10"),
    ("a filling of two characters", route('fixed:\n  po: {value: data.po_no, width: 9, fill: ⟦"00"⟧}'), "fill-unclear", 'write it in quotes, e.g. "0"'),
    ("an alignment", route("fixed:\n  po: {value: data.po_no, width: 9, align: ⟦rigt⟧}"), "unknown-choice", "did you mean right?"),
    ("rows that are no tables", route("rows:\n  ⟦po_no⟧: data.po_no", to="erp"), "rows-by-table", "write table: {column: expression}"),
    ("text that is a mapping", route("⟦text⟧: {a: data.po_no}"), "text-is-expression", 'write text: join([…], "…")'),
    ("an option of CSV", route("csv: {a: data.po_no}\noptions: {⟦headr⟧: false}"), "unknown-key", "did you mean header?"),
    ("a delimiter of two characters", route('csv: {a: data.po_no}\noptions: {delimiter: ⟦";;"⟧}'), "sign-unclear", 'write it in quotes, e.g. ";"'),
    ("a header that is neither true nor false", route("csv: {a: data.po_no}\noptions: {header: ⟦off⟧}"), "option-boolean",
     "write header: true or header: false"),
    ("options of another format", route("json: data\noptions: ⟦{header: false}⟧"), "options-of-csv", "leave options out"),
    ("an encoding", route("encoding: ⟦gb18300⟧\njson: data"), "encoding-unknown", "did you mean gb18030?"),
    ("the format of a source", system(SOURCE + "  format: ⟦xlm⟧"), "format-unknown", "did you mean xml?"),
    ("the encoding of a source", system(SOURCE + "  encoding: ⟦utf8x⟧"), "encoding-unknown", "did you mean utf-8?"),
)

OPTIONS = table(
    ("5 sec", sink("retry: [⟦5 sec⟧, 30s]"), "duration-unclear", "write 5s"),
    ("5 minutes in Chinese", sink("retry: [5s, ⟦5分钟⟧]"), "duration-unclear", "write 5m"),
    ("a bare number of seconds", sink("timeout: ⟦30⟧"), "duration-unclear", "write 30s"),
    ("a word for a time", route("retry: [⟦soon⟧]\njson: data"), "duration-unclear", "write 500ms, 5s, 30m, 1h or 2d"),
    ("a retry of a route", route("retry: [5s, ⟦1 h⟧]\njson: data"), "duration-unclear", "write 1h"),
    ("a word for a number", sink("concurrency: ⟦many⟧"), "option-integer", "write digits only, e.g. 8"),
    ("a size with its unit", system(SOURCE + "  format: xml\n  max_body: ⟦10MB⟧"), "option-integer", "it counts bytes: write 10000000"),
    ("a size by powers of two", system(SOURCE + "  format: xml\n  max_body: ⟦2 MiB⟧"), "option-integer", "it counts bytes: write 2097152"),
    ("a number out of range", sink("concurrency: ⟦0⟧"), "option-range", "write a number ≥ 1"),
    ("a word for true", system(SOURCE + "  format: csv\n  header: ⟦perhaps⟧"), "option-boolean", "write header: true or header: false"),
    ("a text for a mapping", system(SOURCE + "  numbers: ⟦comma⟧"), "option-mapping", "write numbers: {key: value}"),
    ("a mapping for a text", system("sink: {adapter: file, folder: ⟦{a: b}⟧}"), "option-text", "write one value after the colon"),
    ("a column's place", system(SOURCE + "  format: fixed\n  columns: {po: {at: ⟦0⟧, width: 10}}"), "option-range", "write a number ≥ 1"),
    ("a column's key", system(SOURCE + "  format: fixed\n  columns: {po: {at: 1, ⟦witdh⟧: 10}}"), "unknown-key", "did you mean width?"),
    ("a path without /", system("source: {adapter: http, path: ⟦in/mes⟧}"), "option-path", "write /in/mes"),
    ("a URL without http", system("sink: {adapter: http, url: ⟦mes.example.com/api⟧}"), "http-url", "write it like https://wms.example.com/api"),
    ("a secret written out", system("source: {adapter: http, path: /in/mes, secret: ⟦whsec_MfKQ9r8G⟧}"), "secret-written-out",
     "put it into the environment and write ${MES_SECRET}"),
    ("a password in a URL", system('sink: {adapter: database, url: "postgresql://bus:⟦s3cret⟧@db/mes"}'), "secret-written-out",
     "put it into the environment and write ${MES_PASSWORD}"),
    ("a token in a URL", system('sink: {adapter: http, url: "https://oapi.example.com/send?access_token=⟦abc123⟧"}'), "secret-written-out",
     "put it into the environment and write ${MES_TOKEN}"),
    ("a token in a header", sink("headers: {Authorization: ⟦Bearer abc123⟧}"), "secret-written-out",
     "put it into the environment and write ${MES_AUTHORIZATION}"),
    ("a variable that is not set", sink("headers: {Authorization: \"⟦${WMS_SECRT}⟧\"}"), "environment-missing",
     "did you mean WMS_SECRET? Otherwise set WMS_SECRT, or give a default: ${WMS_SECRT:-…}"),
    ("a variable within a URL", system('sink: {adapter: http, url: "https://⟦${MES_HOST}⟧/api"}'), "environment-missing",
     "set MES_HOST, or give a default: ${MES_HOST:-…}"),
)


@TYPES
def test_a_value_of_the_wrong_type_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@FUNCTIONS
def test_a_wrong_call_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@LOOKUPS
def test_a_wrong_lookup_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@FORMATS
def test_a_format_that_cannot_be_written_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@OPTIONS
def test_a_wrong_option_is_found(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


def test_a_code_twice_in_the_column_bus_is_found_in_the_csv_file() -> None:
    text = xml('lookup("item", data.po_no)')
    (finding,) = lint(text, {"lookups/item.csv": f"{ITEM}A-100,2,3,4,5\n"}).findings
    assert seen(finding)[:2] == ("lookups/item.csv", 3)
    assert finding.message == "A-100 stands twice in column bus of lookup item; first in line 2"


def test_a_code_twice_in_a_systems_column_is_found_only_where_that_column_is_read_from() -> None:
    files = {"lookups/item.csv": f"{ITEM}A-200,000104712,SKU-6204,,\n"}
    assert lint(xml('lookup("item", data.po_no)'), files).findings == ()
    (finding,) = lint(inbound(RECEIPT.format('lookup("item", line.code)')), files).findings
    assert (finding.code, finding.fields["column"], finding.place.line) == ("lookup-duplicate", "wms", 3)


def test_every_use_of_a_lookup_whose_file_is_missing_is_left_alone() -> None:
    plain, places = unmarked(xml('lookup("item", data.po_no, to="anything")').replace("lookups/item.csv", "⟦lookups/itm.csv⟧"))
    assert [seen(finding)[:4] for finding in lint(plain).findings] == places


def test_a_secret_never_enters_a_message() -> None:
    text = system('source: {adapter: http, path: /in/mes, secret: whsec_MfKQ9r8G}\nsink: {adapter: database, url: "mysql://u:s3cret@h/d"}')
    for finding in lint(text).findings:
        assert "MfKQ9r8G" not in finding.message + finding.hint
        assert "s3cret" not in finding.message + finding.hint


def test_wrong_options_of_a_sink_do_not_hide_what_is_wrong_with_its_expressions() -> None:
    assert_found(
        sink("concurrency: ⟦many⟧\nsuccess: response.flag == ⟦ok⟧\nfailures: [{when: response.code ⟦=⟧ \"1\", do: done}]"),
        ("option-integer", "write digits only, e.g. 8"), ("name-unknown", 'a text is written in quotes: "ok"'), ("wrong-sign", "write =="),
    )


def test_an_unknown_adapter_does_not_hide_what_is_wrong_with_its_expressions() -> None:
    assert_found(
        system("sink: {adapter: ⟦htp⟧, url: x, success: response.flag == ⟦ok⟧}"),
        ("adapter-unknown", "did you mean http?"), ("name-unknown", 'a text is written in quotes: "ok"'),
    )


def test_a_lookup_file_that_cannot_be_read_says_why() -> None:
    class Locked:
        def read(self, path: str) -> bytes:
            raise PermissionError(13, "Permission denied")

    text = SYSTEMS + "lookups: {item: lookups/item.csv}"
    (finding,) = load({"routing.yaml": text}, Locked(), ENVIRONMENT, adapters()).findings
    assert finding.message == "cannot read lookups/item.csv: Permission denied"

"""What stands where something else belongs: each told once, and nothing else for it."""

from typing import Any

import pytest

from bus.adapter import AdapterSpec, SinkOptions
from bus.config.load import load
from bus.config.programs import data_of
from bus.runtime.files import adapters
from bus.types import Record

from tests.core.linting import (
    ENVIRONMENT,
    LOOKUPS,
    SYSTEMS,
    Disk,
    Mistake,
    assert_found,
    inbound,
    lint,
    route,
    sink,
    system,
    table,
    unmarked,
    xml,
)

LINES = "lines: {for: l in document.lines, item_code: l.code, qty: l.qty}"
KEY = "write the name as text; values are not put in {{ }} here"
ALIAS = "write the value itself; a text that begins with * is put in quotes"

MISPLACED = table(
    ("a list for a section", SYSTEMS + "⟦routes⟧: [a]", "mapping-needed", "write there: name: …"),
    ("a text for a rule", SYSTEMS + "inbound:\n  ⟦a⟧: wms", "mapping-needed",
     "write there: from, when, for, if, let, event, id, subject, time, key, map, description, owner"),
    ("a text for a map", inbound("").replace("    map:\n\n", "    ⟦map⟧: document.all\n"), "mapping-needed", "write there: po_no: document.…"),
    ("a text for a reply", route("json: data\nthen: ⟦goods_receipt.posted⟧"), "mapping-needed",
     "write there: event, id, subject, time, key, map"),
    ("a text for headers", route("headers: ⟦X-A⟧\njson: data"), "mapping-needed", "write there: X-Name: data.po_no"),
    ("a list for a let", route("let: ⟦[a]⟧\njson: data"), "mapping-needed", "write there: total: sum(…)"),
    ("a mapping for a loop", route("for: ⟦{a: b}⟧\njson: data"), "expression-needed", "write one expression after the colon"),
    ("a mapping for a condition", route("when: ⟦{a: b}⟧\njson: data"), "expression-needed", "write one expression after the colon"),
    ("a mapping in a list of systems", route("json: data", to="[wms, ⟦{a: b}⟧]"), "texts-needed", "write to: [one, another]"),
    ("an empty list of systems", route("json: data").replace("    to: wms", "    ⟦to⟧: []"), "value-missing",
     "write it after the colon and a blank, or leave to out"),
    ("nothing in on", route("json: data").replace("    on: purchase_order.released", "    ⟦on⟧:"), "value-missing",
     "write it after the colon and a blank, or leave on out"),
    ("a text for an event", SYSTEMS + "events:\n  ⟦gate_pass.issued⟧: text", "mapping-needed", "write there: po_no: text"),
    ("nothing for a type", SYSTEMS + "events:\n  gate_pass.issued:\n    ⟦pass_no⟧:", "value-missing",
     "write it after the colon and a blank, or leave pass_no out"),
    ("an empty list of types", SYSTEMS + "events:\n  gate_pass.issued:\n    lines: ⟦[]⟧", "list-of-one",
     "write [text], or [{item_code: text, qty: decimal}]"),
    ("a shipped list as a text", SYSTEMS + "events:\n  purchase_order.released:\n    ⟦lines⟧: text", "event-field-of-another-type",
     "Give your own field another name."),
    ("a type with a size", SYSTEMS + "events:\n  gate_pass.issued:\n    pass_no: ⟦text(20)⟧", "type-unknown", "did you mean text?"),
    ("nothing for a lookup", SYSTEMS + "lookups:\n  ⟦item⟧:", "value-missing", "write it after the colon and a blank, or leave item out"),
    ("a list for a lookup", SYSTEMS + "lookups:\n  ⟦item⟧: [a.csv]", "mapping-needed", "write there: file, encoding, key"),
    ("a lookup without a file", SYSTEMS + "lookups:\n  ⟦item⟧: {encoding: gbk}", "key-missing", "add file: …"),
    ("a list for an adapter", system("sink: {adapter: ⟦[http]⟧}"), "one-value-needed", "write adapter: and the value on the same line"),
    ("the adapter mistyped", system("sink: {⟦adaptr⟧: queue}"), "unknown-option", "did you mean adapter?"),
    ("nothing for an adapter", system("⟦sink⟧:"), "adapter-needed", "write sink: {adapter: http, …}"),
    ("an empty adapter", system('sink: {adapter: ⟦""⟧}'), "key-missing", "add adapter: …"),
    ("a list of ends", system("⟦source⟧: [http]"), "adapter-needed", "write source: {adapter: http, …}"),
    ("a text in failures", sink("failures: [⟦done⟧]"), "option-mapping", "write failures[0]: {key: value}"),
    ("a mapping for failures", sink("failures: ⟦{when: response.a, do: done}⟧"), "option-list", "write failures: [one, another]"),
    ("a failure without do", sink('failures: [⟦{when: response.code == "1"}⟧]'), "key-missing", "add do: …"),
    ("a failure whose do is a list", sink('failures: [{when: response.code == "1", do: ⟦[a]⟧}]'), "option-text", "write one value after the colon"),
    ("a column that lacks its width", system("source: {adapter: file, folder: a, format: fixed, columns: {a: ⟦{at: 1}⟧}}"), "key-missing", "add width: …"),
    ("no name before the colon", route('json:\n  ⟦""⟧: data.po_no'), "key-empty", "write a name before the colon"),
    ("a blank name with ?", route('json:\n  ⟦" ?"⟧: data.po_no'), "key-empty", "write a name before the colon"),
    ("text beside attributes of several values", route('xml:\n  a:\n    ⟦"#text"⟧: {b: data.po_no}'), "attribute-not-single",
     "write an expression after the colon"),
    ("an XML root from a list", route("xml:\n  ⟦a⟧: [data.po_no, data.po_no]"), "xml-root-repeats", "put the loop one level deeper"),
    ("no XML root", route("⟦xml⟧: {}"), "xml-roots", "put them below one element"),
    ("an element that begins with a colon", route('xml:\n  ⟦":a"⟧: data.po_no'), "xml-name-unfit", "begin with a letter; no blanks"),
    ("rows as an expression", route("rows: ⟦d⟧ata", to="erp"), "rows-by-table", "write table: {column: expression}"),
    ("rows that loop over tables", route("⟦rows⟧:\n  for: line in data.lines\n  t: {a: line.qty}", to="erp"), "rows-by-table",
     "write table: {column: expression}"),
    ("a column of rows that is a mapping", route("rows:\n  t:\n    ⟦a⟧: {b: data.po_no}", to="erp"), "column-not-single", "loop over the lines with for:"),
    ("fixed as an expression", route("⟦fixed⟧: data.po_no"), "mapping-needed", "write there: item: {value: …, width: 10}"),
    ("a filling that is a list", route("fixed:\n  a: {value: data.po_no, width: 1, fill: ⟦[x]⟧}"), "one-value-needed",
     "write fill: and the value on the same line"),
    ("a fixed column without a value", route("fixed:\n  ⟦a⟧: {width: 3}"), "key-missing", "add value: …"),
    ("no option of CSV", route("csv: {a: data.po_no}\noptions: {quote: ⟦ab⟧}"), "sign-unclear", 'write it in quotes, e.g. ";"'),
    ("another way with formulas", route("csv: {a: data.po_no}\noptions: {formulas: ⟦drop⟧}"), "unknown-choice", "write one of: keep"),
    ("a name of a loop within a list", route("json:\n  a: ⟦line⟧.qty\n  b:\n    - {for: line in data.lines, q: line.qty}"), "name-unknown",
     "line is known below its for: only"),
    ("a quantity that repeats in a table of types", route("json: {s: ⟦data.supplier.nam⟧}", on="[purchase_order.released, purchase_order.changed]"),
     "unknown-field", "did you mean data.supplier.name?"),
)

BROKEN = table(
    ("an alias for a route's target", route("json: data", to="⟦*wms⟧"), "yaml-alias", ALIAS),
    ("an alias for a type", SYSTEMS + "events:\n  gate_pass.issued: {a: ⟦*t⟧}", "yaml-alias", ALIAS),
    ("an alias for an event", SYSTEMS + "events:\n  gate_pass.issued: ⟦*t⟧", "yaml-alias", ALIAS),
    ("an alias for a lookup", SYSTEMS + "lookups: {item: ⟦*i⟧}", "yaml-alias", ALIAS),
    ("an alias for an encoding", route("encoding: ⟦*e⟧\njson: data"), "yaml-alias", ALIAS),
    ("an alias for an end", system("sink: ⟦*s⟧"), "yaml-alias", ALIAS),
    ("an alias for an adapter", system("sink: {adapter: ⟦*s⟧}"), "yaml-alias", ALIAS),
    ("an alias for an option", system("source: {adapter: http, path: ⟦*p⟧}"), "yaml-alias", ALIAS),
    ("an alias for the encoding of a source", system("source: {adapter: file, folder: a, encoding: ⟦*p⟧}"), "yaml-alias", ALIAS),
    ("an alias for a duration", sink("retry: [⟦*p⟧]"), "yaml-alias", ALIAS),
    ("an alias for a map", inbound("").replace("    map:\n\n", "    map: ⟦*m⟧\n"), "yaml-alias", ALIAS),
    ("an alias for a reply", route("json: data\nthen: ⟦*t⟧"), "yaml-alias", ALIAS),
    ("an alias for headers", route("json: data\nheaders: ⟦*t⟧"), "yaml-alias", ALIAS),
    ("an alias for a route", SYSTEMS + "routes: {a: ⟦*r⟧}", "yaml-alias", ALIAS),
    ("an alias for a let", route("let: ⟦*l⟧\njson: data"), "yaml-alias", ALIAS),
    ("an alias for a column", route("fixed: {a: ⟦*c⟧}"), "yaml-alias", ALIAS),
    ("an alias for fixed", route("fixed: ⟦*c⟧"), "yaml-alias", ALIAS),
    ("an alias for options", route("csv: {a: data.po_no}\noptions: ⟦*o⟧"), "yaml-alias", ALIAS),
    ("an alias for a section", SYSTEMS + "routes: ⟦*r⟧", "yaml-alias", ALIAS),
    ("an alias among targets", route("json: data", to="[wms, ⟦*oa⟧]"), "yaml-alias", ALIAS),
    ("a list as a key of a document", route("json:\n  ⟦[a]⟧: data.po_no"), "yaml-key", KEY),
    ("a list as the name of a route", SYSTEMS + "routes:\n  ⟦[a]⟧: {on: purchase_order.released, to: wms}", "yaml-key", KEY),
    ("a list as the name of a system", SYSTEMS + "  ⟦[a]⟧: {sink: {adapter: queue}}", "yaml-key", KEY),
    ("a list as the name of a field", SYSTEMS + "events:\n  gate_pass.issued:\n    ⟦[a]⟧: text", "yaml-key", KEY),
    ("a list as the name of an event", SYSTEMS + "events:\n  ⟦[a]⟧: {a: text}", "yaml-key", KEY),
    ("a list as the name of a let", route("let:\n  ⟦[a]⟧: data.po_no\njson: data"), "yaml-key", KEY),
    ("a list as an option", sink("⟦[a]⟧: b"), "yaml-key", KEY),
    ("a list as a key of a route", route("⟦[a]⟧: b\njson: data"), "yaml-key", KEY),
)


@MISPLACED
def test_what_stands_in_the_wrong_place_is_told_once(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


@BROKEN
def test_what_the_reader_of_yaml_told_is_told_only_there(mistake: Mistake) -> None:
    assert_found(mistake.text, (mistake.code, mistake.hint))


def test_what_stands_below_a_misspelt_key_is_read_as_what_it_is_meant_to_be() -> None:
    text = (SYSTEMS + LOOKUPS + "routes:\n  r: {on: purchase_order.released, to: wms, jsn: {a: data.po_nr}}\n").replace("systems:", "system:")
    assert [(f.code, f.hint) for f in lint(text).findings] == [
        ("unknown-key", "did you mean systems?"), ("unknown-key", "did you mean json?"), ("unknown-field", "did you mean data.po_no?"),
    ]
    both = text.replace("system:", "systems:").replace("routes:", "systms: {x: 1}\nroutes:")
    assert [f.hint for f in lint(both).findings][:1] == ["did you mean systems?"]


def test_a_system_whose_sink_is_wrong_is_still_a_system_with_a_sink() -> None:
    text = system("sink: ⟦queue⟧") + "routes:\n  a: {on: purchase_order.released, to: mes}\n"
    assert_found(text, ("adapter-needed", "write sink: {adapter: queue, …}"))
    text = SYSTEMS.replace("  scm:", "  ⟦s c m⟧:") + "routes:\n  a: {on: purchase_order.released, to: s c m}\n"
    assert [finding.code for finding in lint(unmarked(text)[0]).findings] == ["system-name"]


def test_an_adapter_that_is_no_sink_is_told_with_those_that_are() -> None:
    known = {**adapters(), "scale": AdapterSpec("scale", adapters()["file"].source_options, None)}
    text, places = unmarked(system("sink: {adapter: ⟦scale⟧}"))
    (finding,) = load({"routing.yaml": text}, Disk({}), ENVIRONMENT, known).findings
    assert (finding.place.line, finding.place.column) == places[0][1:3]
    assert (finding.message, finding.hint) == ("adapter scale cannot be a sink", "as a sink there are: database, file, http, queue")


def test_an_option_whose_fault_has_no_words_of_ours_is_told_in_pydantics() -> None:
    from pydantic import field_validator

    class Strict(SinkOptions):
        tray: str

        @field_validator("tray")
        @classmethod
        def _even(cls, value: str) -> str:
            raise ValueError("odd")

    known = {"press": AdapterSpec("press", sink_options=Strict)}
    (finding,) = load({"routing.yaml": "systems:\n  a: {sink: {adapter: press, tray: x}}\n"}, Disk({}), {}, known).findings
    assert (finding.code, finding.message) == ("option-invalid", "tray: Value error, odd")


@pytest.mark.parametrize("text", ["", "# nothing\n", "version: 1\n", "systems:\nroutes:\n", '"version": "1"\n'])
def test_an_empty_configuration_is_no_mistake(text: str) -> None:
    assert lint(text).findings == ()


def test_a_variable_that_is_missing_hides_no_other_mistake_and_causes_none() -> None:
    text = system('source: {adapter: http, path: "⟦${PATH_MES}⟧", ⟦frmat⟧: xml}\nsink: {adapter: "⟦${KIND}⟧"}\nzone: "⟦${ZONE}⟧"')
    plain, places = unmarked(text)
    found = [(f.place.line, f.place.column) for f in lint(plain).findings]
    assert found == [place[1:3] for place in places]


def test_what_a_description_says_may_be_empty() -> None:
    assert lint(route('description: ""\nowner: ""\njson: data')).findings == ()


def test_a_list_of_fixed_lines_has_the_columns_of_all_of_them() -> None:
    body = "fixed:\n  - {kind: {value: \"'H'\", width: 1}, no: {value: data.po_no, width: 20}}\n  - for: line in data.lines\n    item: {value: line.item_code, width: 18}"
    config = lint(route(body))
    assert config.findings == ()
    assert list(config.routes[0].layout) == ["kind", "no", "item"]


def test_a_value_that_may_be_this_or_that_is_told_once() -> None:
    source = "source: {adapter: database, url: 'sqlite:///x.db', table: t, format: fixed, columns: {po: {at: ⟦0⟧, width: 5}}}"
    assert_found(system(source), ("option-range", "write a number ≥ 1"))
    source = "source: {adapter: database, url: 'sqlite:///x.db', table: t, columns: [po_no, ⟦[qty]⟧]}"
    assert_found(system(source), ("option-text", "write one value after the colon"))


def test_a_file_that_is_too_large_is_told_and_the_others_are_read() -> None:
    config = lint({"a.yaml": "#" * 3_000_000, "b.yaml": SYSTEMS})
    assert [finding.code for finding in config.findings] == ["yaml-too-large"]
    assert list(config.systems) == ["erp", "wms", "oa", "scm"]


def test_types_of_nothing_have_no_fields() -> None:
    assert data_of((), {}) == Record()


def test_a_field_of_two_types_is_anything_and_one_of_mappings_their_sum() -> None:
    events = "events:\n  a.done: {x: text, p: {q: text}}\n  b.done: {x: decimal, p: {q: text, r: text}}\n"
    text = SYSTEMS + LOOKUPS + events + "routes:\n  a: {on: [a.done, b.done], to: wms, json: {x: data.x, q: data.p.q, r?: data.p.r}}\n"
    assert lint(text).findings == ()


def test_a_default_that_is_empty_leaves_the_option_out() -> None:
    assert_found(system('source: {adapter: http, path: ⟦"${MES_PATH:-}"⟧}'), ("key-missing", "add path: …"))


def test_unreadable_leaves_cause_no_second_finding(monkeypatch: Any) -> None:
    assert_found(inbound(f"receipt_no: ⟦0012⟧\npo_no: ⟦''⟧\n{LINES}"), ("leaf-unclear", "a text is quoted twice: \"'0012'\""), ("text-quoted-once", "write \"''\""))
    assert_found(xml("⟦[NO, 1]⟧").replace("⟦[NO, 1]⟧", "[⟦NO⟧, 1]"), ("leaf-unclear", "a text is quoted twice: \"'NO'\"; for yes or no write false"))

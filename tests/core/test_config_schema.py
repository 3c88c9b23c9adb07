"""The JSON Schema of routing.yaml: it takes what lint takes, and marks wrong keys where they are typed."""

import importlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bus.cli.generate import ROOT, generated
from bus.config.nodes import ListNode, MapNode, Node, kind
from bus.config.report import plain_value
from bus.config.schema import routing_schema
from bus.config.yaml import read
from bus.runtime.files import adapters

from tests.core.linting import LOOKUPS, SYSTEMS
from tests.core.test_lint_clean import CLEAN

SCHEMA = routing_schema(adapters())
_TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float), "null": type(None),
}


def values(node: Node) -> Any:
    """A node as an editor sees it, by YAML 1.2."""
    if isinstance(node, MapNode):
        return {key.text: values(value) for key, value in node.items}
    if isinstance(node, ListNode):
        return [values(item) for item in node.items]
    number = {"int": int, "float": float}.get(kind(node))
    return number(node.text) if number else plain_value(node)


def faults(value: Any, schema: dict[str, Any], at: str = "") -> list[str]:
    """What of draft 7 the schema uses, and no more of it."""
    found = []
    for part in schema.get("allOf", ()):
        reference = part["$ref"].rpartition("/")[2]
        found += faults(value, SCHEMA["definitions"][reference], at)
    if "anyOf" in schema:
        tries = [faults(value, one, at) for one in schema["anyOf"]]
        if all(tries):
            found += tries[min(range(len(tries)), key=lambda n: len(tries[n]))]
    types = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    fits = [name for name in types if isinstance(value, _TYPES[name]) and (name not in ("integer", "number") or not isinstance(value, bool))]  # type: ignore[arg-type]  # tuples are fine
    if types and not fits:
        found.append(f"{at}: no {types}")
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        found.append(f"{at}: not among the values")
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{at}: not the pattern")
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{at}: out of range")
    if isinstance(value, list):
        found += [fault for n, item in enumerate(value) for fault in faults(item, schema.get("items", {}), f"{at}[{n}]")]
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        found += [f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, member in value.items():
            inner = properties.get(name, {} if others is True else others)
            found += [f"{at}.{name}: unknown"] if inner is False else faults(member, inner, f"{at}.{name}")
    return found


def checked(text: str) -> list[str]:
    """What the schema says of a file; the real validator, where it is installed, says the same."""
    node, findings = read(text, "routing.yaml")
    assert node is not None
    assert findings == []
    value = values(node)
    found = faults(value, SCHEMA)
    if importlib.util.find_spec("jsonschema"):
        validator = importlib.import_module("jsonschema").Draft7Validator(SCHEMA)
        assert validator.is_valid(value) == (found == []), found
    return found


def test_the_generated_files_are_up_to_date() -> None:
    """`python -m bus.cli.generate` writes them."""
    stale = [name for name, text in generated().items() if (ROOT / name).read_text("utf-8") != text]
    assert stale == []


def test_the_shipped_configuration_fits_and_names_the_schema_in_its_first_line() -> None:
    text = (ROOT / "routing.yaml").read_text("utf-8")
    assert checked(text) == []
    named = re.match(r"# yaml-language-server: \$schema=(\S+)", text)
    assert named is not None
    assert json.loads((ROOT / named[1]).read_text("utf-8")) == SCHEMA


EXAMPLE = Path(__file__).parents[2] / "docs" / "routing.md"


def test_every_whole_example_of_the_manual_fits() -> None:
    blocks = re.findall(r"^```yaml\n(version: 1\n.*?)^```$", EXAMPLE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert [checked(block) for block in blocks] == [[] for _ in blocks]


@pytest.mark.parametrize("name", [name for name in CLEAN if not CLEAN[name].startswith("\ufeff")])
def test_what_lint_takes_the_schema_takes_too(name: str) -> None:
    assert checked(CLEAN[name]) == []


SAMPLE = SYSTEMS + LOOKUPS + """\
events:
  gate_pass.issued:
    pass_no: text
    vehicle?: text
    lines: [{item_code: text, qty: decimal, due?: date}]
inbound:
  wms-receipt:
    from: wms
    when: document.status in ["FULL", "PART"]
    event: goods_receipt.confirmed
    id: document.no
    map:
      receipt_no: document.no
      po_no: document.po
      lines:
        for: line in document.lines
        if: line.kind == "ZP"
        item_code: lookup("item", line.code)
        qty: decimal(line.qty)
routes:
  po-to-wms:
    on: purchase_order.released
    to: [wms, scm]
    let: {total: count(data.lines), n: 12}
    for: [o in data.orders, l in o.lines]
    retry: 5s
    mode: shadow
    xml: {order: {"@no": data.po_no, n: 30, empty?: null, yes: true}}
    then: {event: inbound_order.accepted, map: {po_no: data.po_no}}
"""


def test_a_configuration_that_uses_everything_fits() -> None:
    assert checked(SAMPLE) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("    on: purchase_order.released", "    onn: purchase_order.released", ".routes.po-to-wms.onn: unknown"),
        ("routes:", "route:", ".route: unknown"),
        ("    id: document.no\n", "", ".inbound.wms-receipt: id is missing"),
        ("mode: shadow", "mode: shadw", ".routes.po-to-wms.mode: not among the values"),
        ("retry: 5s", "retry: 5 sec", ".routes.po-to-wms.retry: not the pattern"),
        ("adapter: queue", "adapter: qeue", ".systems.scm.sink.adapter: not among the values"),
        ("path: /in/wms", "pth: /in/wms", ".systems.wms.source"),
        ("pass_no: text", "pass_no: string", ".events.gate_pass.issued.pass_no"),
        ("key: [item, uom]", "keys: [item, uom]", ".lookups.uom"),
        ("from: wms\n", "from: [wms]\n", ".inbound.wms-receipt.from: no ['string']"),
    ],
)
def test_a_mistake_is_marked(old: str, new: str, fault: str) -> None:
    assert old in SAMPLE
    assert fault in " ".join(checked(SAMPLE.replace(old, new)))


def test_numbers_and_durations_may_come_from_the_environment() -> None:
    sink = '    sink: {adapter: http, url: "${URL}", timeout: "${TIMEOUT:-5s}", concurrency: "${N:-8}", retry: ["${FIRST:-5s}"]}\n'
    assert checked(f"version: 1\nsystems:\n  wms:\n{sink}") == []


def test_every_key_has_a_description_in_both_languages() -> None:
    for name in ("route", "rule", "reply", "system"):
        for key, schema in SCHEMA["definitions"][name]["properties"].items():
            english, _, chinese = schema["description"].partition("\n")
            assert english, key
            assert any("一" <= sign <= "龥" for sign in chinese), key

"""What a version is called, and which sources and sinks another one touches."""

from bus.config.model import Configuration
from bus.topology import joined, topology
from bus.versions import Change, change, version_of

from tests.configuring import usable

SYSTEMS = """\
version: 1
systems:
  shop: {source: {adapter: http, path: /in}}
  mes: {source: {adapter: queue}}
  oa: {sink: {adapter: file, folder: oa}}
  scm: {sink: {adapter: queue}}
"""


def config(old: str = "", new: str = "") -> Configuration:
    return usable(SYSTEMS.replace(old, new) if old else SYSTEMS)


def names(*of: str) -> frozenset[str]:
    return frozenset(of)


def test_a_version_has_one_name_wherever_its_files_lie_and_another_when_one_byte_differs() -> None:
    here = version_of({"routing.yaml": b"1", "lookups/item.csv": b"2"})
    assert version_of({"/etc/bus/lookups/item.csv": b"2", "/etc/bus/routing.yaml": b"1"}) == here
    assert version_of({"routing.yaml": b"1", "lookups/item.csv": b"3"}) != here
    assert version_of({"routing.yaml": b"1", "lookups/uom.csv": b"2"}) != here
    assert version_of({"routing.yaml": b"2", "lookups/item.csv": b"1"}) != here


def test_at_the_start_everything_begins_but_what_systems_read_by_themselves() -> None:
    assert change(None, config()) == Change(names(), names("shop", "mes"), names(), names("oa"))


def test_what_only_stands_elsewhere_in_the_file_runs_on() -> None:
    moved = usable(SYSTEMS.replace("systems:\n", "systems:\n  # a comment\n  crm: {source: {adapter: queue}}\n"))
    assert change(config(), moved) == Change(names(), names("crm"), names(), names())


def test_another_option_zone_or_adapter_ends_the_old_and_begins_the_new() -> None:
    assert change(config(), config("folder: oa", "folder: office")) == Change(names(), names(), names("oa"), names("oa"))
    assert change(config(), config("path: /in", "path: /out")) == Change(names("shop"), names("shop"), names(), names())
    zone = config("oa: {sink", "oa: {zone: Europe/Berlin, sink")
    assert change(config(), zone) == Change(names(), names(), names("oa"), names("oa"))
    by_itself = config("{adapter: file, folder: oa}", "{adapter: queue}")
    assert change(config(), by_itself) == Change(names(), names(), names("oa"), names())


def test_a_system_that_is_gone_ends() -> None:
    without = config("  oa: {sink: {adapter: file, folder: oa}}\n", "")
    assert change(config(), without) == Change(names(), names(), names("oa"), names())
    assert change(without, config()) == Change(names(), names(), names(), names("oa"))


def test_while_one_version_gives_way_the_queues_of_both_are_there() -> None:
    old = topology(["erp", "wms"], [5.0], ["erp", "wms"])
    new = topology(["oa", "wms"], [30.0], ["oa"])
    assert joined(old, new) == topology(["erp", "oa", "wms"], [5.0, 30.0], ["erp", "oa"])
    assert joined(old, old) == old


def test_a_sink_whose_order_is_kept_from_now_on_begins_anew() -> None:
    plain = "events:\n  a.b: {no: text}\nroutes:\n  r: {on: a.b, to: oa, name: data.no, json: data}\n"
    old, new = usable(SYSTEMS + plain), usable(SYSTEMS + plain.replace("json", "ordering: key, json"))
    assert change(old, new) == change(new, old) == Change(names(), names(), names("oa"), names("oa"))
    assert change(new, new) == Change(names(), names(), names(), names())

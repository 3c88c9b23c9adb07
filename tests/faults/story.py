"""What is published in the tests of faults, and who gets it: the part that every process of them shares.

Events are named key-version, `K0042-7`; a key's versions are published one after the other.
"""

from pathlib import Path

from bus.ports import Message
from bus.runtime.app import topology_of
from bus.runtime.files import usable_configuration
from bus.topology import ROUTER, Topology

READERS = ("scm", "wms")  # read their queues by themselves
SYSTEMS = ("erp", "oa", *READERS)
ORDERED = ("erp", "wms")
UNREACHABLE = 3  # the exit code of a process that finds no broker when it starts
SPARE = 20  # every so many keys go to `oa` as well, whose queue may be deleted while it is empty

ROUTING = """\
version: 1
systems:
  mes: {source: {adapter: queue}}
  erp: {sink: {adapter: database, url: "sqlite:///erp.db", retry: [500ms, 1s, 5s]}}
  oa: {sink: {adapter: file, folder: oa, retry: [500ms, 1s, 5s]}}
  scm: {sink: {adapter: queue}}
  wms: {sink: {adapter: queue}}
events:
  order.changed: {key: text, version: integer, spare: boolean, note: text}
routes:
  to-erp:
    {on: order.changed, to: erp, ordering: key, rows: {arrival: {event: event.id, code: data.key, version: data.version}}}
  to-oa: {on: order.changed, when: data.spare == true, to: oa, name: 'event.id + ".json"', json: {event: event.id, note: data.note}}
  to-scm: {on: order.changed, to: scm, json: data}
  to-wms: {on: order.changed, to: wms, ordering: key, xml: {order: {key: data.key, version: data.version}}}
"""


def event_name(key: int, version: int) -> str:
    return f"K{key:04}-{version}"


def is_spare(event: str) -> bool:
    return int(event[1:5]) % SPARE == 0


def subscribes(system: str, event: str) -> bool:
    return system != "oa" or is_spare(event)


def message_of(event: str) -> Message:
    key, _, version = event.rpartition("-")
    spare = "true" if is_spare(event) else "false"
    body = f'{{"key": "{key}", "version": {version}, "spare": {spare}, "note": "{"bolt M8 " * 60}"}}'
    headers = {
        "cloudEvents_specversion": "1.0", "cloudEvents_type": "order.changed", "cloudEvents_source": "mes",
        "cloudEvents_id": event, "cloudEvents_subject": key, "cloudEvents_partitionkey": key,
        "cloudEvents_time": "2026-11-23T08:00:00Z",
    }
    return Message(ROUTER, event, body.encode(), headers)


def topology_in(folder: Path) -> Topology:
    """The queues that the routing.yaml of a folder needs."""
    config, _ = usable_configuration(folder / "routing.yaml")
    return topology_of(config)

"""`bus topology` on the embedded broker, which makes its queues by itself."""

import asyncio
from pathlib import Path

import pytest

from bus.runtime.embedded import EmbeddedBroker
from bus.testing import letter
from bus.topology import Topology

from tests.topology.commands import bus

ROUTING = """version: 1
systems:
  erp: {source: {adapter: queue}}
  wms: {sink: {adapter: queue}}
routes:
  po: {on: purchase_order.released, to: wms, json: data}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "routing.yaml").write_text(ROUTING)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_plan_makes_no_file_and_apply_makes_its_queues_once(here: Path) -> None:
    planned = bus("topology", "plan", "-o", "json")
    assert planned.code == 1
    assert [change["name"] for change in planned.json["changes"]][:2] == ["bus.router", "bus.documents"]
    assert not (here / ".bus").exists()
    assert bus("topology", "apply", "-o", "json").json == planned.json
    assert bus("topology", "plan").code == 0
    assert bus("topology", "apply").out == "nothing to do\n"


def test_prune_empties_the_queues_of_systems_that_are_gone(here: Path) -> None:
    async def fill() -> None:
        broker = EmbeddedBroker(here / ".bus" / "bus.db")
        await broker.open(Topology(("crm", "erp", "wms")))
        await broker.publish(*(letter(f"{n}", "to.crm") for n in range(3)), letter("1", "to.wms"))
        await broker.close()

    asyncio.run(fill())
    assert bus("topology", "prune").code == 1
    pruned = bus("topology", "prune", "--yes", "-o", "json")
    assert (pruned.code, pruned.json) == (0, {"queues": [{"name": "to.crm", "messages": 3, "deleted": True}]})
    assert bus("topology", "prune").out == "no queue is left over\n"
    assert len(bus("consume", "wms", "--peek").out.splitlines()) == 1


def test_definitions_are_exported_without_any_broker_and_without_clear_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUS_PASSWORD_ERP", "canary")
    monkeypatch.setenv("BUS_PASSWORD_WMS_HASH", "aGFzaA==")
    said = bus("topology", "export")
    users = {user["name"]: user["password_hash"] for user in said.json["users"]}
    assert "canary" not in said.out + said.err
    assert len(users["erp"]) == 48
    assert (users["wms"], users["bus"]) == ("aGFzaA==", "")
    assert "set BUS_PASSWORD_BUS_DEPLOY" in said.err
    assert "BUS_PASSWORD_ERP" not in said.err
    assert {queue["vhost"] for queue in said.json["queues"]} == {"/"}
    assert bus("topology", "export", "--broker", "amqp://bus:canary@host/prod").json["vhosts"] == [{"name": "prod"}]

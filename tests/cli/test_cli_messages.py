"""`bus publish`, `bus consume`, `bus schema`: a publisher's and a reader's desk, beside a bus or without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import bus
from tests.cli.processes import Running, furnish, names, order, running, until

__all__ = ["bus"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration in the working directory, with documents to publish."""
    monkeypatch.chdir(furnish(tmp_path))
    (tmp_path / "order.json").write_text(order("S-1"))
    (tmp_path / "unknown.json").write_text(order("S-2", item="Z"))
    event = {"specversion": "1.0", "type": "order.placed", "source": "shop", "id": "S-3", "data": {"no": "S-3", "item": "I1"}}
    (tmp_path / "event.json").write_text(json.dumps(event))
    return tmp_path


def test_documents_and_events_are_published_while_nobody_runs_and_delivered_when_somebody_does(desk: Path, bus: Any) -> None:
    ran = bus("publish", "order.json", "unknown.json", "--from", "shop", "-o", "json")
    assert ran.code == 1
    first, second = ran.json["documents"]
    assert first == {"file": "order.json", "events": [{"type": "order.placed", "id": "S-1"}], "problem": None}
    assert (second["events"], second["problem"]["code"]) == ([], "unmapped-code")
    assert set(second["problem"]) == {"code", "message", "hint"}
    ran = bus("publish", "event.json")
    assert (ran.code, ran.out) == (0, "event.json  order.placed  S-3\n")
    assert Running(desk, "--until-idle").ended().code == 0
    assert names(desk / "out") == ["S-1", "S-3"]


def test_what_is_published_beside_a_bus_is_delivered_by_it(desk: Path, bus: Any) -> None:
    with running(desk) as house:
        assert bus("publish", "order.json", "--from", "shop").code == 0
        assert bus("publish", "event.json", "event.json").code == 0
        until(lambda: names(desk / "out") == ["S-1", "S-3"])
        taken = [message for _ in range(2) for message in bus("consume", "mill", "--peek", "-o", "json").json["messages"]]
        assert [message["body"] for message in taken] == ['{"number":"S-1"}', '{"number":"S-3"}'] * 2
        assert set(taken[0]) == {"id", "content_type", "content_encoding", "headers", "body"}
        assert taken[0]["headers"]["cloudEvents_source"] == "shop"
        assert taken[0]["headers"]["bus-route"] == "to-mill"
        ran = bus("consume", "mill", "-n", "1")
        assert (ran.code, ran.out) == (0, '{"number":"S-1"}\n')
        assert bus("consume", "mill").out == '{"number":"S-3"}\n'
        assert bus("consume", "mill").out == ""
        assert house.stop().code == 0


def test_what_is_typed_wrong_is_said(desk: Path, bus: Any) -> None:
    wrong = {
        ("publish", "order.json", "--from", "shpo"): "did you mean shop?",
        ("publish", "nowhere.json"): "nowhere.json",
        ("publish",): "FILES",
        ("consume", "mil"): "did you mean mill?",
        ("schema", "order.place"): "did you mean order.placed?",
        ("schema", "--routing", "nowhere"): "there is no nowhere",
    }
    for arguments, said in wrong.items():
        ran = bus(*arguments)
        assert (ran.code, ran.out) == (2, ""), arguments
        assert said in ran.err


def test_a_schema_is_json_schema_and_all_of_them_are_listed(desk: Path, bus: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = bus("schema", "order.placed", "-o", "json").json
    assert set(schema["required"]) == {"no", "item"}
    listed = bus("schema", "-o", "json").json["types"]
    assert {"type": "order.placed", "description": ""} in listed
    assert "purchase_order.released" in bus("schema").out
    monkeypatch.chdir(desk / "in")  # no configuration here: the shipped ones
    assert "order.placed" not in bus("schema").out
    assert bus("schema", "purchase_order.released", "-o", "json").json["properties"]["po_no"]


def test_on_a_terminal_an_event_type_is_shown_as_events_would_declare_it_and_may_be_put_there(
    desk: Path, bus: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bus("schema", "purchase_order.released").json["required"], "piped, it is JSON Schema"
    monkeypatch.setattr("bus.cli.messages.on_terminal", lambda: True)
    shown = bus("schema", "purchase_order.released").out
    assert "\n  po_no: text " in shown
    assert "# Purchase order number" in shown
    assert "\n  supplier?: " in shown
    assert "\n  lines: [{ " in shown
    routing = (desk / "routing.yaml").read_text("utf-8")
    declared = "".join(f"  {line}\n" for line in shown.replace("purchase_order.released:", "own.released:").splitlines())
    (desk / "routing.yaml").write_text(routing.replace("events:\n", f"events:\n{declared}"), "utf-8")
    assert bus("lint", "-o", "json").json["findings"] == []
    again = bus("schema", "own.released", "-o", "json").json
    assert again["required"] == bus("schema", "purchase_order.released", "-o", "json").json["required"]

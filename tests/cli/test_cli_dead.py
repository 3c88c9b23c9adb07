"""`bus dead` beside a bus that runs: what waits and why, shown, mended, tried again, dropped."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import bus, in_a_process
from tests.cli.processes import ROUTING, Running, furnish, names, order, put, running, until

__all__ = ["bus"]

TARGETS = ROUTING.replace("routes:\n", """\
routes:
  to-wall: {on: order.placed, to: wall, json: data}
""").replace("  mill:", """\
  wall:
    sink: {adapter: file, folder: wall, name: data.no, success: response.name == "a door"}
  mill:""")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A bus that runs in the working directory, with a parked document, a dead one and a dead delivery."""
    monkeypatch.chdir(furnish(tmp_path, TARGETS))
    put(tmp_path, "a.json", order("S-1"))
    put(tmp_path, "b.json", order("S-2", item="Z"))
    put(tmp_path, "c.json", '{"kind": "order"}')
    with running(tmp_path) as house:
        until(lambda: "delivery_dead" in house.err and house.err.count("document_") == 2)
        yield house


def test_letters_are_listed_shown_edited_replayed_and_dropped_while_the_bus_runs(
    house: Running, bus: Any, tmp_path: Path
) -> None:
    listed = bus("dead", "list", "-o", "json").json
    assert list(listed) == ["groups", "letters"]
    by_code = {letter["code"]: letter for letter in listed["letters"]}
    assert set(by_code) == {"unmapped-code", "path-missing-here", "target-refused"}
    for group in listed["groups"]:
        assert set(group) == {"state", "code", "message", "system", "route", "count", "first", "last"}
        assert group["count"] == 1
        assert datetime.fromisoformat(group["first"]) == datetime.fromisoformat(group["last"])
    dead = by_code["target-refused"]
    assert set(dead) >= {"id", "state", "code", "message", "system", "route", "type", "subject", "since", "attempts"}
    assert {name: dead[name] for name in ("state", "system", "route", "type", "subject", "attempts")} == {
        "state": "dead", "system": "wall", "route": "to-wall", "type": "order.placed", "subject": "S-1", "attempts": 1,
    }
    parked = by_code["unmapped-code"]
    assert (parked["state"], parked["system"], parked["route"]) == ("parked", "shop", None)
    assert parked["message"] == "unmapped code 'Z' in lookup item, column shop"
    assert datetime.fromisoformat(parked["since"]).tzinfo is not None

    text = bus("dead", "list").out
    for word in (dead["id"], "parked", "dead", "wall", "to-wall", "S-1", parked["message"], "routing.yaml:"):
        assert word in text
    for state in ("parked", "挂起"):  # as either language shows it
        chosen = bus("dead", "list", "--state", state, "-o", "json").json["letters"]
        assert [letter["code"] for letter in chosen] == ["unmapped-code"]
    assert bus("dead", "list", "--system", "mill", "-o", "json").json == {"groups": [], "letters": []}

    shown = bus("dead", "show", parked["id"][:12], "-o", "json").json
    assert json.loads(shown["body"])["no"] == "S-2"
    assert "add it to the table" in shown["hint"]
    text = bus("dead", "show", by_code["path-missing-here"]["id"]).out
    assert '{"kind": "order"}' in text
    assert "routing.yaml:" in text

    (tmp_path / "mended.json").write_text(order("S-3"))
    assert bus("dead", "edit", by_code["path-missing-here"]["id"], "mended.json").code == 0
    ran = bus("dead", "replay", by_code["path-missing-here"]["id"])
    assert (ran.code, ran.out) == (0, "replayed: 1\n")
    until(lambda: "S-3" in names(tmp_path / "out"))
    until(lambda: house.err.count("delivery_dead") == 2)  # the wall is as it was

    (tmp_path / "item.csv").write_text("bus,shop\nI1,A\nI9,Z\n")
    until(lambda: names(tmp_path / "out") == ["S-1", "S-2", "S-3"])
    until(lambda: house.err.count("delivery_dead") == 3)
    left = bus("dead", "list", "-o", "json").json
    assert [(group["code"], group["count"]) for group in left["groups"]] == [("target-refused", 3)]

    assert bus("dead", "drop", left["letters"][0]["id"]).out == "dropped: 1\n"
    assert bus("dead", "replay", "--route", "to-wall").out == "replayed: 2\n"
    until(lambda: house.err.count("delivery_dead") == 5)
    assert bus("dead", "drop", "--all").out == "dropped: 2\n"
    assert bus("dead", "list").out == "no dead letters, nothing parked\n"
    assert house.stop().code == 0


def test_a_wrong_choice_of_letters_is_said(house: Running, bus: Any, tmp_path: Path) -> None:
    wrong = {
        ("dead", "replay"): "no letters are named",
        ("dead", "drop"): "no letters are named",
        ("dead", "show", "no-such"): "there is no letter no-such",
        ("dead", "show", "no"): "no letter has the whole id no\n  write at least the first 6 characters",
        ("dead", "show"): "ID is missing",
        ("dead", "list", "demo", "mine"): "not expected here: demo mine\n  bus dead list --help says what it takes",
        ("dead", "edit", "no-such", "routing.yaml"): "there is no letter no-such",
        ("dead", "edit", "no-such", "nowhere.json"): "cannot read nowhere.json",
        ("dead", "list", "--routing", "nowhere"): "there is no nowhere",
        ("dead", "list", "--system", "wal"): "unknown system wal; known: shop, desk, wall, mill\n  did you mean wall?",
        ("dead", "list", "--system", "nobody", "-o", "json"): "unknown system nobody",
        ("dead", "replay", "--system", "wal"): "did you mean wall?",
        ("dead", "drop", "--route", "to-wal"): "unknown route to-wal, and no letter is of it\n  did you mean to-wall?",
        ("dead", "list", "--state", "park"): "--state park is none of dead, parked\n  did you mean parked?",
        ("dead", "drop", "--state", "open"): "--state open is none of dead, parked",
    }
    for arguments, said in wrong.items():
        ran = bus(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err
    for command in ("replay", "drop"):
        ran = bus("dead", command, "no-such")
        assert (ran.code, ran.out) == (1, f"{command}ed: 0\n".replace("pe", "ppe"))
        assert ran.err == "there is no letter no-such\n  bus dead list shows them\n"
        assert "the first 6 characters" in bus("dead", command, "no-su").err
    assert bus("dead", "list", "--code", "no-such").out == "no letter fits these conditions\n"
    ran = bus("dead", "replay", "--code", "target-refuse")
    assert (ran.code, ran.out) == (0, "replayed: 0\n")
    assert ran.err == "no letter has the code target-refuse; did you mean target-refused?\n"
    for of_none in (("--route", "to-mill"), ("--system", "mill", "--code", "target-refused"), ("--subject", "S-9")):
        ran = bus("dead", "drop", *of_none)
        assert (ran.code, ran.out, ran.err) == (0, "dropped: 0\n", "")
    assert len(bus("dead", "list", "-o", "json").json["letters"]) == 3

    chinese = in_a_process("dead", "list", BUS_LANG="zh")
    assert chinese.code == 0
    for word in ("挂起", "死信", "对照表 item", "单据号"):
        assert word in chinese.out
    machine = json.loads(in_a_process("dead", "list", "-o", "json", BUS_LANG="zh").out)
    assert {letter["code"] for letter in machine["letters"]} == {"unmapped-code", "path-missing-here", "target-refused"}


@pytest.mark.parametrize(
    "arguments", [("dead", "list"), ("dead", "replay", "--all"), ("dead", "show", "0123456"), ("consume", "mill")]
)
def test_in_the_wrong_folder_nobody_is_told_that_nothing_waits(
    arguments: tuple[str, ...], bus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(furnish(tmp_path, TARGETS))
    for broker, store in (((), ".bus/bus.db"), (("--broker", "sqlite:there/bus.db"), "there/bus.db")):
        ran = bus(*arguments, *broker)
        assert (ran.code, ran.out) == (3, "")
        assert ran.err.startswith(f"error: there is no store at {store}\n  name the broker with --broker or BUS_BROKER")
        assert not Path(store).parent.exists()


def test_an_id_that_stands_for_several_letters_drops_none(house: Running, bus: Any, tmp_path: Path) -> None:
    for name in ("refused-1", "refused-10"):
        put(tmp_path, f"{name}.json", '{"kind": "order"}')
    until(lambda: house.err.count("document_") == 4)
    ids = {letter["id"] for letter in bus("dead", "list", "-o", "json").json["letters"]}
    for command in ("show", "replay", "drop"):
        ran = bus("dead", command, "refused")
        assert (ran.code, ran.out) == (2, "")
        assert "2 letters begin with refused" in ran.err
    assert {letter["id"] for letter in bus("dead", "list", "-o", "json").json["letters"]} == ids
    assert bus("dead", "drop", "refused-1.").out == "dropped: 1\n"


def test_a_body_that_is_not_json_leaves_the_letter_as_it_is(house: Running, bus: Any, tmp_path: Path) -> None:
    id_ = bus("dead", "list", "--code", "target-refused", "-o", "json").json["letters"][0]["id"]
    before = bus("dead", "show", id_, "-o", "json").json["body"]
    (tmp_path / "broken.json").write_text('{"no": "S-1",')
    ran = bus("dead", "edit", id_, "broken.json")
    assert (ran.code, ran.out) == (2, "")
    assert "the letter was left as it is" in ran.err
    assert bus("dead", "show", id_, "-o", "json").json["body"] == before


def test_a_body_may_be_mended_in_an_editor(house: Running, bus: Any, tmp_path: Path) -> None:
    id_ = bus("dead", "list", "--code", "target-refused", "-o", "json").json["letters"][0]["id"]
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/S-1/S-7/ "$1"\n')
    editor.chmod(0o755)
    assert in_a_process("dead", "edit", id_, VISUAL=str(editor)).out == f"edited: {id_}\n"
    shown = bus("dead", "show", id_, "-o", "json").json
    assert (shown["id"], json.loads(shown["body"])["no"]) == (id_, "S-7")
    assert in_a_process("dead", "edit", id_, VISUAL="true").out == f"left as it is: {id_}\n"
    missing = in_a_process("dead", "edit", id_, VISUAL=str(tmp_path / "none"))
    assert (missing.code, "no editor could be opened" in missing.err) == (2, True)


def test_replayed_letters_wait_for_a_bus_and_whoever_replays_is_told(house: Running, bus: Any) -> None:
    assert "nobody runs the bus" not in bus("dead", "replay", "--system", "wall").err
    until(lambda: house.err.count("delivery_dead") == 2)
    house.stop()
    ran = bus("dead", "replay", "--system", "wall")
    assert (ran.out, ran.err) == ("replayed: 1\n", "nobody runs the bus now: replayed letters wait for bus run (or bus run --until-idle)\n")
    ran = bus("dead", "replay", "--system", "wall")
    assert (ran.code, ran.out, ran.err) == (0, "replayed: 0\n", "")  # nothing waits for a bus


def test_of_several_ids_those_that_are_no_letter_s_are_told_and_the_others_done(house: Running, bus: Any) -> None:
    [letter] = bus("dead", "list", "--system", "wall", "-o", "json").json["letters"]
    ran = bus("dead", "drop", letter["id"], "no-such")
    assert (ran.code, ran.out) == (1, "dropped: 1\n")
    assert ran.err == "there is no letter no-such\n  bus dead list shows them\n"


def test_a_refusal_shows_the_condition_what_it_read_and_the_answer(house: Running, bus: Any) -> None:
    [letter] = bus("dead", "list", "--system", "wall", "-o", "json").json["letters"]
    assert letter["message"].endswith('; success is false: response.name == "a door" (routing.yaml:8)')
    shown = bus("dead", "show", letter["id"], "-o", "json").json
    assert 'file answered, but not as wanted: response.name "S-1" == "a door"' in shown["hint"]
    assert '"name":"S-1"' in shown["answer"]
    assert '"name":"S-1"' not in house.err

"""What Prometheus and the log show: every fact, no secret, nobody's document."""

import json
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from bus.errors import UsageError
from bus.runtime.deadletters import Groups
from bus.runtime.listener import serve_metrics, split_address
from bus.runtime.telemetry import Log

from tests.runtime.whole import SHOP, Request, Whole, answer, answering, order, placed, play, running, until

BODY = "canary-in-a-document"
SECRET = "canary-of-a-secret"


def series(text: str) -> dict[str, float]:
    """The samples of a page of metrics."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def page(bus: Whole) -> str:
    """What Prometheus reads."""
    server = serve_metrics("127.0.0.1:0", bus.telemetry.metrics.registry)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=5) as response:
            return str(response.read().decode())
    finally:
        server.shutdown()
        server.server_close()


def test_every_series_has_the_value_of_what_happened(tmp_path: Path) -> None:
    async def story() -> None:
        def told(request: Request) -> bytes:
            no = request.json["no"]
            if no == "S-3":
                return answer({"code": "E", "message": "no"}, status=422)
            if no == "S-4" and sum(one.json["no"] == "S-4" for one in target.requests) == 1:
                return answer(status=503)
            return answer()

        routing = SHOP.replace("routes:", """\
routes:
  shadow: {on: order.placed, to: wms, mode: shadow, json: data}""")
        async with answering(told) as target, running(tmp_path, routing, target=target) as bus:
            for n in range(5):
                await bus.post(order(f"S-{n}"))
            await bus.post(order("S-0"))
            await bus.post(order("S-1", qty="7"))
            await bus.post(order("S-9", item="Z"))
            await bus.post(b"{")
            await bus.publish(replace(placed("T"), type="order.taken"), replace(placed("U"), type="nothing.known"))
            await bus.idle()
            waiting = {"dead.wms": 1, "bus.invalid": 4, "to.wms": 0}  # they are looked at now and then
            await until(lambda: {queue: bus.value("bus_queue_messages", queue=queue) for queue in waiting} == waiting)
            await until(lambda: bus.value("bus_queue_oldest_seconds", queue="dead.wms") > 0)
            found = series(page(bus))

        wanted = {
            'bus_events_accepted_total{system="shop"}': 7,
            'bus_documents_total{outcome="accepted",system="shop"}': 7,
            'bus_documents_total{outcome="parked",system="shop"}': 1,
            'bus_documents_total{outcome="dead",system="shop"}': 1,
            'bus_events_routed_total{route="to-wms",system="wms"}': 5,
            'bus_events_routed_total{route="to-oa",system="oa"}': 5,
            'bus_events_unrouted_total{type="order.taken"}': 1,
            'bus_events_invalid_total{code="event-type-unknown"}': 1,
            'bus_events_duplicate_total{system="shop"}': 1,
            'bus_events_conflict_total{system="shop"}': 1,
            'bus_events_shadowed_total{route="shadow",system="wms"}': 5,
            'bus_deliveries_done_total{route="to-wms",system="wms"}': 4,
            'bus_deliveries_done_total{route="to-oa",system="oa"}': 5,
            'bus_deliveries_retried_total{route="to-wms",system="wms"}': 1,
            'bus_deliveries_dead_total{route="to-wms",system="wms"}': 1,
            'bus_delivery_processing_seconds_count{route="to-wms",system="wms"}': 4,
            'bus_delivery_critical_seconds_count{route="to-oa",system="oa"}': 5,
            'bus_queue_messages{queue="dead.wms"}': 1,
            'bus_queue_messages{queue="bus.invalid"}': 4,
            'bus_queue_messages{queue="to.wms"}': 0,
            'bus_adapter_up{side="sink",system="wms"}': 1,
            'bus_adapter_up{side="source",system="shop"}': 1,
            "bus_broker_up": 1,
        }
        assert {name: found.get(name) for name in wanted} == wanted

    play(story)


def test_every_counter_is_named_and_told_about(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as bus:
            text = page(bus)
        helped = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
        assert helped >= {
            "bus_events_accepted_total", "bus_deliveries_parked_total", "bus_letters_released_total",
            "bus_messages_poison_total", "bus_queue_oldest_seconds", "bus_reloads_total", "bus_broker_up",
        }

    play(story)


SECRETIVE = SHOP.replace("path: /in,", 'path: /in, secret: "${KEY}",').replace(
    'url: "URL"', 'url: "${WMS}", headers: {Authorization: "${KEY}"}'
).replace("  oa:", """\
  bank: {sink: {adapter: database, url: "${BANK}", retry: [50ms]}}
  mill: {source: {adapter: file, folder: mill, format: xml, settle: 0s}}
  old: {source: {adapter: database, url: "${BANK}", table: outbox}}
  oa:""").replace("routes:", """\
routes:
  to-bank: {on: order.placed, to: bank, rows: {orders: {no: data.no, note: data.note}}}
  broken: {on: order.placed, to: oa, name: '"x"', json: {no: data.no, gone: data.gone}}""").replace(
    "note?: text}", "note?: text, gone?: text}", 1
)


def test_no_line_metric_or_letter_holds_a_secret_or_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        answers = [
            answer(status=500), answer("<html>" + BODY, content_type="text/html"), b"", answer(BODY.encode() + b"\xff"),
            answer(status=403), answer(status=302, location=f"http://x/{SECRET}"),
        ]

        def told(request: Request) -> bytes:
            assert request.headers["authorization"] == SECRET
            return answers[len(target.requests) % len(answers)]

        async with answering(told) as target:
            monkeypatch.setenv("KEY", SECRET)
            monkeypatch.setenv("WMS", target.url + f"?key={SECRET}")
            monkeypatch.setenv("BANK", f"postgresql+psycopg://bank:{SECRET}@127.0.0.1:9/bank")
            async with running(tmp_path, SECRETIVE, level="debug") as bus:
                said: list[object] = []
                for document in (order("S-1", note=BODY), b"{" + BODY.encode(), b"\xff" + BODY.encode()):
                    said.append(await bus.post(document))  # unsigned
                    said += [await bus.accept(system, document) for system in ("shop", "mill")]
                said.append(await bus.accept("shop", order("S-1", note=BODY + "2")))
                said.append(await bus.accept("shop", order("S-2", note=BODY, item="Z")))
                said.append(await bus.accept("shop", {"kind": "order", "note": BODY}))
                said.append(await bus.accept("shop", {"kind": "other", "note": BODY}))
                await bus.publish(
                    placed("S-3", note=BODY), placed("S-4", note=BODY, qty=[BODY]), placed("S-5", note=BODY),
                    replace(placed("S-6", note=BODY), type="order.unknown"),
                )
                (tmp_path / "mill" / "a.xml").write_text(f"<a>{BODY}")
                (tmp_path / "item.csv").write_text('bus,shop\n"C')
                await until(lambda: bus.value("bus_deliveries_dead_total", route="to-bank", system="bank") >= 3)
                await until(lambda: bus.lines("configuration_refused") != [])
                await until(lambda: len(bus.lines("document_dead")) >= 4)
                await until(lambda: bus.lines("adapter_down") != [])
                letters = await bus.letters()
                assert {letter.code for letter in letters} >= {
                    "mapped-empty", "identity-conflict", "no-rule", "unmapped-code", "retries-exhausted", "event-invalid",
                }
                groups = Groups()
                for letter in letters:
                    groups.add(letter)
                shown = [*bus.log, page(bus), repr(groups.all()), repr(said)]
                shown += [repr((letter, letter.message, letter.hint)) for letter in letters]
                shown += [str(error) + error.hint for error in bus.app.troubles.values()]
                shown += [path.read_text() for path in (tmp_path / ".bus").glob("status-*.json")]
        for canary in (SECRET, BODY):
            assert [text for text in shown if canary in text] == []
        assert len(letters) >= 10

    play(story)


def test_log_lines_are_one_line_each_for_people_and_for_machines() -> None:
    import io

    plain, machine, quiet = io.StringIO(), io.StringIO(), io.StringIO()
    for log in (Log(plain), Log(machine, as_json=True), Log(quiet, level="error"), Log()):
        log.write("warning", "document_parked", name="a b\nc", empty="", missing=None, count=0, word="采购")
    [line] = plain.getvalue().splitlines()
    assert line.split(" ", 1)[1] == 'warning document_parked name="a b\\nc" count=0 word=采购'
    fields = json.loads(machine.getvalue())
    assert fields.pop("time")
    assert fields == {"level": "warning", "event": "document_parked", "name": "a b\nc", "count": 0, "word": "采购"}
    assert quiet.getvalue() == ""


@pytest.mark.parametrize(
    ("address", "expected"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), (":80", ("127.0.0.1", 80)), ("[::1]:80", ("::1", 80)), ("0.0.0.0:80", ("0.0.0.0", 80))],
)
def test_an_address_is_host_and_port(address: str, expected: tuple[str, int]) -> None:
    assert split_address(address, "--listen") == expected


@pytest.mark.parametrize("address", ["", "host", "host:port", "host:70000", "host:-1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="--listen"):
        split_address(address, "--listen")

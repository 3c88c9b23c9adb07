"""The warehouse: a real HTTP server that speaks Qimen-like XML, and has its moods."""

import contextlib
import socket
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bus.adapter import SourceOptions
from bus.codecs import Element, read
from bus.texts import say

ANSWER = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    "<response><flag>{flag}</flag><code>{code}</code><message>{message}</message>{more}</response>"
)


class _Server(ThreadingHTTPServer):
    """Remembers its connections, so that it can go down with all of them."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._connections: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a connection that went down with the server."""

    def down(self) -> None:
        """Refuse connections, and break those there are."""
        self.shutdown()
        self.server_close()
        for connection in tuple(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Warehouse:
    """Takes orders at /qimen, posts receipts to the bus.

    It answers 200 whatever happens; `flag` says how it went. It is busy at the first try of an order,
    does not know an item it has no master data of, and has blocked a supplier.
    """

    def __init__(self) -> None:
        self.orders: dict[str, str] = {}
        self.requests: list[str] = []
        self.unknown_items = {"SKU-M8"}
        self.blocked_suppliers = {"66600"}
        self._busy_once: set[str] = set()
        self._server: _Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/qimen"

    def open(self) -> None:
        """Begin to answer; the same port as before, if there was one."""
        warehouse = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = warehouse.answer(body).encode()
                self.send_response(200)
                self.send_header("content-type", "application/xml")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Say nothing; the story does."""

        self._server = _Server(("127.0.0.1", self.port), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Go down: connections are refused, and those there were are gone."""
        server, self._server = self._server, None
        if server is not None:
            server.down()

    def answer(self, body: bytes) -> str:
        """Take an order, or say why not."""
        request = read("xml", body, SourceOptions(format="xml")).child("request")
        order = request.child("entryOrder")
        number = order.child("entryOrderCode").text
        lines = request.child("orderLines").child("orderLine")
        items = {line.child("itemCode").text for line in (lines if isinstance(lines, list) else [lines])}
        supplier = order.child("supplierCode")
        self.requests.append(number)
        if number not in self._busy_once and number.endswith("1"):
            self._busy_once.add(number)
            return ANSWER.format(flag="failure", code="S001", message=say("wms-busy"), more="")
        if items & self.unknown_items:
            return ANSWER.format(flag="failure", code="E404", message=say("wms-no-item"), more="")
        if isinstance(supplier, Element) and supplier.text in self.blocked_suppliers:
            return ANSWER.format(flag="failure", code="B017", message=say("wms-blocked"), more="")
        kind = "modify" if order.item("@action") == "modify" else "create"
        self.orders[f"{number} {kind}"] = body.decode("utf-8")
        more = f"<entryOrderId>E{number[-6:]}</entryOrderId>"
        return ANSWER.format(flag="success", code="0", message="ok", more=more)

    @staticmethod
    def confirm(bus: str, receipt: str, order: str, status: str, lines: list[tuple[int, str, str, str]]) -> int:
        """Post a receipt to the bus; lines are (number, item, came, missing). Return the HTTP status."""
        rows = "".join(
            f"<orderLine><orderLineNo>{number}</orderLineNo><itemCode>{item}</itemCode><inventoryType>ZP</inventoryType>"
            f"<actualQty>{came}</actualQty>{f'<shortQty>{missing}</shortQty>' if missing else ''}"
            f"<batchCode>B2026-{number}</batchCode></orderLine>"
            for number, item, came, missing in lines
        )
        body = (
            f"<request><entryOrder><entryOrderCode>{order}</entryOrderCode><warehouseCode>SH-A</warehouseCode>"
            f"<outBizCode>{receipt}</outBizCode><status>{status}</status><operateTime>2026-12-08 09:30:00</operateTime>"
            f"</entryOrder><orderLines>{rows}</orderLines></request>"
        )
        request = urllib.request.Request(  # noqa: S310 - the bus's own address
            f"{bus}/in/wms", body.encode(), {"content-type": "application/xml"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - the same
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code

"""How the listener's connections speak HTTP: uvicorn's protocol over a parser in C, made fit for anybody's requests.

Of itself it keeps a header however long it grows, and loses the document of a client that offers to speak
HTTP/2 with its first request, as Java's does.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024


class Protocol(HttpToolsProtocol):
    """One connection."""

    _unread_bytes = 0  # since something of use came: a whole head, a part of a body, an end

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._unread_bytes += len(data)
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                # Another offer in what is left: nobody makes one before the first is answered.
                self._pass_over(data[offer.args[0]:])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.send_400_response("Invalid HTTP request received.")
        if self._unread_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("Header too large.")

    def on_headers_complete(self) -> None:
        self._unread_bytes = 0
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread_bytes = 0
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _pass_over(self, rest: bytes) -> None:
        """Read a request as if it had made no offer of another protocol; the parser has stopped behind its head."""
        kept = [(name, value) for name, value in self.headers if name != b"upgrade"]
        if len(kept) == len(self.headers):  # CONNECT: nothing else is left of it
            raise httptools.HttpParserError
        head = [self.parser.get_method() + b" " + self.url + b" HTTP/1.1"]
        head += [name + b": " + value for name, value in kept]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(b"\r\n".join([*head, b"", rest]))

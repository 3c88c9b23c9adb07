"""XML: no document type, no entity, no file, no network, no huge tree."""

import socket
import time
from pathlib import Path

import pytest

from bus.adapter import SourceOptions
from bus.codecs import plain, read
from bus.errors import DocumentError

CANARY = "canary"
LIMIT_S = 0.1


def attacks(file: Path, port: int) -> dict[str, str]:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return {
        "a file by an entity": f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{file}">]><r>&x;</r>',
        "a file by a parameter entity": f'<!DOCTYPE r [<!ENTITY % x SYSTEM "file://{file}"> %x;]><r/>',
        "a document type from the network": f'<!DOCTYPE r SYSTEM "http://127.0.0.1:{port}/x.dtd"><r/>',
        "an entity from the network": f'<!DOCTYPE r [<!ENTITY x SYSTEM "http://127.0.0.1:{port}/">]><r>&x;</r>',
        "a billion laughs": f'<!DOCTYPE r [<!ENTITY l0 "ha">{laughs}]><r>&l9;</r>',
        "a quadratic blow-up": f'<!DOCTYPE r [<!ENTITY x "{"a" * 50_000}">]><r>{"&x;" * 5_000}</r>',
        "a hundred thousand levels": "<a>" * 100_000 + "</a>" * 100_000,
    }


@pytest.mark.parametrize("what", attacks(Path(), 0))
def test_an_attack_is_refused_at_once_and_touches_nothing(what: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        body = attacks(tmp_path / "secret", listener.getsockname()[1])[what].encode()
        began = time.process_time()
        with pytest.raises(DocumentError) as refused:
            read("xml", body, SourceOptions(format="xml"))
        assert time.process_time() - began < LIMIT_S
        assert CANARY not in str(refused.value)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()  # nobody called


def test_a_file_is_not_included(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(CANARY)
    body = f'<r xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{tmp_path}/secret" parse="text"/></r>'
    assert CANARY not in str(plain(read("xml", body.encode(), SourceOptions(format="xml"))))

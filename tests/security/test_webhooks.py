"""Webhooks: a request is genuine, on time and the first of its kind, or it is refused before it is read."""

import base64
import hashlib
import hmac
import inspect

import pytest

from adapters.http_signature import WINDOW_S, Signatures
from bus.errors import Refused

KEY = b"a key of a test's own"
NOW = 1_700_000_000
BODY = b'{"qty": 1}'


def headers(body: bytes = BODY, id_: str = "msg-1", at: int = NOW) -> dict[str, str]:
    mac = hmac.new(KEY, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id_, "webhook-timestamp": str(at), "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def code(given: dict[str, str], body: bytes = BODY, now: int = NOW) -> str:
    """Return why a request is refused, "" when it is not."""
    try:
        Signatures(KEY.decode()).check(given, body, now)
    except Refused as error:
        return error.code
    return ""


def test_a_genuine_request_is_taken() -> None:
    assert code(headers()) == ""


def test_every_flipped_bit_of_the_body_is_noticed() -> None:
    for bit in range(len(BODY) * 8):
        flipped = bytearray(BODY)
        flipped[bit // 8] ^= 1 << bit % 8
        assert code(headers(), bytes(flipped)) == "http-signature-wrong"


def test_every_flipped_bit_of_the_signature_is_noticed() -> None:
    given = headers()
    mac = bytearray(base64.b64decode(given["webhook-signature"][3:]))
    for bit in range(len(mac) * 8):
        mac[bit // 8] ^= 1 << bit % 8
        assert code({**given, "webhook-signature": f"v1,{base64.b64encode(mac).decode()}"}) == "http-signature-wrong"
        mac[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize(("off_s", "said"), [
    (-301, "http-timestamp-off"), (301, "http-timestamp-off"), (-300, ""), (300, ""), (0, ""),
])
def test_a_clock_may_be_off_by_five_minutes_and_no_second_more(off_s: int, said: str) -> None:
    assert WINDOW_S == 300
    assert code(headers(at=NOW + off_s)) == said


def test_a_replay_is_refused_for_as_long_as_its_time_is_good() -> None:
    signatures = Signatures(KEY.decode())
    given = headers(at=NOW + 300)
    signatures.check(given, BODY, NOW)
    for later_s in (0, 299, 600):
        with pytest.raises(Refused) as refused:
            signatures.check(given, BODY, NOW + later_s)
        assert refused.value.code == "http-replayed"
    with pytest.raises(Refused) as late:
        signatures.check(given, BODY, NOW + 601)
    assert late.value.code == "http-timestamp-off"


def test_the_same_json_written_otherwise_is_not_the_same() -> None:
    assert code(headers(), b'{"qty":1}') == "http-signature-wrong"


def test_the_signed_bytes_cannot_be_cut_elsewhere() -> None:
    given = headers(b"2." + BODY, id_="msg", at=1)  # signs msg.1.2.{…}
    assert code({**given, "webhook-id": "msg.1", "webhook-timestamp": "2"}, now=2) == "http-signature-wrong"


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_nothing_may_be_missing(missing: str) -> None:
    assert code({**headers(), missing: ""}) == "http-signature-missing"


def test_signatures_are_compared_in_constant_time() -> None:
    assert "compare_digest" in inspect.getsource(Signatures)

"""What RabbitMQ says when it refuses, and what that is to the bus."""

import re
import ssl
from typing import Any

from bus.errors import BusError, ConfigurationError, Refused, Unavailable, why
from bus.runtime.rabbitmq.url import Address

# pika keeps code and text of a refused login only as a text of its own.
_CLOSED = re.compile(r"\((\d{3})\) ['\"](.*)['\"]", re.DOTALL)
_DIFFERS = re.compile(
    r"inequivalent arg '(.+?)' for (\w+) '(.+?)' in vhost '.*?': "
    r"received (?:the value )?'?(.+?)'?(?: of type '\w+')? "
    r"but current is (?:the value )?'?(.+?)'?(?: of type '\w+')?$"
)
_TOO_LARGE = re.compile(r"message size \d+ is larger than (?:configured )?max size (\d+)")


class Missing(Unavailable):
    """The queue or exchange that was asked for does not exist."""


class TooLarge(Refused):
    """The broker takes no message of that size; `limit` is what it said, in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__("amqp-too-large", limit=limit)
        self.limit = limit


def _root(reason: Any) -> BaseException:
    """What pika's error wraps, through any number of layers."""
    several, single = getattr(reason, "exceptions", ()), getattr(reason, "exception", None)
    for wrapped in (*several[-1:], single, *getattr(reason, "args", ())[:1]):
        if isinstance(wrapped, BaseException):
            return _root(wrapped)
    return reason  # type: ignore[no-any-return]  # an exception: that is what pika hands out


def translate(reason: BaseException, address: Address) -> BusError:
    """Say what pika's error is to the bus."""
    last = _root(reason)
    if isinstance(last, ssl.SSLCertVerificationError):
        return ConfigurationError("amqp-certificate", address=str(address), reason=last.verify_message)
    if isinstance(last, ssl.SSLError):
        return ConfigurationError("amqp-tls", address=str(address), reason=last.reason or str(last))
    if isinstance(last, OSError):
        return Unavailable(what=str(address), reason=why(last))
    code = getattr(last, "reply_code", None)
    text = getattr(last, "reply_text", None)
    if code is None and (found := _CLOSED.search(str(last))):
        code, text = int(found[1]), found[2]
    if code is None:
        return Unavailable("amqp-lost", address=str(address))
    return _by_reply_code(code, str(text), address)


def _by_reply_code(code: int, text: str, address: Address) -> BusError:
    said = text.partition(" - ")[2] or text  # the name of the code stands before it
    where = str(address)
    if code == 403 and "Login was refused" in text:
        return ConfigurationError("amqp-login", address=where, user=address.user)
    if code == 403:
        return ConfigurationError("amqp-access", address=where, user=address.user, reason=said)
    if code == 404:
        return Missing("amqp-missing", address=where, reason=said)
    if code == 530 and "not found" in text:
        return ConfigurationError("amqp-vhost", address=where, virtual_host=address.virtual_host)
    if code == 530 and "refused for user" in text:
        return ConfigurationError("amqp-access", address=where, user=address.user, reason=said)
    if code == 406 and (differs := _DIFFERS.search(text)):
        argument, kind, name, wanted, found = differs.groups()
        return ConfigurationError(
            f"amqp-{kind}-differs", name=name, argument=argument, wanted=wanted, found=found
        )
    if code == 406 and (large := _TOO_LARGE.search(text)):
        return TooLarge(int(large[1]))
    return Unavailable(what=where, reason=f"{code} {said}")

"""URLs of brokers: amqp:// and amqps://, several for fail-over, the password never shown."""

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from bus.errors import ConfigurationError, UsageError
from bus.texts import say

_PORTS = {"amqp": 5672, "amqps": 5671}
_NEXT = re.compile(r",(?=\s*amqps?://)")
# Up to the last @, so that a password with signs that should have been escaped is hidden as well.
_PASSWORD = re.compile(r"(?<=//)([^:/@]*):.*@", re.DOTALL)
# The names RabbitMQ's own clients use, https://www.rabbitmq.com/docs/uri-query-parameters
_FILES = ("cacertfile", "certfile", "keyfile")
_OPTIONS = (*_FILES, "server_name_indication", "heartbeat", "connection_timeout")


@dataclass(frozen=True, slots=True)
class Address:
    """Where one broker listens and how to be let in; `str` shows it without the password.

    Args:
        tls: what `amqps` needs, from the URL's query: cacertfile, certfile, keyfile.
        server_name: that the broker's certificate must name.
    """

    scheme: str
    host: str
    port: int
    virtual_host: str
    user: str
    password: str
    tls: tuple[tuple[str, str], ...] = ()
    server_name: str = ""
    heartbeat_s: int = 10
    connect_timeout_s: float = 10.0

    def __str__(self) -> str:
        path = "" if self.virtual_host == "/" else f"/{self.virtual_host}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{self.user}:***@{host}:{self.port}{path}"

    def __repr__(self) -> str:
        return str(self)

    def context(self) -> ssl.SSLContext | None:
        """What verifies the broker, its name included, for `amqps`; None for `amqp`.

        Raises:
            ConfigurationError: a file it names cannot be used.
        """
        if self.scheme != "amqps":
            return None
        files = dict(self.tls)
        try:
            context = ssl.create_default_context(cafile=files.get("cacertfile"))
            if "certfile" in files:
                context.load_cert_chain(files["certfile"], files.get("keyfile"))
        except (OSError, ssl.SSLError) as exc:
            raise ConfigurationError("amqp-certificate-file", address=str(self), reason=str(exc)) from exc
        return context


def mask(url: str) -> str:
    """The URL or URLs with every password as `***`.

    >>> mask("amqp://bus:secret@mq1/prod,amqp://bus:secret@mq2/prod")
    'amqp://bus:***@mq1/prod,amqp://bus:***@mq2/prod'
    """
    return ",".join(_PASSWORD.sub(r"\1:***@", part) for part in _NEXT.split(url))


def addresses(url: str) -> tuple[Address, ...]:
    """Read one URL, or several with commas between them; the first that answers is used.

    No user means guest, an empty path or `/%2F` is virtual host `/`.

    Raises:
        UsageError: it cannot be read; the password is not in the message.

    >>> addresses("amqp://mq1,amqps://bus:secret@mq2/prod")
    (amqp://guest:***@mq1:5672, amqps://bus:***@mq2:5671/prod)
    """
    return tuple(_address(part.strip()) for part in _NEXT.split(url))


def _address(url: str) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unreadable(url, say("amqp-url-form")) from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.fragment:
        raise _unreadable(url, say("amqp-url-form"))
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - set(_OPTIONS)):
        raise _unreadable(url, say("amqp-url-option", option=unknown[0], known=", ".join(_OPTIONS)))
    files = tuple((name, options[name]) for name in _FILES if name in options)
    if files and parts.scheme != "amqps":
        raise _unreadable(url, say("amqp-url-tls", option=files[0][0]))
    for name, path in files:
        if not Path(path).is_file():
            raise _unreadable(url, say("amqp-url-file", option=name, path=path))
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        virtual_host=_virtual_host(url, parts),
        user=unquote(parts.username or "") or "guest",
        password=unquote(parts.password) if parts.password is not None else "guest",
        tls=files,
        server_name=options.get("server_name_indication", ""),
        heartbeat_s=int(_number(url, options, "heartbeat", 10)),
        connect_timeout_s=_number(url, options, "connection_timeout", 10),
    )


def _virtual_host(url: str, parts: SplitResult) -> str:
    path = parts.path.removeprefix("/")
    if "/" in path:
        raise _unreadable(url, say("amqp-url-path", path=path.replace("/", "%2F")))
    return unquote(path) or "/"


def _number(url: str, options: dict[str, str], name: str, otherwise: float) -> float:
    text = options.get(name)
    if text is None:
        return otherwise
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise _unreadable(url, say("amqp-url-number", option=name, value=text))
    return float(text)


def _unreadable(url: str, reason: str) -> UsageError:
    return UsageError("amqp-url", url=mask(url), reason=reason)

"""What an adapter is: a Source that brings documents in, a Sink that delivers them, or both.

An adapter is one file: its pydantic options (validation, lint and documentation at once), its source,
its sink, and a `SPEC` that names them, published under the entry point group `bus.adapters`.
The bus calls `Source.run` and `Sink.deliver`; retries, dead letters, order, metrics and logs are the
bus's own, so an adapter holds none of them.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from bus.errors import BusError
from bus.event import Event


class Options(BaseModel):
    """Base of every adapter's options; an unknown key is an error with the nearest name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# An option that holds an expression of routing.yaml; the word says which names it may use.
Expression = Annotated[str, Field(json_schema_extra={"expression": "delivery"})]  # event, data, let names
ResponseExpression = Annotated[str, Field(json_schema_extra={"expression": "response"})]
# A URL, or anything else that holds a password: masked wherever it is shown.
Secret = Annotated[str, Field(json_schema_extra={"secret": True})]
# 500ms 5s 30m 1h 2d, as the number of seconds.
Duration = Annotated[float, Field(json_schema_extra={"duration": True})]


class Numbers(Options):
    """How a source writes numbers, for what `decimal()` reads."""

    thousands: str = ""
    decimal: str = "."
    trailing_minus: bool = False


class Column(Options):
    """One column of a fixed-width document: where it begins, from 1, and its width."""

    at: int = Field(ge=1)
    width: int = Field(ge=1)


class SourceOptions(Options):
    """What every source understands: the format of its documents and how to read it.

    Args:
        encoding: name of the charset; never guessed. XML may declare its own.
        max_body: bytes; a larger document is refused before it is read.
        skip, header, delimiter, quote, trim: for csv. columns: for fixed.
    """

    format: str = "json"
    encoding: str = "utf-8"
    max_body: int = Field(default=8 * 1024 * 1024, ge=1)
    numbers: Numbers = Numbers()
    skip: int = Field(default=0, ge=0)
    header: bool = True
    delimiter: str = ","
    quote: str = '"'
    trim: bool = True
    columns: dict[str, Column] = {}


class Failure(Options):
    """One line of `failures`: when it fits, `do` says what becomes of the delivery."""

    when: ResponseExpression
    do: str = Field(pattern="^(retry|done|park|dead)$")


class SinkOptions(Options):
    """What every sink understands: what success is, how failures are sorted, when to try again."""

    success: ResponseExpression | None = None
    failures: list[Failure] = []
    retry: list[Duration] = [5.0, 30.0, 300.0, 3600.0]
    encoding: str = "utf-8"
    concurrency: int = Field(default=8, ge=1, le=1000)


@dataclass(frozen=True, slots=True)
class Document:
    """What a system sent, untouched.

    Args:
        system: who sent it.
        name: what a person recognises it by: file name, row key, request path.
        id: the same when the same document is read again, e.g. after a crash.
    """

    system: str
    body: bytes
    name: str
    id: str
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a document: it is stored, as events, or parked for a person.

    Args:
        events: (type, id) of each event made of it.
        problem: why it, or a part of it, is parked or dead instead; None when all is well.
    """

    events: tuple[tuple[str, str], ...]
    problem: BusError | None = None


Accept = Callable[[Document], Awaitable[Accepted]]


@dataclass(frozen=True, slots=True)
class Outbound:
    """One delivery as a sink gets it.

    Args:
        id: idempotency key, the same on every repetition.
        body: in the route's format and encoding; for `rows` a JSON mapping of lists by table.
        name, path: from the route or the sink's options, computed; "" where not given.
        event: the event it was made of.
        attempt: 1 for the first try.
    """

    id: str
    route: str
    body: bytes
    content_type: str
    content_encoding: str
    headers: Mapping[str, str]
    name: str
    path: str
    event: Event
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What the target said.

    Args:
        ok: true when the target itself reported no failure; `success` in routing.yaml has the last word.
        response: what `response.…` reads: the answer's JSON or XML, or what the adapter made
            (`key` of the row written, `name` of the file).
        code, message: of a failure, for `failure.code`, `failure.message` and the dead letter.
        error: of ours, when the target itself was not asked, or its driver's refusal was understood.
        not_read: content type of an answer that is neither JSON nor XML; "" otherwise.
        retry: a failure that may pass by itself.
        retry_after_s: when the target said so.
    """

    ok: bool = True
    response: Any = None
    code: str = ""
    message: str = ""
    error: BusError | None = None
    not_read: str = ""
    retry: bool = False
    retry_after_s: float | None = None


class Source(Protocol):
    """Brings documents in until cancelled.

    One that can say so has an attribute `idle`: true while its last look found nothing; `--until-idle`
    waits for it.
    """

    async def run(self, accept: Accept) -> None:
        """Hand every document to `accept`; tell the system it is taken only after `accept` returned.

        Raises Unavailable when the system cannot be reached, ConfigurationError or Refused when a person
        must mend something; the bus calls again after a pause either way.
        """


class Sink(Protocol):
    """Delivers documents to one system; used from one event loop, by several tasks."""

    async def deliver(self, batch: Sequence[Outbound]) -> Sequence[Answer]:
        """Deliver each and answer for each, in order. Raises Unavailable when none was tried for sure."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Site:
    """What an adapter may know of its surroundings.

    Args:
        system: its name in routing.yaml. zone: IANA name, for times without one.
        folder: where routing.yaml lies; relative paths start here.
        listen: register an HTTP route: `listen(path, asgi_app)`; None when nothing listens.
    """

    system: str
    zone: str
    folder: Path
    listen: Callable[[str, Any], None] | None = None


@dataclass(frozen=True, slots=True)
class AdapterSpec:
    """An adapter as the bus knows it.

    Args:
        formats: what a route to it may be written in; the first is used to explain.
        batch: most deliveries the sink takes in one call; with 1, `concurrency` calls run side by side.
        check: yields (option, error) pairs for what the options' types cannot say, without any I/O.
    """

    name: str
    source_options: type[SourceOptions] | None = None
    source: Callable[[Any, Site], Source] | None = None
    sink_options: type[SinkOptions] | None = None
    sink: Callable[[Any, Site], Sink] | None = None
    formats: tuple[str, ...] = ("json", "xml", "csv", "fixed", "text")
    batch: int = 1
    check: Callable[[Any], Iterable[tuple[str, BusError]]] | None = None

"""Queue: systems that speak to the broker themselves.

As a source it says that the system publishes events to the exchange `bus.events`; there is nothing to
fetch. As a sink there is nothing to send: the SPEC has sink options but no sink, which tells the bus to
leave the deliveries in `to.<system>` until the system reads them.
"""

from bus.adapter import Accept, AdapterSpec, Options, SinkOptions, Site, SourceOptions


class QueueSource:
    """Brings nothing in; the router reads what the system publishes."""

    async def run(self, accept: Accept) -> None:
        """Wait until cancelled. The events never pass through `accept`: they are events already."""
        import asyncio

        del accept
        await asyncio.Event().wait()


def source(options: Options, site: Site) -> QueueSource:
    """Declare a system that publishes by itself."""
    del options, site
    return QueueSource()


SPEC = AdapterSpec(name="queue", source_options=SourceOptions, source=source, sink_options=SinkOptions)

"""What keeps messages from moving is told once, however many notice it."""

from bus.errors import BusError, Unavailable
from bus.runtime.rabbitmq.troubles import Troubles


def test_two_connections_that_lose_the_same_broker_say_so_once_and_once_that_it_is_back() -> None:
    told: list[BusError | None] = []
    troubles = Troubles(told.append)
    lost, refused = Unavailable("amqp-lost", address="mq:5672"), Unavailable("amqp-refused", queue="to.wms")
    troubles.tell("link", "publish", lost)
    troubles.tell("link", "consume", Unavailable("amqp-lost", address="mq:5672"))
    troubles.tell("refused", "to.wms", refused)
    troubles.tell("link", "publish", lost)  # another attempt
    assert told == [lost, refused]

    troubles.tell("link", "publish", None)
    troubles.tell("refused", "to.wms", None)
    assert told == [lost, refused]
    troubles.tell("link", "consume", None)
    assert told == [lost, refused, None]

"""RabbitMQ as a transport.

- broker: the transport: what came in, what goes out, when it is safe.
- inlet: a subscription to one queue, and the messages it hands out.
- identities: which events came before, as every router knows them.
- stream: reading a stream from its beginning or from a line on.
- addressing: which exchange and routing key a message goes to.
- declare: making the exchanges, queues and bindings of a topology.
- topology: planning, making and pruning a topology for a person.
- doctor: what is wrong on the way to the broker.
- link: a connection that comes back.
- amqp: AMQP through pika, which nothing else imports.
- refusals: what RabbitMQ says when it refuses, in the bus's own errors.
- url: addresses of brokers, without their passwords.
"""

from bus.runtime.rabbitmq.broker import RabbitBroker

__all__ = ["RabbitBroker"]

"""RabbitMQ as a transport.

- broker: the transport: what came in, what goes out, when it is safe.
- inlet: a subscription to one queue, and the messages it hands out.
- addressing: which exchange and routing key a message goes to.
- declare: which exchanges, queues and bindings a topology is.
- link: a connection that comes back.
- amqp: AMQP through pika, which nothing else imports.
- refusals: what RabbitMQ says when it refuses, in the bus's own errors.
- url: addresses of brokers, without their passwords.
"""

from bus.runtime.rabbitmq.broker import RabbitBroker

__all__ = ["RabbitBroker"]

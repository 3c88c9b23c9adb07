"""The frames of a busy day, read and written without an object for each: deliveries, confirms, publishes.

RabbitMQ sends a delivery as a method frame, a header frame and body frames, and a confirm as a method frame. Whatever
else comes is pika's. It is done by `frames_compiled` where that was built, else by `frames_python`, which takes several
times as long; `tests/transports/test_frames.py` proves both the same as pika's own reading and writing, on any cut of
the stream.
"""

try:
    from bus.runtime.rabbitmq.frames_compiled import Reader, properties_of, publishes
except ImportError:
    from bus.runtime.rabbitmq.frames_python import Reader, properties_of, publishes

__all__ = ["Reader", "properties_of", "publishes"]

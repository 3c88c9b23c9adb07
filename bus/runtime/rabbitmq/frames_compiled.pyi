from bus.runtime.rabbitmq.frames_python import Reader as Reader
from bus.runtime.rabbitmq.frames_python import properties_of as properties_of
from bus.runtime.rabbitmq.frames_python import publishes as publishes

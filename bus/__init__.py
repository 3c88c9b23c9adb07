"""The event bus between business systems: one event in, every subscriber's own document out."""

__version__ = "0.1.0"

"""The adapters that come with the bus; like any other, each is found by its entry point in `bus.adapters`."""

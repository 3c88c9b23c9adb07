"""Everything that touches the world: brokers, sources and sinks, metrics, files, the terminal."""

"""`bus bench`: what the bus costs here, measured; docs/performance.md says how and shows figures."""

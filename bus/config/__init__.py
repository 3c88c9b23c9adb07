"""From the text of routing.yaml to a checked configuration, every fault with its place."""

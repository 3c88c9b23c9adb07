"""`python -m bus.cli` is the command `bus`."""

from bus.cli.main import main

main()

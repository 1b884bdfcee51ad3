"""`python -m scanner` and the `scanner` command."""

import sys


def main() -> None:
    """Run the command line and leave with its status."""
    from scanner.cli.app import run
    from scanner.cli.streams import hold_closed_streams

    hold_closed_streams()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

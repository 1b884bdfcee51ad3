"""`python -m scanner` and the `scanner` command.

Start-up is felt, so it is kept short here for every command: no search for garbage while modules are loaded, which make
none (a sweep turns it on again when it starts), nor when the process ends anyway; and none of the threads that numpy's
linear algebra, never used here, would start for each core. That leaves the process with one thread, too, as it
should be when it forks.
"""

import gc
import os
import sys


def main() -> None:
    """Run the command line and leave with its status."""
    gc.disable()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from scanner.cli.app import run
    from scanner.cli.streams import hold_closed_streams

    hold_closed_streams()
    try:
        sys.exit(run(sys.argv[1:]))
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()

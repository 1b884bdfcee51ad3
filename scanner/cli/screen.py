"""What a sweep shows a person: the table where standard output is free, and the summary on standard error."""

import sys
from collections.abc import Callable

from scanner.app.options import ScanOptions
from scanner.outputs.destination import STANDARD_OUTPUT
from scanner.outputs.interface import Output


def screen_outputs(options: ScanOptions, live: Callable[[str], None] | None = None) -> list[Output]:
    """Return the outputs for the screen.

    Data on standard output takes the table's place; with `-q` a file does too, so that nothing is printed then.
    `live` prints a line above the progress bar, for findings as they are found.
    """
    from scanner.outputs.summary import SummaryLines
    from scanner.outputs.table import ROW_LIMIT, Table

    shown: list[Output] = []
    written = options.outputs if options.quiet else [each for each in options.outputs if each.path in STANDARD_OUTPUT]
    if not written:
        limit = sys.maxsize if options.verbose else ROW_LIMIT
        shown.append(Table(limit=limit, only_findings=options.quiet and not options.all_open, live=live))
    if not options.quiet:
        shown.append(SummaryLines())
    return shown

"""What a sweep shows a person: the table where standard output is free, and the summary on standard error."""

import sys

from scanner.app.options import ScanOptions
from scanner.outputs.destination import STANDARD_OUTPUT
from scanner.outputs.interface import Output


def screen_outputs(options: ScanOptions) -> list[Output]:
    """Return the outputs for the screen; data on standard output takes the table's place."""
    from scanner.outputs.summary import SummaryLines
    from scanner.outputs.table import ROW_LIMIT, Table

    shown: list[Output] = []
    taken = any(request.path in STANDARD_OUTPUT for request in options.outputs)
    if not taken and not options.quiet:
        shown.append(Table(limit=sys.maxsize if options.verbose else ROW_LIMIT))
    if not options.quiet:
        shown.append(SummaryLines())
    return shown

"""What is shown on a terminal: the only place where colours are chosen. Everything rich is imported here, late.

Few colours, each with one meaning: red and bold for high, yellow for medium, cyan for low, faint for what needs no
look. `NO_COLOR` is obeyed (no-color.org); what is no terminal, or a dumb one, gets plain text from elsewhere.
"""

import io
import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO, TypeGuard

from scanner.core.model import Severity, Verdict
from scanner.outputs.summary_text import SummaryText, Tone
from scanner.outputs.table_rows import GAP, TABLE_COLUMNS, TableRow, fit

if TYPE_CHECKING:
    from rich.console import Console

_SEVERITY_STYLES = {
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "",
}
_TONE_STYLES = {
    Tone.GOOD: "bold green",
    Tone.MILD: "bold cyan",
    Tone.WARNING: "bold yellow",
    Tone.ALARM: "bold red",
}
_FAINT = "dim"
_MARGIN = "  "


def is_terminal(stream: TextIO | None) -> TypeGuard[TextIO]:
    """Whether a person watches this stream, if there is one, on something that understands colours and columns."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def columns_of(stream: TextIO) -> int:
    """How wide a terminal is; 80 where it does not say."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80


def painted_table(rows: Sequence[TableRow], columns: int, more: str) -> str:
    """The table for a terminal that is `columns` wide, with a closing line if there are more rows."""
    from rich.table import Table
    from rich.text import Text

    widths = fit(rows, columns)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style=_FAINT, collapse_padding=True)
    for place, width in widths.items():
        whole = not TABLE_COLUMNS[place].least
        table.add_column(
            TABLE_COLUMNS[place].title, width=width, no_wrap=True, overflow="fold" if whole else "ellipsis"
        )
    for row in rows:
        cells = [Text(row.cells[place], style=_cell_style(row, place), end="") for place in widths]
        table.add_row(*cells, style=_FAINT if _is_quiet(row) else "")
    console, text = _console(columns)
    console.print(table)
    if more:
        console.print(Text(more, style=_FAINT), soft_wrap=False)
    return text.getvalue()


def painted_summary(text: SummaryText, columns: int) -> str:
    """The summary for a terminal: labels faint, the verdict in the colour of its tone, air around both."""
    from rich.text import Text

    console, shown = _console(columns)
    console.print(Text(f"\n{text.title}"))
    margin = text.label_width + 2 * len(_MARGIN)
    for label, fact in text.facts:
        head = f"{_MARGIN}{label:<{text.label_width}}{_MARGIN}"
        line = Text("\n".join(textwrap.wrap(head + fact, columns, subsequent_indent=" " * margin)))
        line.stylize(_FAINT, 0, margin)
        console.print(line)
    console.print(Text("\n" + "\n".join(text.closing), style=_TONE_STYLES[text.tone]))
    return shown.getvalue()


def _cell_style(row: TableRow, place: int) -> str:
    title = TABLE_COLUMNS[place].title
    if title == "VERDICT":
        return _SEVERITY_STYLES[row.severity]
    if title == "PORT" and not _is_quiet(row):
        return "bold"
    return _FAINT if title in {"WHY", "HOST"} else ""


def _is_quiet(row: TableRow) -> bool:
    return row.verdict in {Verdict.UNDETERMINED, Verdict.EXPECTED} and row.severity is Severity.INFO


def _console(columns: int) -> "tuple[Console, io.StringIO]":
    from rich.console import Console

    text = io.StringIO()
    coloured = not os.environ.get("NO_COLOR")
    return Console(file=text, width=columns, force_terminal=coloured, highlight=False, markup=False, emoji=False), text

"""What is shown on a terminal: the only place where colours are chosen. Everything rich is imported here, late.

Few colours, each with one meaning: red and bold for high, yellow for medium, cyan for low, faint for what needs no
look. `NO_COLOR` is obeyed (no-color.org); what is no terminal, or a dumb one, gets plain text from elsewhere.
"""

import io
import os
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO, TypeGuard

from scanner.core.model import Severity, Verdict
from scanner.outputs.summary_text import SummaryText, Tone
from scanner.outputs.table_rows import COLUMN_GAP, TABLE_COLUMNS, TableRow, below, fit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

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
_INDENT = " " * 9
_LEAST_BELOW = 30


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
    """Return the table for a terminal that is `columns` wide, with a closing line if there are more rows."""
    from rich.text import Text

    widths = fit(rows, columns)
    console, text = _console(columns)
    head = [Text(TABLE_COLUMNS[place].title) for place in widths]
    console.print(_row_line(head, widths, _FAINT), soft_wrap=True)
    for row in rows:
        cells = [Text(row.cells[place], style=_cell_style(row, place)) for place in widths]
        console.print(_row_line(cells, widths, _FAINT if _is_quiet(row) else ""), soft_wrap=True)
        for line in textwrap.wrap(below(row, widths), max(columns - len(_INDENT), _LEAST_BELOW)):
            console.print(Text(_INDENT + line, style=_FAINT), soft_wrap=True)
    if more:
        console.print(Text(more, style=_FAINT), soft_wrap=False)
    return text.getvalue()


def painted_line(row: TableRow, columns: int) -> str:
    """Return one row on its own, as it is shown while the sweep goes on: cut at the width, without its line end."""
    from rich.text import Text

    console, text = _console(columns)
    cells = [Text(cell, style=_cell_style(row, place)) for place, cell in enumerate(row.cells) if cell]
    line = Text(" " * COLUMN_GAP).join(cells)
    line.truncate(columns, overflow="ellipsis")
    console.print(line, soft_wrap=True, end="")
    return text.getvalue()


def _row_line(cells: "Sequence[Text]", widths: Mapping[int, int], style: str) -> "Text":
    """Cells side by side, each as wide as its column; nothing follows the last."""
    from rich.text import Text

    for cell, (place, width) in zip(cells, widths.items(), strict=True):
        if TABLE_COLUMNS[place].least:
            cell.truncate(width, overflow="ellipsis")
        cell.pad_right(width - cell.cell_len)
    line = Text(" " * COLUMN_GAP, style=style).join(cells)
    line.rstrip()
    return line


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

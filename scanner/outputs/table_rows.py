"""The rows of the table that a person reads: every open port, the telling ones on top. Pure text, no colours.

One row an observation, with the worst that the rules say of it (`+1` where they say more), sorted by severity,
verdict, address and port. On a terminal a row has as many columns as fit; an address, a port or a rule is never cut,
and what has no column goes to a second line below its row, so that nothing is left out in silence. A table longer than
`limit` folds what many addresses have in common into one row, and says how many more there are and how to see
them. In a pipe it is plain aligned text, all rows and columns.
"""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from scanner.core.model import Finding, Judged, RegistryStatus, Severity, Verdict
from scanner.core.sanitise import sanitise
from scanner.outputs.record import VERDICT_ORDER, endpoint_order, worst_first

FOLD = 5
"""Rows with the same verdict, port and rule that a long table shows before it folds the others into one."""

COLUMN_GAP = 2
"""Blanks between columns."""

_HOW_TO_SEE_ALL = "All of them: pipe this into a pager, or --all-open -o FILE."


@dataclass(frozen=True, slots=True)
class TableRow:
    """One line of the table, as sanitised text by column."""

    severity: Severity
    """How much it wants to be looked at."""
    verdict: Verdict
    """Whether it is as it should be."""
    cells: tuple[str, ...]
    """What each column of `TABLE_COLUMNS` says."""
    count: int = 1
    """How many observations it stands for."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column, and how it behaves where there is little room."""

    title: str
    """Its heading."""
    rank: int
    """The order in which columns get room."""
    least: int
    """The fewest characters in which it still says something; 0 if it is never cut."""
    below: bool
    """Whether it goes to the line below its row where it gets no room; else it always has a column."""
    most: int
    """The most characters it gets on a terminal."""


TABLE_COLUMNS = (
    TableColumn("VERDICT", rank=0, least=0, below=False, most=20),
    TableColumn("ADDRESS", rank=1, least=0, below=False, most=60),
    TableColumn("PORT", rank=2, least=0, below=False, most=12),
    TableColumn("REGISTRY", rank=3, least=10, below=True, most=28),
    TableColumn("RULE", rank=4, least=0, below=True, most=40),
    TableColumn("HOST", rank=5, least=10, below=True, most=32),
    TableColumn("WHY", rank=6, least=40, below=True, most=200),
)


def table_rows(judged: Sequence[Judged]) -> list[TableRow]:
    """The rows of a table in their order."""
    return [_row(one) for one in sorted(judged, key=_order)]


def plain_table(rows: Sequence[TableRow]) -> str:
    """Aligned text without colours, every row and every column that says anything."""
    shown = [place for place, column in enumerate(TABLE_COLUMNS) if _widest(rows, place)]
    lines = [[TABLE_COLUMNS[place].title for place in shown]] + [[row.cells[place] for place in shown] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        (" " * COLUMN_GAP).join(map(str.ljust, line, widths)).rstrip() + "\n"  # no blanks at the end of lines
        for line in lines
    )


def fit(rows: Sequence[TableRow], room: int) -> dict[int, int]:
    """Return the columns that fit in `room` characters, and how wide each: place in `TABLE_COLUMNS` -> width.

    What says something and is not among them goes below the rows.
    """
    widths: dict[int, int] = {}
    for place in sorted(range(len(TABLE_COLUMNS)), key=lambda place: TABLE_COLUMNS[place].rank):
        column, widest = TABLE_COLUMNS[place], _widest(rows, place)
        wanted = min(max(widest, len(column.title)), column.most)
        left = room - sum(widths.values()) - COLUMN_GAP * len(widths)
        if not widest:
            continue
        if column.below and left < min(column.least or wanted, wanted):
            break
        widths[place] = min(wanted, left) if column.least else wanted
    return dict(sorted(widths.items()))


def below(row: TableRow, shown: Container[int]) -> str:
    """Return what a row says in columns that are not shown: `open-unassigned +1: assigned to no service`."""
    return ": ".join(cell for place, cell in enumerate(row.cells) if cell and place not in shown)


def folded_rows(rows: Sequence[TableRow], keep: int = FOLD) -> list[TableRow]:
    """The first `keep` rows of each verdict, port and rule, and one row for all others of the same."""
    shown: list[TableRow] = []
    places: dict[tuple[str, ...], list[int]] = {}
    for row in rows:
        same = places.setdefault((row.cells[0], row.cells[2], row.cells[4]), [])
        if len(same) <= keep:
            same.append(len(shown))
            shown.append(row)
        else:
            shown[same[-1]] = replace(shown[same[-1]], count=shown[same[-1]].count + 1)
    return [row if row.count == 1 else _fold(row) for row in shown]


def more_line(rows: Sequence[TableRow], limit: int) -> str:
    """What is said of rows that are folded or come after the first `limit`, and how to see them; else empty."""
    kinds: Counter[str] = Counter()
    for row in rows[limit:]:
        kinds[row.cells[0]] += row.count
    if kinds:
        words = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        return f"… and {kinds.total():,} more ({words}). {_HOW_TO_SEE_ALL}"
    return _HOW_TO_SEE_ALL if any(row.count > 1 for row in rows) else ""


def _fold(row: TableRow) -> TableRow:
    verdict, _, port, registry, rule, *_ = row.cells
    return replace(row, cells=(verdict, f"and {row.count:,} more", port, registry, rule, "", ""))


def _row(judged: Judged) -> TableRow:
    worst = worst_first(judged.findings)[0]
    endpoint = judged.observation.endpoint
    others = len(judged.findings) - 1
    cells = (
        _verdict_cell(worst),
        str(endpoint.address),
        f"{endpoint.port}/{endpoint.transport}",
        _registry_cell(worst),
        worst.rule + (f" +{others}" if others else ""),
        judged.observation.hostname,
        _why(worst),
    )
    return TableRow(worst.severity, worst.verdict, tuple(sanitise(cell, limit=400) for cell in cells))


def _why(worst: Finding) -> str:
    """The reason, and what speaks there unless the reason says so."""
    identity = worst.observation.identity
    if identity is None or not identity.name or identity.words in worst.detail:
        return worst.detail
    return f"{worst.detail}; {identity.words} speaks there"


def _verdict_cell(finding: Finding) -> str:
    """The severity, which says that it is unexpected; for any other verdict the verdict's own word."""
    if finding.verdict is Verdict.UNEXPECTED:
        return finding.severity.word
    if finding.verdict is Verdict.MISSING:
        return f"{finding.severity.word}, missing"
    return finding.verdict


def _registry_cell(finding: Finding) -> str:
    """IANA's name for what is assigned (`http +2` where it has three), the status of everything else."""
    first, *others = finding.service.split() or [""]
    name = first + (f" +{len(others)}" if others else "")
    if finding.registry_status is RegistryStatus.ASSIGNED:
        return name or finding.registry_status
    return finding.registry_status + (f" ({name})" if name else "")


def _order(judged: Judged) -> tuple[int, int, tuple[int, int, str, int, str]]:
    worst = worst_first(judged.findings)[0]
    place = endpoint_order(judged.observation.endpoint)
    return -worst.severity, VERDICT_ORDER.index(worst.verdict), place


def _widest(rows: Sequence[TableRow], place: int) -> int:
    return max((len(row.cells[place]) for row in rows), default=0)

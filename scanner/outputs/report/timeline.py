"""The stored sweeps over time, for the page: one column a sweep, and what changed since the one before.

The picture is plain SVG in the page: what opened goes up, what closed goes down, the line is how many ports were open.
The table under it says the same in numbers, so nothing is told by the picture alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scanner.core.diff import Change, Difference
from scanner.core.sanitise import sanitise
from scanner.outputs.changes import WHY, where
from scanner.outputs.quantities import counted
from scanner.outputs.record import iso

MOST_CHANGES = 500
"""Changes that the page lists; the rest are counted."""
WIDTH, HEIGHT, HALF = 24, 90, 40
"""Units of a column, of the picture, and of the highest bar."""

ORDER = (Change.OPENED, Change.NEW, Change.SERVICE, Change.CLOSED, Change.GONE, Change.UNSURE)
"""Changes, those that want a look first."""
WORDS = {
    Change.OPENED: "opened",
    Change.NEW: "new finding",
    Change.SERVICE: "other service",
    Change.CLOSED: "closed",
    Change.GONE: "finding gone",
    Change.UNSURE: "unsure",
}


@dataclass(frozen=True, slots=True)
class PastSweep:
    """One sweep among others."""

    id: str
    """Its id."""
    started: datetime
    """When; aware, UTC."""
    ended: str
    """How it ended, in a word: `complete`, `incomplete`, `degraded`, `interrupted`."""
    open: int
    """How many endpoints were open."""
    findings: int
    """How many unexpected or missing findings there were."""
    opened: int = 0
    """How many endpoints opened since the sweep before."""
    closed: int = 0
    """How many closed."""
    new: int = 0
    """How many findings were new."""
    unsure: int = 0
    """Of how many endpoints and findings it cannot be told."""
    compared: str = ""
    """How much could be compared, in words; empty for the first sweep."""


@dataclass(frozen=True, slots=True)
class Past:
    """What came before the sweep of a page."""

    sweeps: tuple[PastSweep, ...]
    """The sweeps, the earliest first; the last is the page's own."""
    before: str = ""
    """The id of the sweep that it is compared with, or empty."""
    changes: tuple[Difference, ...] = ()
    """What changed since then."""


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change in the table."""

    change: str
    """What happened."""
    severity: str
    """The severity of its finding, or empty."""
    place: str
    """The endpoint."""
    number: int
    """The port number."""
    text: str
    """What it was and is, or the finding's reason."""


@dataclass(frozen=True, slots=True)
class TimelineColumn:
    """One sweep in the picture; all in units of the picture."""

    x: int
    """Left edge."""
    up: int
    """Height of what opened."""
    down: int
    """Height of what closed."""
    y: int
    """Where the line of open ports is."""
    whole: bool
    """Whether the sweep covered everything."""
    title: str
    """What a pointer over it shows."""


def columns(past: Past) -> list[TimelineColumn]:
    """Return the columns of the picture, the earliest first."""
    most = max((max(each.opened, each.closed) for each in past.sweeps), default=0) or 1
    open_most = max((each.open for each in past.sweeps), default=0) or 1
    return [
        TimelineColumn(
            x=place * WIDTH,
            up=_height(each.opened, most),
            down=_height(each.closed, most),
            y=HEIGHT - 4 - round(each.open / open_most * (HEIGHT - 10)),
            whole=each.ended == "complete",
            title=f"{iso(each.started)[:16]}: {each.opened:,} opened, {each.closed:,} closed, {each.open:,} open",
        )
        for place, each in enumerate(past.sweeps)
    ]


def _height(count: int, most: int) -> int:
    return max(2, round(count / most * HALF)) if count else 0


def line_points(found: Sequence[TimelineColumn]) -> str:
    """Return the points of the line of open ports, as SVG writes them."""
    return " ".join(f"{each.x + WIDTH // 2},{each.y}" for each in found)


def change_rows(past: Past) -> list[ChangeRow]:
    """Return what changed, what wants a look first; `MOST_CHANGES` at most."""
    found = sorted(past.changes, key=_urgency)[:MOST_CHANGES]
    return [
        ChangeRow(
            change=WORDS[each.change],
            severity=each.finding.severity.word if each.finding else "",
            place=sanitise(where(each)),
            number=each.endpoint.port,
            text=sanitise(_text(each)),
        )
        for each in found
    ]


def _urgency(each: Difference) -> tuple[int, int]:
    return ORDER.index(each.change), -(each.finding.severity if each.finding else 0)


def _text(each: Difference) -> str:
    if each.finding is None or each.change is Change.UNSURE:
        return f"{each.before} → {each.after}"
    why = f" ({WHY[each.because]})" if WHY[each.because] else ""
    return f"{each.finding.rule}: {each.finding.detail}{why}"


def change_sentence(past: Past) -> str:
    """Return what changed since the sweep before, in one sentence."""
    if not past.before:
        return "There is no earlier sweep to compare with."
    if not past.changes:
        return f"Since {sanitise(past.before)}: nothing changed."
    counts = {change: sum(each.change is change for each in past.changes) for change in ORDER}
    told = [
        f"{counted(counts[Change.OPENED], 'port')} opened",
        f"{counts[Change.CLOSED]:,} closed",
        f"{counted(counts[Change.NEW], 'finding')} new",
        f"{counts[Change.GONE]:,} gone",
    ]
    unsure = f"; of {counted(counts[Change.UNSURE], 'place')} it cannot be told" if counts[Change.UNSURE] else ""
    return f"Since {sanitise(past.before)}: {', '.join(told)}{unsure}."

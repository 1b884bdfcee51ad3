"""One line that says how far a scan is, on a terminal; nothing at all anywhere else.

An asyncio task looks at the engine a few times a second and redraws; there is no thread, so that nothing is drawn
while the engine works. The line is gone when the scan ends, however it ends, and leaves the screen to the results.
"""

import asyncio
import contextlib
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, TextIO

from scanner.outputs.quantities import duration
from scanner.outputs.terminal import is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from scanner.engines.interface import Progress

INTERVAL = 0.2
"""Seconds between two looks."""

WINDOW = 5.0
"""Seconds over which the rate is measured."""


class Meter:
    """Rate and time left from samples of (seconds, Progress), over the last few seconds."""

    def __init__(self, planned: int, *, window: float = WINDOW) -> None:
        """`planned`: endpoints in all. `window`: seconds that count."""
        self._planned = planned
        self._window = window
        self._samples: deque[tuple[float, Progress]] = deque()
        self._first: tuple[float, Progress] | None = None

    def add(self, now: float, progress: "Progress") -> None:
        """Take a sample; `now` in seconds of any steady clock."""
        self._first = self._first or (now, progress)
        self._samples.append((now, progress))
        while now - self._samples[0][0] > self._window and len(self._samples) > 2:
            self._samples.popleft()

    @property
    def rate(self) -> float:
        """Probes a second, lately."""
        if not self._samples:
            return 0.0
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after.sent - before.sent) / (last - first) if last > first else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it takes if it goes on as it has since the first sample; None if nobody can tell yet.

        Since the first, because endpoints are settled in waves: over a few seconds there may be none.
        """
        if self._first is None:
            return None
        (start, before), (now, after) = self._first, self._samples[-1]
        settled = after.settled - before.settled
        return (now - start) * (self._planned - after.settled) / settled if settled else None


class LiveLines:
    """Prints lines above the progress bar while there is one, and nothing otherwise."""

    def __init__(self) -> None:
        self.bar: Bar | None = None
        """The bar that is shown now."""

    def __call__(self, line: str) -> None:
        """Print one line; its control sequences were made by `outputs/terminal.py`."""
        if self.bar is not None:
            from rich.text import Text

            self.bar.console.print(Text.from_ansi(line))


@contextlib.asynccontextmanager
async def shown(
    sample: "Callable[[], Progress]",
    planned: int,
    *,
    quiet: bool = False,
    stream: TextIO | None = None,
    lines: LiveLines | None = None,
) -> AsyncIterator[None]:
    """Show progress while the body runs.

    `sample` is asked several times a second, `planned` is how many endpoints there are. Nothing is shown, or even
    imported, if `quiet` or if `stream` (standard error by default) is no terminal.
    """
    stream = stream or sys.stderr  # None where it was closed before we started
    if quiet or not is_terminal(stream):
        yield
        return
    with _bar(stream) as bar:
        bar.console.show_cursor(True)  # whoever leaves by os._exit leaves the terminal as it was
        watcher = asyncio.create_task(_watch(bar, sample, planned))
        lines = lines or LiveLines()
        lines.bar = bar
        try:
            yield
        finally:
            lines.bar = None
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher


async def _watch(bar: "Bar", sample: "Callable[[], Progress]", planned: int) -> None:
    clock = asyncio.get_running_loop().time
    meter = Meter(planned)
    task = bar.add_task("", total=planned, words="")
    while True:
        progress = sample()
        meter.add(clock(), progress)
        bar.update(task, completed=progress.settled, words=words(progress, planned, meter))
        bar.refresh()
        await asyncio.sleep(INTERVAL)


def words(progress: "Progress", planned: int, meter: Meter) -> str:
    """What stands beside the bar: `41,203 of 130,302  4,987/s  12 open  18 s left`."""
    left = meter.seconds_left
    parts = [f"{progress.settled:,} of {planned:,}", f"{meter.rate:,.0f}/s", f"{progress.open:,} open"]
    if left is not None:
        parts.append(f"{duration(left)} left" if progress.settled < planned else "finishing")
    return "  ".join(parts)


def _bar(stream: TextIO) -> "Bar":
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(file=stream, force_terminal=True, highlight=False)
    bar = BarColumn(bar_width=20, complete_style="cyan", finished_style="cyan")
    words_column = TextColumn("{task.percentage:3.0f}%  {task.fields[words]}", markup=False)
    return Bar(bar, words_column, console=console, transient=True, auto_refresh=False)

"""Progress: on a terminal one line that goes away, elsewhere nothing."""

import asyncio
import contextlib
import io
import os
import pty
import re
import subprocess
import sys
from typing import TextIO

import pytest

from scanner.cli.progress import Meter, shown, words
from scanner.engines.interface import Progress


def test_rate_is_of_the_last_seconds_only() -> None:
    meter = Meter(100_000, window=5)
    for second in range(11):
        meter.add(second, Progress(sent=second * 10))
    for second in range(11, 21):
        meter.add(second, Progress(sent=100 + (second - 10) * 1000))
    assert meter.rate == 1000


def test_time_left_goes_by_what_is_settled() -> None:
    meter = Meter(1000)
    assert meter.seconds_left is None
    meter.add(100.0, Progress())
    meter.add(101.0, Progress(sent=500))
    assert meter.seconds_left is None
    meter.add(110.0, Progress(sent=500, settled=250))
    assert meter.seconds_left == 30


def test_what_earlier_runs_settled_does_not_count_as_speed() -> None:
    """A resumed sweep begins with some endpoints settled."""
    meter = Meter(1000)
    meter.add(0.0, Progress(settled=500))
    assert meter.seconds_left is None
    meter.add(10.0, Progress(settled=600))
    assert meter.seconds_left == 40


def test_without_samples_there_is_no_rate() -> None:
    assert Meter(10).rate == 0


def test_words() -> None:
    meter = Meter(130_302)
    meter.add(0, Progress())
    meter.add(2, Progress(sent=9_974, settled=9_000, open=12))
    progress = Progress(sent=9_974, settled=9_000, open=12)
    assert words(progress, 130_302, meter) == "9,000 of 130,302  4,987/s  12 open  27 s left"
    done = Progress(sent=130_302, settled=130_302)
    meter.add(20, done)
    assert words(done, 130_302, meter).endswith("finishing")


class Screen:
    """A terminal of our own, and all that was written to it."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.stream = os.fdopen(theirs, "w")

    def read(self) -> str:
        """Everything; the terminal is closed then."""
        self.stream.close()
        data = b""
        with contextlib.suppress(OSError):  # EIO: there is no more
            while more := os.read(self._ours, 65536):
                data += more
        os.close(self._ours)
        return data.decode()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    monkeypatch.setenv("TERM", "xterm-256color")
    return Screen()


async def sampled(stream: TextIO | None, *, quiet: bool = False) -> int:
    """How often progress was asked for; ends after the third time, or at once if it never is."""
    asked = 0
    third = asyncio.Event()

    def sample() -> Progress:
        nonlocal asked
        asked += 1
        if asked == 3:
            third.set()
        return Progress(sent=asked * 10, settled=asked * 10, open=asked)

    async with shown(sample, 100, quiet=quiet, stream=stream):
        if stream is not None and stream.isatty() and not quiet:
            await asyncio.wait_for(third.wait(), 10)
    return asked


async def test_on_a_terminal_it_is_drawn_and_cleared(screen: Screen) -> None:
    assert await sampled(screen.stream) >= 3
    text = screen.read()
    assert "10 of 100" in text
    assert "30%" in text
    assert text.endswith("\x1b[2K")
    shows, hides = text.rfind("\x1b[?25h"), text.find("\x1b[?25l")
    assert shows > hides
    assert re.search(r"\x1b\[\?25l.{0,20}\x1b\[\?25h", text, re.DOTALL), "the cursor is not hidden while it runs"


async def test_an_error_in_the_body_clears_it_too(screen: Screen) -> None:

    async def fails() -> None:
        async with shown(Progress, 100, stream=screen.stream):
            await asyncio.sleep(0)
            raise RuntimeError("the engine broke")

    with pytest.raises(RuntimeError, match="the engine broke"):
        await fails()
    assert screen.read().endswith("\x1b[2K")
    assert len(asyncio.all_tasks()) == 1


async def test_quiet_or_in_a_pipe_there_is_nothing(screen: Screen) -> None:
    assert await sampled(screen.stream, quiet=True) == 0
    assert screen.read() == ""
    pipe = io.StringIO()
    assert await sampled(pipe) == 0
    assert pipe.getvalue() == ""


def test_in_a_pipe_nothing_of_rich_is_even_imported() -> None:
    code = (
        "import asyncio, sys; from scanner.cli.progress import shown\n"
        "async def go():\n"
        "    async with shown(lambda: 1 / 0, 5): pass\n"
        "asyncio.run(go()); print([name for name in sys.modules if name in {'rich', 'numpy', 'rich.progress'}])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")

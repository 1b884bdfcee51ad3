"""What an engine is: something that turns waves into settled waves.

An engine pulls waves from an iterator whenever it has room, and yields each when it is settled, in whatever order that
happens, so that sending one wave may overlap the cooling down of another. It knows nothing of registries, policies or
files. `FakeEngine` in `fake.py` ships beside the real ones and obeys the same rules.
"""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol

from scanner.core.plan.recall import HiddenOpen
from scanner.core.plan.wave import SettledWave, Wave


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an engine has come; cheap enough to read several times a second."""

    sent: int = 0
    """Probes sent so far, retries included."""
    settled: int = 0
    """Endpoints settled so far."""
    open: int = 0
    """Open endpoints found so far."""


@dataclass(frozen=True, slots=True)
class PathReport:
    """What an engine found out about the way to its targets. Engines that measure nothing have none."""

    hidden: HiddenOpen | None = None
    """Open ports that may have been missed."""
    remarks: tuple[str, ...] = ()
    """How fast it was and what held it back, one sentence each."""


class Engine(Protocol):
    """Turns waves into settled waves."""

    @property
    def name(self) -> str:
        """The engine's word on the command line and in the summary: `connect`, `syn`, `scapy`, `fake`."""
        ...

    @property
    def progress(self) -> Progress:
        """How far the running `run` has come."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks for the summary on how the probes were sent, one line each. Complete when `run` has ended."""
        ...

    def run(self, waves: Iterable[Wave]) -> AsyncGenerator[SettledWave, None]:
        """Probe and settle every wave of `waves`; each is yielded once.

        After `stop`, waves under way are yielded with `complete=False` and `interrupted` where nothing was learnt;
        waves not begun are not taken from the iterator. Closing the generator releases everything.

        Raises:
            NotPermitted: the process lacks the privilege that this engine needs; before any probe.
        """
        ...

    def stop(self) -> None:
        """Send no new probe; settle what is under way, soon. May be called from a signal handler."""
        ...


def path_report(engine: object) -> PathReport:
    """Return what an engine found out about the way to its targets, if it measures that (`path_report` of its own)."""
    report = getattr(engine, "path_report", None)
    return report if isinstance(report, PathReport) else PathReport()

"""Whether the nightly sweep ran: a dead man's switch for monitoring.

What fails to run says nothing, so it must be asked from outside, by another line of cron or a monitoring system.
"""

from datetime import datetime, timedelta

from scanner.history.store import Store
from scanner.history.stored import StoredSweep

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far into the future a sweep may have ended: clocks are set now and then."""


def missed_night(store: Store, within: timedelta, now: datetime, *, audit: str | None = None) -> str:
    """Return why no sweep ended within a time before `now` (aware), in one line; empty where one did.

    `audit` names the audit that is looked at; None looks at all sweeps. Imported sweeps and those that were cut short
    do not count.
    """
    of = f" of {audit}" if audit is not None else ""
    newest = next((sweep for sweep in store.sweeps(audit=audit) if _ran(sweep)), None)
    if newest is None or newest.summary is None:
        return f"missed: no sweep{of} has ended yet"
    ended = newest.summary.finished
    if ended > now + CLOCK_TOLERANCE:
        return f"missed: the newest sweep{of}, {newest.id}, ended in the future; check the clock"
    if now - ended > within:
        hours = (now - ended).total_seconds() / 3600
        return f"missed: the newest sweep{of}, {newest.id}, ended {hours:.1f} hours ago"
    return ""


def _ran(sweep: StoredSweep) -> bool:
    ended = sweep.summary is not None and not sweep.summary.interrupted
    return ended and "imported" not in sweep.settings

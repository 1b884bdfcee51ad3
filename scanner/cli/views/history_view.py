"""Print the list of stored sweeps, as a table or as JSON lines."""

import json
from collections.abc import Iterable, Iterator

from scanner.core.sanitise import sanitise
from scanner.history.store import Store
from scanner.history.stored import StoredSweep
from scanner.outputs.record import iso


def sweep_lines(store: Store, sweeps: Iterable[StoredSweep]) -> Iterator[str]:
    """Yield a heading and one line for each sweep."""
    yield f"{'id':<22} {'audit':<16} {'endpoints':>13} {'open':>7} {'findings':>8}  how it ended"
    for sweep in sweeps:
        facts = sweep_record(store, sweep)
        yield (
            f"{facts['sweep_id']:<22} {str(facts['audit'])[:16]:<16} {facts['planned']:>13,} {facts['open']:>7,} "
            f"{facts['findings']:>8,}  {facts['ended']}"
        )


def sweep_json(store: Store, sweeps: Iterable[StoredSweep]) -> Iterator[str]:
    """Yield one JSON object for each sweep."""
    return (json.dumps(sweep_record(store, sweep)) for sweep in sweeps)


def sweep_record(store: Store, sweep: StoredSweep) -> dict[str, str | int]:
    """Return the facts of one sweep by name, texts sanitised."""
    summary = store.summary(sweep)
    return {
        "sweep_id": sweep.id,
        "audit": sanitise(sweep.audit),
        "started": iso(sweep.info.started),
        "targets": sanitise(sweep.info.targets),
        "ports": sanitise(sweep.info.ports),
        "planned": summary.coverage.planned,
        "unknown": summary.coverage.unknown,
        "open": summary.coverage.open,
        "findings": sum(summary.findings.values()),
        "registry_date": sweep.info.registry.date,
        "policy": sanitise(sweep.info.policy),
        "scope": sanitise(sweep.info.scope),
        "ended": _ended(sweep),
    }


def _ended(sweep: StoredSweep) -> str:
    summary = sweep.summary
    if summary is None:
        return "cut short or still running; `scanner resume` continues it"
    if summary.interrupted:
        return "interrupted; `scanner resume` continues it"
    if summary.degraded:
        return "degraded"
    return "complete" if summary.complete else "incomplete"

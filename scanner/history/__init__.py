"""The stored sweeps: open a history, list its sweeps, read their observations, compare two of them.

For programs that use this package as a library, these names are the front of the room:

    with open_history("history.db") as store:
        for sweep in store.sweeps():
            print(sweep.id, store.summary(sweep).coverage.open)
        found = compare_sweeps(store, store.sweep("last~1"), store.sweep("last"))
        print(found.overlap)
        for each in found.changes:
            print(each.change, each.endpoint, each.because)

Each is imported when it is first used, because numpy comes with it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanner.history.compare import Comparison, compare_sweeps
    from scanner.history.overlap import Overlap
    from scanner.history.store import Store, open_history
    from scanner.history.stored import StoredSweep, StoredWave

__all__ = ["Comparison", "Overlap", "Store", "StoredSweep", "StoredWave", "compare_sweeps", "open_history"]

_HOMES = {
    "Comparison": "compare",
    "compare_sweeps": "compare",
    "Overlap": "overlap",
    "Store": "store",
    "open_history": "store",
    "StoredSweep": "stored",
    "StoredWave": "stored",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

"""Asks by name for every endpoint that was open in the sweep before, whatever became of it.

Otherwise a port that is closed now would only be missing from the stored sweep, and a single unknown or silent
endpoint in its wave would be enough to leave open whether it closed. Asked for by name, it is stored with its
state and reason: `closed (reset)`, `filtered (no-response)`, or `unknown`.
"""

from collections.abc import Callable

import numpy as np

from scanner.core.columns import Indices
from scanner.core.plan.plan import Plan
from scanner.core.plan.wave import Wave
from scanner.history.compare import in_portions, turns_of
from scanner.history.store import Store
from scanner.history.stored import StoredSweep


def open_before(store: Store, before: StoredSweep, plan: Plan) -> Callable[[Wave], Indices]:
    """Return a function from a wave of `plan` to its places that were open in an earlier sweep, ascending, intp[n]."""
    found = [turns_of(plan, some) for some in in_portions(store.open_places(before))]
    turns = np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)
    turns = turns[turns >= 0]

    def places(wave: Wave) -> Indices:
        first = wave.number * plan.wave_size
        low, high = np.searchsorted(turns, (first, first + len(wave)))
        return (turns[low:high] - first).astype(np.intp)

    return places

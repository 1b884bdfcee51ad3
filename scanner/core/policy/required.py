"""Which places of a wave the policy requires to be open, so that they are looked at whatever their state.

Only open endpoints become objects by themselves; a required port that is closed must too, or nobody would hear
of it. A wave has 65,536 places and most policies require a handful: one gather by port, then a search among
the addresses of what is left.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from scanner.core.columns import Indices
from scanner.core.model import Transport
from scanner.core.plan.wave import Wave
from scanner.core.policy.policy import Entry, Policy
from scanner.core.targets.address_columns import AddressColumns
from scanner.core.targets.ranges import merge


def required_places(policy: Policy) -> Callable[[Wave], Indices]:
    """A function from a wave to the ascending places that an entry of the policy requires, intp[n]."""
    wanted = [
        (_port_table(entry), AddressColumns(merge(entry.networks)))
        for entry in policy.entries
        if entry.required and entry.networks and not entry.review
    ]

    def places(wave: Wave) -> Indices:
        found = [_among(wave, table, columns) for table, columns in wanted]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.intp)

    return places


def _port_table(entry: Entry) -> npt.NDArray[np.bool_]:
    table = np.zeros(1 << 16, np.bool_)
    table[[key.number for key in entry.required if key.transport is Transport.TCP]] = True
    return table


def _among(wave: Wave, table: npt.NDArray[np.bool_], columns: AddressColumns) -> Indices:
    by_port = np.flatnonzero(table[wave.port])
    if not len(by_port):
        return by_port
    return by_port[columns.find(wave.version[by_port], wave.high[by_port], wave.low[by_port]) >= 0]

"""Which places of a wave the policy requires to be open, so that they are looked at whatever their state.

Only open endpoints become objects by default; a required port that is closed must too, or it would not be
reported. A wave has 65,536 places and most policies require a handful: one gather by port, then a search among
the addresses of what is left.
"""

from collections.abc import Callable

import numpy as np

from scanner.core.columns import Indices, Mask
from scanner.core.model import PROTOCOL, Transport
from scanner.core.plan.wave import Wave
from scanner.core.policy.policy import Entry, Policy
from scanner.core.targets.address_columns import AddressColumns
from scanner.core.targets.ranges import merge


def required_places(policy: Policy) -> Callable[[Wave], Indices]:
    """A function from a wave to the ascending places that an entry of the policy requires, intp[n]."""
    wanted = [
        (_port_tables(entry), AddressColumns(merge(entry.networks)))
        for entry in policy.entries
        if entry.required and entry.networks and not entry.review
    ]

    def places(wave: Wave) -> Indices:
        found = [
            _among(wave, transport, table, columns) for tables, columns in wanted for transport, table in tables.items()
        ]
        return np.unique(np.concatenate(found)) if found else np.empty(0, np.intp)

    return places


def _port_tables(entry: Entry) -> dict[Transport, Mask]:
    """Return the required ports by transport; only transports that have any."""
    tables: dict[Transport, Mask] = {}
    for key in entry.required:
        tables.setdefault(key.transport, np.zeros(1 << 16, np.bool_))[key.number] = True
    return tables


def _among(wave: Wave, transport: Transport, table: Mask, columns: AddressColumns) -> Indices:
    by_port: Indices = np.flatnonzero(table[wave.port])
    by_port = by_port[wave.transport[by_port] == PROTOCOL[transport]]
    if not len(by_port):
        return by_port
    return by_port[columns.find(wave.version[by_port], wave.high[by_port], wave.low[by_port]) >= 0]

"""Finds UDP ports that stay silent, with proof, on hosts that say of nearly all others that they are closed.

A service that answers no stranger looks like that: WireGuard, OpenVPN behind tls-auth, a syslog server, a back door.
So does a port that a firewall drops. Where few ports of a host are silent, each deserves a look. Where many are, a
filter is the likelier reason, and the host is only counted.

Which of the two it is shows when all ports of the host are settled, so the ports are kept until the sweep ends:
at most eleven observations for each host.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from scanner.core.columns import Indices, Mask
from scanner.core.model import PROTOCOL, SILENT_AMONG_CLOSED, Observation, Transport
from scanner.core.plan.reasons import Reason, reason_code
from scanner.core.plan.wave import SettledWave

MOST_SILENT, MOST_SHARE = 10, 0.1
"""Silent ports of a host, and their share of those that are closed or silent, up to which they count as services."""

_CLOSED, _SILENT = reason_code(Reason.PORT_UNREACHABLE), reason_code(Reason.UDP_NO_RESPONSE)


@dataclass(slots=True)
class _Host:
    closed: int = 0
    silent: int = 0
    seen: list[Observation] = field(default_factory=list)

    @property
    def filters(self) -> bool:
        return self.silent > MOST_SILENT or self.silent > MOST_SHARE * (self.closed + self.silent)


class SilentPorts:
    """Takes settled waves in; gives the silent ports that deserve a look."""

    def __init__(self) -> None:
        self._hosts: dict[int, _Host] = {}

    def take(self, settled: SettledWave, reported: Indices) -> None:
        """Count the UDP ports of a wave. The places in `reported` are observed anyway, and are only counted."""
        udp = settled.wave.transport == PROTOCOL[Transport.UDP]
        for index, count in _counted(settled, udp & (settled.reason == _CLOSED)):
            self._host(index).closed += count
        silent = np.flatnonzero(udp & (settled.reason == _SILENT))
        kept = []
        for place in silent.tolist():
            host = self._host(int(settled.wave.host[place]))
            host.silent += 1
            if host.silent <= MOST_SILENT:
                kept.append(place)
        places = np.setdiff1d(np.array(kept, np.intp), reported)
        for place, seen in zip(places.tolist(), settled.observe(places), strict=True):
            self._host(int(settled.wave.host[place])).seen.append(seen)

    def found(self) -> Iterator[Observation]:
        """Yield the silent ports of hosts whose other ports are nearly all closed, with the counts as evidence."""
        for host in self._hosts.values():
            if not host.filters:
                counts = f"{host.closed:,} UDP ports of this host say that they are closed, {host.silent} stay silent"
                yield from (replace(seen, reason=SILENT_AMONG_CLOSED, evidence=counts) for seen in host.seen)

    @property
    def any(self) -> bool:
        """Return whether any port was proven silent."""
        return any(host.silent for host in self._hosts.values())

    @property
    def filtering_hosts(self) -> int:
        """Return how many hosts have closed ports, and too many silent ones to list."""
        return sum(host.filters and host.closed > 0 for host in self._hosts.values())

    def _host(self, index: int) -> _Host:
        return self._hosts.setdefault(index, _Host())


def _counted(settled: SettledWave, mask: Mask) -> Iterator[tuple[int, int]]:
    hosts, counts = np.unique(settled.wave.host[mask], return_counts=True)
    return zip(hosts.tolist(), counts.tolist(), strict=True)

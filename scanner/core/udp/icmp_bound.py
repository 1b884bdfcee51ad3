"""How long a host takes to say which of its UDP ports are closed, by the limits that Linux sets by default.

One ICMP error shows one closed port, and Linux sends each address one a second by IPv4 (`icmp_ratelimit`) and ten by
IPv6 (`icmp/ratelimit`), with six saved up. No scanner is faster than that bound; several source addresses are.
"""

from collections.abc import Mapping
from types import MappingProxyType

SAVED_UP = 6
"""Errors that a host sends at once."""
TOLD_A_SECOND: Mapping[int, float] = MappingProxyType({4: 1.0, 6: 10.0})
"""Errors a second that a default Linux host sends to one address afterwards, by IP version."""
_HOST_WIDE = 1000.0
"""Errors a second that it sends to all addresses together (`icmp_msgs_per_sec`)."""


def seconds_to_tell(ports: int, version: int, sources: int = 1) -> float:
    """Return the least seconds in which a default Linux host says that `ports` ports are closed.

    `version` is 4 or 6; `sources` is from how many addresses it is asked.
    """
    rate = min(TOLD_A_SECOND[version] * sources, _HOST_WIDE)
    return max(0.0, ports - SAVED_UP * sources) / rate

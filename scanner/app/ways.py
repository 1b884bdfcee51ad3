"""Which way out of this machine an address takes, for the engine that leaves routing to the kernel.

The kernel is asked once for each stretch of addresses that no route divides (`engines/routing/routes.py`). Where it
cannot be asked (another system than Linux, no rtnetlink), the engine counts everything as one way through a router:
the careful assumption.
"""

import sys

import numpy as np

from scanner.core.columns import U8, U64
from scanner.core.model import Address
from scanner.engines.connect.ways import WayOf, WayOut

_HALF = (1 << 64) - 1
NOWHERE = WayOut("no route", routed=True)
"""The way of an address that the kernel has no route to: connect() will say so."""


def kernel_ways() -> WayOf | None:
    """Return the kernel's answer by address; None where it cannot be asked."""
    if not sys.platform.startswith("linux"):
        return None
    from scanner.engines.routing.netlink import Netlink
    from scanner.engines.routing.routes import NO_ROUTE, Routes

    try:
        routes = Routes(Netlink())
    except OSError:
        return None

    def way_of(address: Address) -> WayOut:
        version: U8 = np.array([address.version], np.uint8)
        high: U64 = np.array([int(address) >> 64 & _HALF], np.uint64)
        low: U64 = np.array([int(address) & _HALF], np.uint64)
        number = int(routes.find(version, high, low)[0])
        if number == NO_ROUTE:
            return NOWHERE
        route = routes.known[number]
        name = route.link.name + (f" by {route.gateway}" if route.gateway else "")
        return WayOut(name, routed=route.gateway is not None)

    return way_of

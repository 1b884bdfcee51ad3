"""The addresses that UDP may be asked from: those that are configured on this machine, and no others.

A host limits the ICMP errors that it sends to each address by itself, so that asking from several finds closed ports
that much faster. It also takes that much more of the host's allowance: it is done only where the user asks for it.
"""

from collections.abc import Sequence
from ipaddress import ip_address

from scanner.core.errors import InvalidInput
from scanner.core.model import Address

MOST_SOURCES = 256
"""Addresses to ask from, at most: each takes a socket."""


def sources_from(words: Sequence[str]) -> tuple[Address, ...]:
    """Return the addresses in `words`, each once.

    Raises:
        InvalidInput: a word is no address, or the address is not configured on this machine.
    """
    if not words:
        return ()
    here = local_addresses()
    found: dict[Address, None] = {}
    for word in filter(None, (part.strip() for each in words for part in each.split(","))):
        try:
            address = ip_address(word)
        except ValueError as error:
            raise InvalidInput(f"{word!r} is not an address", where="--source") from error
        if address not in here:
            cure = "`scanner scan --iflist` lists the addresses of this machine"
            raise InvalidInput(f"{address} is not configured on this machine", where="--source", cure=cure)
        found[address] = None
    if len(found) > MOST_SOURCES:
        raise InvalidInput(f"{len(found)} addresses are too many", where="--source", cure=f"name up to {MOST_SOURCES}")
    return tuple(found)


def local_addresses() -> frozenset[Address]:
    """Return the addresses that are configured on this machine, without those of one link only."""
    import socket

    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    texts = (each.address for known in psutil.net_if_addrs().values() for each in known if each.family in families)
    return frozenset(ip_address(text) for text in texts if "%" not in text)

"""The values that foreign files write as text: addresses, ports, transports, times. What is none of them is refused.

Each function takes the source and the line for the one line of an error.
"""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address

from scanner.core.model import Address, Transport
from scanner.imports.interface import Source

HIGHEST_PORT = 65535
_TRANSPORTS = {"tcp": Transport.TCP, "udp": Transport.UDP, "6": Transport.TCP, "17": Transport.UDP}
_LATEST = 253_402_300_800.0
"""Seconds from the epoch to the year 10000, where Python's calendar ends."""


def imported_address(source: Source, line: int, text: str) -> Address:
    """Return an address without a zone."""
    try:
        found: Address = IPv6Address(text) if ":" in text else IPv4Address(text)
    except ValueError:
        raise source.refuse(line, f"{text[:60]!r} is not an address") from None
    if found.version == 6 and found.scope_id:
        raise source.refuse(line, f"{text[:60]!r}: a link-local address with its interface cannot be imported yet")
    return found


def port_of(source: Source, line: int, text: object) -> int:
    """Return a port number from 1 to 65535."""
    word = str(text)
    if isinstance(text, bool) or not (word.isascii() and word.isdigit() and len(word) <= 5):
        raise source.refuse(line, f"{word[:60]!r} is not a port number")
    number = int(word)
    if not 1 <= number <= HIGHEST_PORT:
        raise source.refuse(line, f"{word!r} is not a port number from 1 to {HIGHEST_PORT}")
    return number


def transport_of(word: object) -> Transport | None:
    """Return the transport that a word or protocol number means; None for one that cannot be imported."""
    return _TRANSPORTS.get(str(word).lower())


def moment_of(source: Source, line: int, text: object) -> datetime:
    """Return seconds since the epoch as a moment in UTC."""
    try:
        seconds = float(str(text))
    except ValueError:
        raise source.refuse(line, f"{str(text)[:60]!r} is not a time in seconds") from None
    if not 0 <= seconds < _LATEST:  # refuses what is no number, too
        raise source.refuse(line, f"{str(text)[:60]!r} is not a time between 1970 and 9999")
    return datetime.fromtimestamp(seconds, UTC)


def iso_moment_of(source: Source, line: int, text: str) -> datetime:
    """Return an ISO 8601 time as a moment in UTC; one without a zone is UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise source.refuse(line, f"{text[:60]!r} is not an ISO 8601 time") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

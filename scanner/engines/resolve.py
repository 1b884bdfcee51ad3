"""Resolve names to addresses: once, all of them, before the first probe, so that scope and exclusions are checked on
what will really be probed. The system's resolver blocks, so several names are resolved at once in threads."""

import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from scanner.core.errors import InvalidInput, os_problem
from scanner.core.model import Address
from scanner.core.targets.targets import HostName

LOOKUPS_AT_ONCE = 16


def resolve(names: Sequence[HostName]) -> dict[HostName, tuple[Address, ...]]:
    """Return the addresses of each name, IPv4 first, ascending.

    Raises:
        InvalidInput: a name that has no address, with the place where it was written.
    """
    with ThreadPoolExecutor(LOOKUPS_AT_ONCE) as pool:
        return dict(zip(names, pool.map(_addresses, names), strict=True))


def _addresses(name: HostName) -> tuple[Address, ...]:
    try:
        answers = socket.getaddrinfo(name.word.text, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = os_problem(error) if isinstance(error, socket.gaierror) else "not a valid name"
        raise InvalidInput(
            f"{name.word.text!r} cannot be resolved ({why})", where=name.word.where, cure="check the name"
        ) from error
    addresses = {ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers}
    return tuple(sorted(addresses, key=lambda address: (address.version, int(address))))

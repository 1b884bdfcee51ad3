"""Names to addresses: once, all of them, before the first probe, so that scope and exclusions are checked on
what will really be probed."""

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import ip_address

from scanner.core.errors import InvalidInput
from scanner.core.model import Address
from scanner.core.targets import HostName


async def resolve(names: Sequence[HostName]) -> dict[HostName, tuple[Address, ...]]:
    """The addresses of each name, IPv4 first, ascending.

    Raises:
        InvalidInput: a name that has no address, with the place where it was written.
    """
    found = await asyncio.gather(*(_addresses(name) for name in names))
    return dict(zip(names, found, strict=True))


async def _addresses(name: HostName) -> tuple[Address, ...]:
    loop = asyncio.get_running_loop()
    try:
        answers = await loop.getaddrinfo(name.word.text, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, socket.gaierror) else "not a valid name"
        raise InvalidInput(
            f"{name.word.text!r} cannot be resolved ({why})", where=name.word.where, cure="check the name"
        ) from error
    addresses = {ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers}
    return tuple(sorted(addresses, key=lambda address: (address.version, int(address))))

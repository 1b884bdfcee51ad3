"""Hosts that answer on everything: who is suspected, how they are tested, and what is then reported.

A SYN proxy, a tarpit or a load balancer makes every port of a host look open. A few random high ports, on
which nothing can be expected to listen, tell such a host from one with many services: with 500 real listeners
the chance that a random port above 1023 hits one is 1 in 129, so that `NEEDED` hits of `CANARIES` by chance
are less likely than 1 in 10^11. (LZR: Izhikevich, Teixeira, Durumeric, USENIX Security 2021, section 5.)

Pure: which ports are random is decided by a secret that comes in as an argument.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum, auto
from hashlib import blake2b

from scanner.core.model import ANSWERS_EVERYWHERE, Address, Endpoint, Observation, State, Transport

CANARIES = 7
"""Random ports that are tried on a suspect."""
NEEDED = 6
"""How many of them must accept a connection: all but one, which may be lost."""
SUSPICIOUS = 12
"""Open ports that make a host a suspect, however many were asked."""
WHOLE_HOST_PORT = 0
"""The port of the one observation that stands for such a host: no service can have it."""

_LOWEST = 1024


class HostVerdict(Enum):
    """The result of testing a host on random ports."""

    ANSWERS_EVERYWHERE = auto()
    """Something answers for it on every port."""
    REAL = auto()
    """Its open ports are its own."""


def suspected(open_ports: int, asked: int) -> bool:
    """Return whether a host is worth a test: `open_ports` of the `asked` TCP ports accept connections.

    That is so from `SUSPICIOUS` open ports on; where fewer were asked, when at least three and all of them are open.
    """
    return open_ports >= SUSPICIOUS or (open_ports >= 3 and open_ports >= asked)


def canary_ports(address: Address, secret: bytes) -> tuple[int, ...]:
    """`CANARIES` distinct ports above 1023, random to anyone who does not know `secret` (at most 64 bytes)."""
    ports: dict[int, None] = {}
    for port in _random_ports(address, secret):
        ports.setdefault(port)
        if len(ports) == CANARIES:
            break
    return tuple(ports)


def _random_ports(address: Address, secret: bytes) -> Iterator[int]:
    for block in range(1000):
        digest = blake2b(address.packed + block.to_bytes(2, "big"), key=secret, digest_size=64).digest()
        for at in range(0, 64, 2):
            port = int.from_bytes(digest[at : at + 2], "big")
            if port >= _LOWEST:
                yield port


def verdict(accepted: Sequence[bool]) -> HostVerdict:
    """Return what the random ports say; `accepted` has one place for each that could be tried.

    Fewer than `NEEDED` places (we could not try them) never condemn a host.
    """
    return HostVerdict.ANSWERS_EVERYWHERE if sum(accepted) >= NEEDED else HostVerdict.REAL


def stand_in(seen: Observation) -> Observation:
    """The one observation that is reported for a whole host, made from any of its open ports.

    Its port is always the same, so that the finding's id is too.
    """
    return replace(
        seen,
        endpoint=Endpoint(seen.endpoint.address, Transport.TCP, WHOLE_HOST_PORT),
        reason=ANSWERS_EVERYWHERE,
        evidence=f"{NEEDED} or more of {CANARIES} random ports accept connections",
        identity=None,
    )


def is_open_tcp(seen: Observation) -> bool:
    """Return whether an observation counts towards a suspicion."""
    return seen.state is State.OPEN and seen.endpoint.transport is Transport.TCP

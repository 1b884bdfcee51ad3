"""Waves by hand, and what came of them as plain dictionaries."""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

import numpy as np

from scanner.core.model import Coverage, Transport
from scanner.core.plan.reasons import reason_text
from scanner.core.plan.wave import SettledWave, Wave, one_transport
from scanner.engines.interface import Engine


def wave(addresses: Iterable[str], ports: Iterable[int], number: int = 0, transport: Transport = Transport.TCP) -> Wave:
    """Every port of every address, host by host."""
    hosts, wanted = [ip_address(each) for each in addresses], list(ports)
    spread = [int(each) for each in hosts for _ in wanted]
    return Wave(
        number=number,
        host=np.repeat(np.arange(len(hosts), dtype=np.uint64), len(wanted)),
        port=np.tile(np.array(wanted, np.uint16), len(hosts)),
        version=np.repeat(np.array([each.version for each in hosts], np.uint8), len(wanted)),
        high=np.array([each >> 64 for each in spread], np.uint64),
        low=np.array([each & 0xFFFF_FFFF_FFFF_FFFF for each in spread], np.uint64),
        transport=one_transport(transport, len(spread)),
    )


def in_pieces(whole: Wave, size: int) -> Iterator[Wave]:
    """The same endpoints as waves of that size."""
    for number, first in enumerate(range(0, len(whole), size)):
        yield whole.part(slice(first, first + size), number)


async def settle(engine: Engine, *waves: Wave) -> list[SettledWave]:
    """Run an engine over waves."""
    return [each async for each in engine.run(waves)]


def reasons(*settled: SettledWave) -> dict[tuple[str, int], str]:
    """The reason in words for each (address, port)."""
    return {
        (str(each.wave.address(place)), int(each.wave.port[place])): reason_text(int(code))
        for each in settled
        for place, code in enumerate(each.reason)
    }


def evidence(*settled: SettledWave) -> dict[tuple[str, int], str]:
    """The evidence for each (address, port) that has any."""
    return {
        (str(each.wave.address(place)), int(each.wave.port[place])): words
        for each in settled
        for place, words in each.evidence.items()
    }


def covered(*settled: SettledWave) -> Coverage:
    """What several waves covered."""
    return sum((each.coverage() for each in settled), Coverage())

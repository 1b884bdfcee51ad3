"""A first policy, written from what a sweep found open.

Every entry is marked for review: that a port was open one day is not a reason why it should be. Hosts on which the
same ports are open become one entry. A host that answers on every port is left out and named in a comment, because
no list of ports describes it. UDP ports that stay silent among closed ones become entries of their own, with
`silent = true`.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from scanner.core.model import SILENT_AMONG_CLOSED, Address, Judged, State, Transport
from scanner.core.recognise.names import is_service_word
from scanner.core.sanitise import sanitise

OWNER = "REVIEW: who is responsible for this?"

_LONGEST_NAME = 200
"""Maximum length of a policy's name, in characters."""
_LONGEST_NOTE = 300

_Port = tuple[str, int]
"""Transport and number; sorts TCP before UDP."""

_Key = tuple[bool, tuple[_Port, ...]]
"""Whether the ports are silent, and which they are."""


@dataclass(slots=True)
class _Group:
    """Hosts on which the same ports are open."""

    addresses: list[Address] = field(default_factory=list)
    services: defaultdict[_Port, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    """What each port was seen or registered as, in order."""
    recognised: defaultdict[_Port, set[str]] = field(default_factory=lambda: defaultdict(set))
    """What was recognised on each port; empty text where nothing was."""


def draft_policy(name: str, sweep_id: str, judged: Iterable[Judged], *, shared: int = 0) -> Iterator[str]:
    """Yield the lines of a policy file.

    A port that is open on at least `shared` hosts is an entry of its own ("ssh on 14 hosts"); 0 keeps all ports of a
    host together.
    """
    groups, everywhere = _grouped(judged, shared)
    yield f"# Drafted from sweep {sanitise(sweep_id)}. It lists what was open, not what should be. The ports of"
    yield "# an entry are not expected until its `review` line is taken out. Split, merge and delete entries."
    for address in sorted(everywhere, key=_number):
        yield f"# Left out: {address} answers on every port, so its open ports say nothing about its services."
    yield f"name = {toml_text(name, limit=_LONGEST_NAME)}"
    for (silent, ports), group in sorted(groups.items(), key=_first_address):
        yield ""
        yield "[[expect]]"
        if shared and len(group.addresses) >= shared:
            hosts = f"{len(group.addresses):,} hosts"
            yield f"name = {toml_text(f'{_note(ports, group)} on {hosts}', limit=_LONGEST_NAME)}"
        yield from _list("networks", [toml_text(str(address)) for address in sorted(group.addresses, key=_number)])
        yield from _list("ports", [_port(port) for port in ports])
        yield f"owner = {toml_text(OWNER)}"
        yield f"note = {toml_text(_note(ports, group), limit=_LONGEST_NOTE)}"
        if silent:
            yield "silent = true"
        yield "review = true"
        yield from _services(ports, group)


def _first_address(item: tuple[_Key, _Group]) -> tuple[tuple[int, int], bool]:
    (silent, _), group = item
    return min(map(_number, group.addresses)), silent


def _grouped(judged: Iterable[Judged], shared: int) -> tuple[dict[_Key, _Group], set[Address]]:
    """Return hosts grouped by their open ports and by their silent ones, and those that answer on every port."""
    listed: defaultdict[tuple[Address, bool], dict[_Port, Judged]] = defaultdict(dict)
    everywhere: set[Address] = set()
    for each in judged:
        seen = each.observation
        if seen.whole_host:
            everywhere.add(seen.endpoint.address)
            continue
        silent = seen.reason == SILENT_AMONG_CLOSED
        if silent or seen.state is State.OPEN:
            listed[seen.endpoint.address, silent][seen.endpoint.transport, seen.endpoint.port] = each
    groups: defaultdict[_Key, _Group] = defaultdict(_Group)
    common = _common(listed, everywhere, shared)
    for (address, silent), ports in listed.items():
        if address in everywhere and not silent:
            continue
        for key in _apart(ports, silent, common):
            group = groups[silent, key]
            group.addresses.append(address)
            for port in key:
                seen = ports[port].observation
                group.services[port][_service(ports[port])] = None
                group.recognised[port].add(seen.identity.name if seen.identity else "")
    return groups, everywhere


def _common(
    listed: Mapping[tuple[Address, bool], Mapping[_Port, Judged]], everywhere: set[Address], shared: int
) -> set[tuple[bool, _Port]]:
    """Return the ports that are open on at least `shared` hosts."""
    counts = Counter(
        (silent, port)
        for (address, silent), ports in listed.items()
        if silent or address not in everywhere
        for port in ports
    )
    return {key for key, count in counts.items() if shared and count >= shared}


def _apart(ports: Iterable[_Port], silent: bool, common: set[tuple[bool, _Port]]) -> Iterator[tuple[_Port, ...]]:
    """Yield the common ports of a host one by one, and all others together."""
    rest = tuple(sorted(port for port in ports if (silent, port) not in common))
    yield from ((port,) for port in sorted(ports) if (silent, port) in common)
    if rest:
        yield rest


def _service(each: Judged) -> str:
    """Return what answered, or what the registry calls the port: its service, or else its status."""
    identity = each.observation.identity
    if identity and identity.name:
        return identity.name
    services = (finding.service or finding.registry_status.value for finding in each.findings)
    return next(services, "unknown")


def _note(ports: Iterable[_Port], group: _Group) -> str:
    return ", ".join(f"{port[1]} {' or '.join(sorted(group.services[port]))}" for port in ports)


def _services(ports: Iterable[_Port], group: _Group) -> Iterator[str]:
    """Yield what must answer on each port, where the same service was recognised on every host."""
    words = {port: next(iter(group.recognised[port])) for port in ports if len(group.recognised[port]) == 1}
    lines = [f"{_port(port)} = {toml_text(word)}" for port, word in words.items() if is_service_word(word)]
    if lines:
        yield "[expect.services]"
        yield from lines


def _port(port: _Port) -> str:
    transport, number = port
    return str(number) if transport == Transport.TCP else toml_text(f"{transport[0].upper()}:{number}")


def _list(key: str, words: list[str]) -> Iterator[str]:
    if len(words) <= 6:
        yield f"{key} = [{', '.join(words)}]"
        return
    yield f"{key} = ["
    for start in range(0, len(words), 6):
        yield f"  {', '.join(words[start : start + 6])},"
    yield "]"


def toml_text(text: str, limit: int = 1000) -> str:
    """Return a TOML basic string: JSON's, once nothing unseen is in it."""
    return json.dumps(sanitise(text, limit=limit), ensure_ascii=False)


def _number(address: Address) -> tuple[int, int]:
    return address.version, int(address)

"""`ss -tulpnH`: the sockets that listen on one machine, with or without the heading."""

from collections.abc import Iterator

from scanner.core.model import Transport
from scanner.imports.fields import port_of
from scanner.imports.interface import Heading, ImportEvent, Source
from scanner.imports.lines import lines_of
from scanner.imports.sockets import sockets_of, split_endpoint

_STATES = {"tcp": "LISTEN", "udp": "UNCONN"}
_OTHERS = frozenset({"p_raw", "p_dgr", "nl", "u_str", "u_dgr", "u_seq", "icmp6", "raw", "sctp", "dccp", "mptcp", "xdp"})


def recognise(head: str) -> bool:
    """Return whether a file begins as the output of ss."""
    words = head.partition("\n")[0].split()
    if words[:2] == ["Netid", "State"]:
        return True
    return len(words) >= 6 and words[0] in (*_STATES, *_OTHERS) and words[1].isupper() and words[2].isdigit()


def read(source: Source) -> Iterator[ImportEvent]:
    """Yield what the file says."""
    yield Heading("ss")
    for number, line in lines_of(source):
        words = line.split(maxsplit=6)
        if not words or words[0] == "Netid":
            continue
        if words[0] in _OTHERS:
            source.left_out["sockets of other protocols than TCP and UDP"] += 1
            continue
        if len(words) < 6 or words[0] not in _STATES:
            raise source.refuse(number, f"{line[:60]!r} is not a line of `ss -tulpn`")
        if words[1] != _STATES[words[0]]:
            source.left_out["connections"] += 1
            continue
        address, port = split_endpoint(source, number, words[4])
        evidence = words[6] if len(words) > 6 else ""
        number_of_port = port_of(source, number, port)
        yield from sockets_of(source, number, Transport(words[0]), address, number_of_port, evidence)

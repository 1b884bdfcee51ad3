"""A kernel filter that lets through only what may answer our probes.

The receive ring would fill with other people's traffic if the kernel did not sort first. The program is the
column reader's first questions in another language: is it TCP (or UDP) to one of our source ports, or an ICMP error
that quotes the same from one of them? And is it for this machine, or did an interface in promiscuous mode overhear it?
Whether an answer is genuine is checked later; a forged one passes, so that it can be counted.

A packet begins with its IP header.
"""

from typing import Final

from scanner.engines.bpf import DROP, TAKE, FilterStep, assemble_filter

_PACKET_TYPE: Final = 0xFFFFF004
"""SKF_AD_OFF + SKF_AD_PKTTYPE: a load from there gives the kind of receiver that the frame was for."""
_OTHER_HOST: Final = 3
"""PACKET_OTHERHOST."""
_FOR_US: Final[tuple[FilterStep, ...]] = (("ldb", _PACKET_TYPE), ("jeq", _OTHER_HOST, "drop", ""))
"""Drop what is for another machine."""
TCP: Final = 6
UDP: Final = 17
_WHOLE: Final = 0x3FFF
"""More-fragments and fragment offset."""
_BEGINNING: Final = 0x1FFF
"""Fragment offset alone: of a datagram in fragments, the first may come."""


def answer_filter(version: int, *, first_port: int, last_port: int, protocol: int = TCP) -> bytes:
    """Return the program for packets of one IP version, as an array of `struct sock_filter`.

    Args:
        version: 4 or 6.
        first_port: lowest of our source ports.
        last_port: highest of our source ports.
        protocol: what our probes are, `TCP` or `UDP`.
    """
    load_port = _ipv4(protocol) if version == 4 else _ipv6(protocol)
    return assemble_filter([*_FOR_US, *load_port, *_port_in(first_port, last_port)])


def _ipv4(protocol: int) -> tuple[FilterStep, ...]:
    """Load the port of ours that an IPv4 packet is for, and go to `port`; or drop."""
    return (
        ("ldh", 6),
        ("jset", _WHOLE if protocol == TCP else _BEGINNING, "drop", ""),
        ("ldx ihl", 0),
        ("ldb", 9),
        ("jeq", protocol, "answer", ""),
        ("jeq", 1, "", "drop"),
        ("ldb x+", 0),
        ("jeq", 3, "error", ""),
        ("jeq", 11, "error", ""),
        ("jeq", 12, "error", "drop"),
        "error",
        ("ldb x+", 8 + 9),
        ("jeq", protocol, "", "drop"),
        ("ldb x+", 8),
        ("and", 15),
        ("lsh", 2),
        ("add x", 0),
        ("tax", 0),
        ("ldh x+", 8),
        ("jge", 0, "port", ""),
        "answer",
        ("ldh x+", 2),
    )


def _ipv6(protocol: int) -> tuple[FilterStep, ...]:
    """The same for IPv6."""
    return (
        ("ldb", 6),
        ("jeq", protocol, "answer", ""),
        ("jeq", 58, "", "drop"),
        ("ldb", 40),
        ("jge", 1, "", "drop"),
        ("jgt", 4, "drop", ""),
        ("ldb", 48 + 6),
        ("jeq", protocol, "", "drop"),
        ("ldh", 48 + 40),
        ("jge", 0, "port", ""),
        "answer",
        ("ldh", 40 + 2),
    )


def _port_in(first: int, last: int) -> tuple[FilterStep, ...]:
    """Take the packet whole if the loaded port is in range."""
    return ("port", ("jge", first, "", "drop"), ("jgt", last, "drop", "take"), *TAKE, *DROP)
